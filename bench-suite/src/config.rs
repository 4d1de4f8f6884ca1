//! The embedded configuration: which allocators and workloads there are, how each is started and drawn.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use workloads::rows::Size;

use crate::catalogue::Workload;
use crate::plan::Field;
use crate::summary::Pattern;

const EMBEDDED: &str = include_str!("../bench.toml");

/// Colours of libraries named on the command line, which the configuration does not know. Their
/// pattern is [`Pattern::Crossed`].
const SPARE_COLOURS: [&str; 4] = ["#8C564B", "#4B2A8C", "#174A26", "#C8508C"];

/// The binary that starts programs of the system, in the place of a worker.
const LAUNCHER: &str = "launcher";

/// Everything `bench.toml` says.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// How a run is taken when no flag says otherwise.
    pub run: RunDefaults,
    /// The allocators in display order.
    #[serde(rename = "allocator")]
    pub allocators: Vec<Allocator>,
    /// The workloads in display order.
    #[serde(rename = "workload")]
    pub workloads: Vec<Workload>,
}

/// Defaults of `run`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunDefaults {
    /// The allocator that is 1.00 everywhere.
    pub reference: String,
    /// The same where programs of the system are measured.
    pub program_reference: String,
    /// Passes of a run.
    pub passes: usize,
    /// Passes of a run with `--quick`.
    pub quick_passes: usize,
    /// Seed of order and resampling.
    pub seed: u64,
    /// How long one sample may take, in seconds.
    pub timeout_seconds: PerSize,
}

impl RunDefaults {
    /// How long one sample of a size may take.
    pub fn timeout(&self, size: Size) -> Duration {
        let PerSize { check, quick, calibrated, full } = self.timeout_seconds;
        Duration::from_secs(match size {
            Size::Check => check,
            Size::Quick => quick,
            Size::Calibrated => calibrated,
            Size::Full => full,
        })
    }
}

/// A number for each size.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PerSize {
    check: u64,
    quick: u64,
    calibrated: u64,
    full: u64,
}

/// How an allocator gets into a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// It is the global allocator of its own worker binary.
    Linked,
    /// It is a shared library put in front of the system's `malloc`.
    Preload,
}

/// When an allocator is measured that nobody named.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Measured {
    /// In every run, with all that it can be measured with.
    #[default]
    Always,
    /// With programs of the system only.
    Programs,
    /// Never.
    Named,
}

/// One allocator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allocator {
    /// The name used on the command line, in files and charts.
    pub id: String,
    /// The name for people.
    pub label: String,
    /// How it gets into a worker.
    pub kind: Kind,
    /// The worker binary that is started.
    pub bin: String,
    /// The feature of the `workers` crate that the binary needs.
    #[serde(default)]
    pub feature: Option<String>,
    /// File names or paths of the library, the first that exists is taken.
    #[serde(default)]
    pub library: Vec<String>,
    /// The package of the workspace that the library is built from; absent when it is the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub library_from: Option<String>,
    /// The Debian package that has the library.
    #[serde(default)]
    pub package: Option<String>,
    /// The script that fetches the library, if no package has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<String>,
    /// Programs that building it needs.
    #[serde(default)]
    pub needs: Vec<String>,
    /// The library that stands for it where programs of the system are measured, if it is linked into workers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program_library: Option<String>,
    /// When it is measured without being selected by name.
    #[serde(default)]
    pub measured: Measured,
    /// `#RRGGBB`, fixed per allocator.
    pub colour: String,
    /// What tells it from allocators of a similar colour.
    #[serde(default)]
    pub pattern: Pattern,
}

impl Allocator {
    /// The id the worker binary gives itself in its report.
    pub fn worker_id(&self) -> &str {
        self.bin.strip_prefix("worker-").unwrap_or(&self.bin)
    }

    /// Package and file name of a library that is built from the sources of the workspace.
    pub fn built_library(&self) -> Option<(&str, &str)> {
        Some((self.library_from.as_deref()?, self.library.first()?))
    }

    /// The allocator as programs of the system get it, or nothing if they cannot.
    fn for_programs(&self) -> Option<Self> {
        let library = match (&self.program_library, self.kind) {
            (Some(library), _) => vec![library.clone()],
            (None, Kind::Preload) => self.library.clone(),
            (None, Kind::Linked) => return None,
        };
        let (bin, feature) = (LAUNCHER.to_owned(), None);
        Some(Self { kind: Kind::Preload, bin, feature, library, ..self.clone() })
    }
}

impl Config {
    /// The configuration this program was built with.
    pub fn embedded() -> Result<Self> {
        Self::parse(EMBEDDED).context("the embedded bench.toml is invalid")
    }

