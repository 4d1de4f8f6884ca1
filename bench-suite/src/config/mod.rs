//! The embedded configuration: which allocators and workloads there are, how each is started and drawn.

mod allocator;
mod workload;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use workloads::rows::Size;

pub use allocator::{Allocator, Kind, Measured, Pattern};
pub use workload::{Group, Threads, Workload};

const EMBEDDED: &str = include_str!("../../bench.toml");

/// Colours of libraries named on the command line, which the configuration does not know. Their
/// pattern is [`Pattern::Crossed`].
const SPARE_COLOURS: [&str; 4] = ["#8C564B", "#4B2A8C", "#174A26", "#C8508C"];

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

/// What runs under the allocators that are compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Field {
    /// Workers, each with an allocator of its own; the workloads are ports.
    #[default]
    Workers,
    /// Programs of the system, as they are, with a preloaded allocator.
    Programs,
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
