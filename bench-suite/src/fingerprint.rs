//! Where and from what a run was made: machine, compiler, commit.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde::{Deserialize, Serialize};

const UNKNOWN: &str = "unknown";

/// Facts about the machine that do not change while it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Processor as it names itself.
    pub cpu_model: String,
    /// Processors that the harness may use.
    pub cores: usize,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// Kind of virtual machine and container, `none` on bare metal.
    pub virtualisation: String,
    /// Kernel release.
    pub kernel: String,
    /// C library with version.
    pub libc: String,
    /// Mode of transparent huge pages.
    pub huge_pages: String,
    /// Frequency governor of the first core.
    pub governor: String,
    /// Whether the host takes free memory back, so that memory is touched and freed before each sample.
    #[serde(default)]
    pub reports_free_pages: bool,
}

impl Machine {
    /// Reads them; what cannot be read is `unknown`.
    pub fn read() -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        Self {
            cpu_model: value_after(&cpuinfo, "model name").unwrap_or(UNKNOWN).to_owned(),
            cores: cores(),
            memory_bytes: kilobytes(&meminfo, "MemTotal") * 1024,
            virtualisation: virtualisation(&cpuinfo),
            kernel: line_of("/proc/sys/kernel/osrelease"),
            libc: output_line("getconf", &["GNU_LIBC_VERSION"], None).unwrap_or_else(|| UNKNOWN.to_owned()),
            huge_pages: chosen(&line_of("/sys/kernel/mm/transparent_hugepage/enabled")),
            governor: line_of("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
            reports_free_pages: reports_free_pages(),
        }
    }

    /// One line for people.
    pub fn line(&self) -> String {
        let virtualised = match self.virtualisation.as_str() {
            "none" => String::new(),
            kind => format!(", {kind}"),
        };
        format!(
            "{}, {} cores, {} GiB{virtualised}, Linux {}, {}",
            self.cpu_model,
            self.cores,
            (self.memory_bytes + (1 << 29)) >> 30,
            self.kernel,
            self.libc
        )
    }

    /// Whether the [line](Self::line) of a machine is about another processor than this one's, as far as both are known.
    pub fn has_other_processor(&self, line: &str) -> bool {
        let is_of = |model: &str| line.starts_with(&format!("{model}, "));
        self.cpu_model != UNKNOWN && !is_of(UNKNOWN) && !is_of(&self.cpu_model)
    }

    /// The first fact that makes samples of the two machines incomparable, as far as both are known.
    pub fn difference(&self, now: &Self) -> Option<String> {
        let facts = [
            ("cpu_model", self.cpu_model.clone(), now.cpu_model.clone()),
            ("cores", self.cores.to_string(), now.cores.to_string()),
            ("kernel", self.kernel.clone(), now.kernel.clone()),
            ("libc", self.libc.clone(), now.libc.clone()),
            ("huge_pages", self.huge_pages.clone(), now.huge_pages.clone()),
        ];
        facts
            .into_iter()
            .find(|(_, then, now)| then != now && ![then.as_str(), now.as_str()].contains(&UNKNOWN))
            .map(|(name, then, now)| format!("machine.{name} was '{then}' and is '{now}'"))
    }
}

/// Processors that this process may use.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The commit the sources are at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// Short hash, or `nogit` where there is no repository.
    pub sha: String,
    /// Whether tracked files differ from it.
    pub dirty: bool,
}

impl Commit {
    /// Asks git in `root`.
    pub fn read(root: Option<&Path>) -> Self {
        let git = |arguments: &[&str]| root.and_then(|root| output_line("git", arguments, Some(root)));
        match git(&["rev-parse", "--short=10", "HEAD"]) {
            Some(sha) => {
                Self { sha, dirty: git(&["status", "--porcelain", "--untracked-files=no"]).is_some() }
            }
            None => Self { sha: "nogit".to_owned(), dirty: false },
        }
    }

    /// Hash with `-dirty` where it applies.
    pub fn name(&self) -> String {
        format!("{}{}", self.sha, if self.dirty { "-dirty" } else { "" })
    }
}

/// What the workers are built with.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Toolchain {
    /// First line of `rustc --version`.
    pub rustc: String,
    /// `RUSTFLAGS` of the environment.
    pub rustflags: String,
    /// What the environment has instead of the project's flags, by the variable's name; earlier versions did not note it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub flags: BTreeMap<String, String>,
    /// Compilers for C and C++ and flags for them that the environment has, by the variable's name; earlier versions did not
    /// note them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub c_environment: BTreeMap<String, String>,
}

/// Variables that take the place of the flags in the project's configuration, even if they are empty.
const FLAGS: [&str; 2] = ["CARGO_ENCODED_RUSTFLAGS", RUSTFLAGS];
const RUSTFLAGS: &str = "RUSTFLAGS";
/// Variables that build scripts take for or beside their own choice of compilers and flags for C and C++, unless they are empty.
const C_ENVIRONMENT: [&str; 4] = ["CC", "CXX", "CFLAGS", "CXXFLAGS"];