    fn parse(text: &str) -> Result<Self> {
        let config: Self = toml::from_str(text)?;
        for (index, allocator) in config.allocators.iter().enumerate() {
            let id = &allocator.id;
            ensure!(
                config.allocators[..index].iter().all(|a| a.id != *id),
                "allocator '{id}' is listed twice"
            );
            ensure!(
                (allocator.kind == Kind::Linked) == allocator.library.is_empty(),
                "allocator '{id}': a library is what makes kind = \"preload\""
            );
            ensure!(
                allocator.library_from.is_none()
                    || matches!(&*allocator.library, [name] if !name.contains('/')),
                "allocator '{id}': what is built is one library with a plain file name"
            );
        }
        for (index, workload) in config.workloads.iter().enumerate() {
            let id = &workload.id;
            ensure!(
                config.workloads[..index].iter().all(|other| other.id != *id),
                "workload '{id}' is listed twice"
            );
        }
        for field in [Field::Workers, Field::Programs] {
            let reference = config.reference(field);
            ensure!(
                config.field(field).iter().any(|a| a.id == reference),
                "reference '{reference}' is not an allocator that can be one"
            );
        }
        ensure!(config.run.passes > 0 && config.run.quick_passes > 0, "passes must be at least 1");
        Ok(config)
    }

    /// The allocators that can be measured in a field, each as it is there, the reference first.
    pub fn field(&self, field: Field) -> Vec<Allocator> {
        match field {
            Field::Workers => self.allocators.clone(),
            Field::Programs => {
                let mut field: Vec<_> = self.allocators.iter().filter_map(Allocator::for_programs).collect();
                field.sort_by_key(|allocator| allocator.id != self.run.program_reference);
                field
            }
        }
    }

    /// The allocator that is 1.00 in a field.
    pub fn reference(&self, field: Field) -> &str {
        match field {
            Field::Workers => &self.run.reference,
            Field::Programs => &self.run.program_reference,
        }
    }

    /// Adds a shared library named on the command line as one more allocator.
    pub fn add_preload(&mut self, id: &str, library: PathBuf) -> Result<()> {
        if self.allocators.iter().any(|a| a.id == id) {
            return Err(crate::usage!(
                "--preload {id}=…: there is an allocator '{id}' already; choose another name"
            ));
        }
        let library = library.into_os_string().into_string().map_err(|path| {
            crate::usage!("--preload {id}: {} is not valid UTF-8; rename it", path.display())
        })?;
        let spare = self.allocators.len() % SPARE_COLOURS.len();
        self.allocators.push(Allocator {
            id: id.to_owned(),
            label: format!("{id} (preload)"),
            kind: Kind::Preload,
            bin: "worker-mc".to_owned(),
            feature: None,
            library: vec![library],
            library_from: None,
            package: None,
            script: None,
            needs: Vec::new(),
            program_library: None,
            measured: Measured::Always,
            colour: SPARE_COLOURS[spare].to_owned(),
            pattern: Pattern::Crossed,
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn embedded_configuration_lists_all_allocators_in_order() {
        let config = Config::embedded().unwrap();
        let ids: Vec<_> = config.allocators.iter().map(|a| a.id.as_str()).collect();
        assert_eq!(
            ids,
            [
                "mi",
                "mi-secure",
                "mi3",
                "mi2",
                "jx",
                "sn",
                "rp",
                "tcg",
                "ra",
                "mc",
                "bare",
                "mi-so",
                "mi3-so",
                "mi2-so",
                "je",
                "tc"
            ]
        );
        assert_eq!(config.run.reference, "mi");
    }

    #[test]
    fn colours_are_distinct_and_well_formed() {
        let config = Config::embedded().unwrap();
        let mut colours: Vec<_> = config.allocators.iter().map(|a| a.colour.as_str()).collect();
        colours.extend(SPARE_COLOURS);
        for colour in &colours {
            let digits = colour.strip_prefix('#').unwrap();
            assert!(digits.len() == 6 && digits.chars().all(|c| c.is_ascii_hexdigit()), "{colour}");
        }
        let count = colours.len();
        colours.sort_unstable();
        colours.dedup();
        assert_eq!(colours.len(), count);
    }

    #[test]
    fn misspelt_key_is_refused_with_its_name() {
        let text = EMBEDDED.replacen("colour =", "color =", 1);
        let error = format!("{:#}", Config::parse(&text).unwrap_err());
        assert!(error.contains("unknown field `color`"), "{error}");
    }

    #[test]
    fn a_built_library_is_one_file() {
        let built = "library = [\"libmimalloc_rs.so\"]";
        for wrong in ["library = [\"/lib/x.so\"]", "library = [\"x.so\", \"y.so\"]"] {
            let error = Config::parse(&EMBEDDED.replacen(built, wrong, 1)).unwrap_err().to_string();
            assert!(error.contains("'mi-so'"), "{error}");
        }
    }

    #[test]
    fn added_library_gets_its_own_entry_and_no_duplicate_id() {
        let mut config = Config::embedded().unwrap();
        config.add_preload("mine", "/lib/x.so".into()).unwrap();
        assert_eq!(config.allocators.last().unwrap().kind, Kind::Preload);
        assert!(config.add_preload("je", "/lib/x.so".into()).is_err());
    }
}
