//! `doctor`: what this machine can measure, and what would make it measure better.
//! It changes nothing.

use std::fs;
use std::time::Duration;

use anyhow::Result;

use super::{Setup, print_out};
use crate::config::Kind;
use crate::error::Outcome;
use crate::fingerprint::{Machine, cores, line_of, output_line};
use crate::gate::measure::valgrind_version;
use crate::noise::Counters;
use crate::workers::{find_library, missing};

/// How long stolen and contended time is watched.
const WATCH: Duration = Duration::from_millis(500);
/// Share of stolen or contended time from which on times are doubtful.
const DOUBTFUL_SHARE: f64 = 0.01;

/// One thing looked at.
struct Finding {
    what: String,
    value: String,
    advice: Option<String>,
}

/// Prints the report.
pub(super) fn doctor(setup: &Setup) -> Result<Outcome> {
    let machine = Machine::read();
    let quiet = quietness();
    let mut text = format!("{}\n\n", machine.line());
    let sections = [("machine", machine_findings(&machine, &quiet)), ("tools", tool_findings(setup))];
    for (title, findings) in sections {
        text += &format!("{title}\n");
        for Finding { what, value, advice } in findings {
            text += &format!("  {what:<18} {value}\n");
            if let Some(advice) = advice {
                text += &format!("  {:<18} → {advice}\n", "");
            }
        }
        text.push('\n');
    }
    text += "metrics\n";
    for (metric, verdict) in verdicts(&machine, &quiet) {
        text += &format!("  {metric:<18} {verdict}\n");
    }
    print_out(&text)?;
    Ok(Outcome::Done)
}

/// How much of the machine others take.
struct Quietness {
    load: f64,
    steal_share: Option<f64>,
    pressure_share: Option<f64>,
}

impl Quietness {
    fn doubtful(&self) -> bool {
        self.load > 0.5 || is_doubtful(self.steal_share) || is_doubtful(self.pressure_share)
    }
}

fn is_doubtful(share: Option<f64>) -> bool {
    share.is_some_and(|share| share > DOUBTFUL_SHARE)
}

fn quietness() -> Quietness {
    let before = Counters::now();
    std::thread::sleep(WATCH);
    let noise = before.until(&Counters::now());
    let share = |us: Option<u64>| us.map(|us| us as f64 / WATCH.as_micros() as f64);
    let load = line_of("/proc/loadavg").split_whitespace().next().and_then(|number| number.parse().ok());
    Quietness {
        load: load.unwrap_or(0.0),
        steal_share: share(noise.steal_us).map(|all| all / cores() as f64),
        pressure_share: share(noise.cpu_pressure_us),
    }
}

fn machine_findings(machine: &Machine, quiet: &Quietness) -> Vec<Finding> {
    let advise = |condition: bool, advice: &str| condition.then(|| advice.to_owned());
    let percent = |share: Option<f64>| {
        share.map_or_else(|| "unknown".to_owned(), |share| format!("{:.1} %", 100.0 * share))
    };
    let aslr = line_of("/proc/sys/kernel/randomize_va_space");
    let overcommit = line_of("/proc/sys/vm/overcommit_memory");
    let finding = |what: &str, value, advice| Finding { what: what.to_owned(), value, advice };
    vec![
        finding(
            "cores",
            machine.cores.to_string(),
            advise(machine.cores < 2, "rows with threads need two cores"),
        ),
        finding("virtualisation", machine.virtualisation.clone(), None),
        finding(
            "load",
            quiet.load.to_string(),
            advise(quiet.load > 0.5, "end other programs before measuring"),
        ),
        finding(
            "stolen time",
            percent(quiet.steal_share),
            advise(
                is_doubtful(quiet.steal_share),
                "the host is busy; measure at another time or take more passes",
            ),
        ),
        finding(
            "waiting for a core",
            percent(quiet.pressure_share),
            advise(is_doubtful(quiet.pressure_share), "end other programs before measuring"),
        ),
        finding(
            "huge pages",
            machine.huge_pages.clone(),
            advise(
                machine.huge_pages == "always",
                "memory figures jump in steps of 2 MiB; echo madvise > /sys/kernel/mm/transparent_hugepage/enabled",
            ),
        ),
        finding(
            "free memory",
            if machine.reports_free_pages {
                "goes back to the host; some is touched before each sample".to_owned()
            } else {
                "stays".to_owned()
            },
            None,
        ),
        finding(
            "governor",
            machine.governor.clone(),
            advise(
                !["performance", "unknown"].contains(&machine.governor.as_str()),
                "the clock varies; cpupower frequency-set --governor performance",
            ),
        ),
        finding(
            "address layout",
            if aslr == "0" { "fixed".to_owned() } else { format!("random ({aslr})") },
            advise(aslr == "0", "one layout may be a lucky one; sysctl kernel.randomize_va_space=2"),
        ),
        finding(
            "overcommit",
            overcommit.clone(),
            advise(overcommit == "2", "allocators that reserve much may fail; sysctl vm.overcommit_memory=0"),
        ),
        finding("swap", swap(), None),
    ]
}

fn swap() -> String {
    let swaps = fs::read_to_string("/proc/swaps").unwrap_or_default();
    if swaps.lines().count() > 1 { "on" } else { "off" }.to_owned()
}

fn tool_findings(setup: &Setup) -> Vec<Finding> {
    let version = |what: &str, program, package: &str| {
        let version = output_line(program, &["--version"], setup.root.as_deref());
        let advice = version.is_none().then(|| format!("apt-get install {package}"));
        Finding { what: what.to_owned(), value: version.unwrap_or_else(|| "not found".to_owned()), advice }
    };
    let mut findings = vec![
        version("rustc", "rustc", "rustc, or see rustup.rs"),
        version("C compiler", "cc", "gcc"),
        version("C++ compiler", "c++", "g++"),
        version("cmake", "cmake", "cmake"),
        version("make", "make", "make"),
        version("valgrind", "valgrind", "valgrind"),
        version("git", "git", "git"),
    ];
    for allocator in setup.config.allocators.iter().filter(|allocator| allocator.kind == Kind::Preload) {
        let advice = missing(allocator);
        let value = match allocator.built_library() {
            Some((package, file)) => format!("{file}, built from {package} before a run"),
            None => find_library(&allocator.library)
                .map_or_else(|| "not found".to_owned(), |path| path.display().to_string()),
        };
        findings.push(Finding { what: format!("library of {}", allocator.id), value, advice });
    }
    findings
}

fn verdicts(machine: &Machine, quiet: &Quietness) -> [(&'static str, String); 5] {
    let time = if quiet.doubtful() {
        "advisory: other programs take time now".to_owned()
    } else if machine.virtualisation != "none" {
        "advisory: a virtual machine shares its cores".to_owned()
    } else {
        "may gate, as a ratio inside one run".to_owned()
    };
    let memory =
        if machine.huge_pages == "always" { "advisory: huge pages are always on" } else { "may gate" };
    let instructions = match valgrind_version() {
        Some(version) => format!("may gate, with {version} only"),
        None => "not available: valgrind is not installed".to_owned(),
    };
    [
        ("time", time),
        ("peak RSS", memory.to_owned()),
        ("minor faults", memory.to_owned()),
        ("allocation counts", "may gate".to_owned()),
        ("instructions", instructions),
    ]
}