impl Toolchain {
    /// Asks the compiler that a nested build in `root` uses.
    pub fn read(root: Option<&Path>) -> Self {
        let set = |name: &str| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
        let noted = |name: &&str| Some(((*name).to_owned(), set(name)?));
        let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
        Self {
            rustc: output_line(&rustc, &["--version"], root).unwrap_or_else(|| UNKNOWN.to_owned()),
            rustflags: set(RUSTFLAGS).unwrap_or_default(),
            flags: FLAGS.iter().filter_map(noted).collect(),
            c_environment: C_ENVIRONMENT
                .iter()
                .filter_map(noted)
                .filter(|(_, value)| !value.is_empty())
                .collect(),
        }
    }

    /// The names of the variables that took the place of the project's flags.
    pub fn set_flags(&self) -> Vec<&str> {
        if self.flags.is_empty() && !self.rustflags.is_empty() {
            return vec![RUSTFLAGS];
        }
        self.flags.keys().map(String::as_str).collect()
    }
}

/// The first line a program prints, unless it fails or prints nothing.
pub fn output_line(program: &str, arguments: &[&str], folder: Option<&Path>) -> Option<String> {
    let mut command = Command::new(program);
    command.args(arguments);
    if let Some(folder) = folder {
        command.current_dir(folder);
    }
    let output = command.output().ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok()?.lines().next().map(|line| line.trim().to_owned())
}

/// The first line of a file, or `unknown`.
pub fn line_of(path: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().next().map_or_else(|| UNKNOWN.to_owned(), |line| line.trim().to_owned())
}

/// The bracketed word of a kernel setting such as `always [madvise] never`.
pub fn chosen(setting: &str) -> String {
    let inside = setting.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
    inside.map_or_else(|| setting.to_owned(), |(word, _)| word.to_owned())
}

fn value_after<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    let line = text.lines().find(|line| line.starts_with(key))?;
    line.split_once(':').map(|(_, value)| value.trim())
}

/// The number of kilobytes that `/proc/meminfo` gives for a key; zero if none.
pub(crate) fn kilobytes(meminfo: &str, key: &str) -> u64 {
    let value = value_after(meminfo, key).and_then(|text| text.split_whitespace().next());
    value.and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Whether a device tells the host which memory is free: virtio's balloon, if that is among the features it has agreed on.
pub(crate) fn reports_free_pages() -> bool {
    let devices = fs::read_dir("/sys/bus/virtio/drivers/virtio_balloon");
    devices.into_iter().flatten().flatten().any(|device| {
        fs::read_to_string(device.path().join("features")).is_ok_and(|features| has_reporting(&features))
    })
}

/// Whether VIRTIO_BALLOON_F_REPORTING is among these features, a digit for each from the first on.
fn has_reporting(features: &str) -> bool {
    const REPORTING: usize = 5;
    features.as_bytes().get(REPORTING) == Some(&b'1')
}

fn virtualisation(cpuinfo: &str) -> String {
    // Exits with a failure where there is none of the kind.
    let kinds = ["--vm", "--container"].map(|kind| output_line("systemd-detect-virt", &[kind], None));
    let found: Vec<String> = kinds.into_iter().flatten().collect();
    if !found.is_empty() {
        return found.join("/");
    }
    let hypervisor = value_after(cpuinfo, "flags").is_some_and(|flags| flags.contains(" hypervisor"));
    if hypervisor { "virtual machine" } else { "none" }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_are_counted_from_zero() {
        assert!(has_reporting("0110010100"));
        assert!(!has_reporting("0110001111"));
        assert!(!has_reporting("1"));
    }

    #[test]
    fn kilobytes_are_those_of_the_key() {
        let meminfo = "MemTotal:       24613584 kB\nMemAvailable:   23950000 kB\n";
        assert_eq!(kilobytes(meminfo, "MemAvailable"), 23_950_000);
        assert_eq!(kilobytes(meminfo, "SwapTotal"), 0);
    }

    #[test]
    fn kernel_settings_and_tables_are_read() {
        assert_eq!(chosen("always [madvise] never"), "madvise");
        assert_eq!(chosen("performance"), "performance");
        assert_eq!(value_after("model name\t: Fast CPU\n", "model name"), Some("Fast CPU"));
        assert_eq!(line_of("/nonexistent"), "unknown");
    }

    #[test]
    fn this_machine_has_a_kernel_and_equals_itself() {
        let machine = Machine::read();
        assert_ne!(machine.kernel, "unknown");
        assert!(machine.memory_bytes > 1 << 20);
        assert_eq!(machine.difference(&machine), None);
        assert!(!machine.has_other_processor(&machine.line()));
        let other = Machine { kernel: "0.1".to_owned(), ..machine.clone() };
        assert!(machine.difference(&other).unwrap().starts_with("machine.kernel was"));
    }

    #[test]
    fn processors_are_told_apart_by_the_line_about_the_machine_if_both_are_known() {
        let of = |model: &str| Machine { cpu_model: model.to_owned(), ..Machine::read() };
        assert!(!of("AMD EPYC").has_other_processor(&of("AMD EPYC").line()));
        assert!(of("AMD EPYC").has_other_processor(&of("AMD EPYC 7763").line()));
        assert!(of("AMD EPYC 7763").has_other_processor(&of("AMD EPYC").line()));
        assert!(!of(UNKNOWN).has_other_processor(&of("AMD EPYC").line()));
        assert!(!of("AMD EPYC").has_other_processor(&of(UNKNOWN).line()));
    }
}
