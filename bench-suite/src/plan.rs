//! What a run does and in which order; a pure function of the selection and the seed.
//!
//! A *block* is one workload under every allocator once, close in time. A *pass* is
//! every block once. Only ratios inside a block are trusted, so the order inside a block
//! and of the blocks is shuffled anew in each pass.

use std::path::PathBuf;
use std::time::Duration;

use rand::rngs::ChaCha8Rng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};
use workloads::rows::{Preset, Size};

use crate::catalogue;
use crate::config::Field;

/// More passes than anybody waits for, and few enough for all that is counted and kept by pass.
pub const MOST_PASSES: usize = 100_000;
/// Largest padding put into the environment of a worker, to vary where its stack starts.
const MAX_ENV_PAD: usize = 4096;
/// Granularity of the padding: the alignment of a stack.
const ENV_PAD_STEP: usize = 16;

/// What every worker of one run is asked for besides its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Params {
    /// Which era's parameters.
    pub preset: Preset,
    /// How much of the work.
    pub size: Size,
    /// Threads of the rows that scale.
    pub threads: usize,
    /// Whether each sample is to find the same free memory. Earlier versions did not note it.
    #[serde(default = "yes")]
    pub levelled: bool,
}

fn yes() -> bool {
    true
}

/// How the workers are built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// With link-time optimisation.
    Worker,
    /// Without it.
    WorkerNolto,
}

impl Profile {
    /// The profile's name in the workspace manifest.
    pub fn name(self) -> &'static str {
        match self {
            Self::Worker => "worker",
            Self::WorkerNolto => "worker-nolto",
        }
    }
}

/// The word for a preset in flags and files.
pub fn preset_name(preset: Preset) -> &'static str {
    match preset {
        Preset::Seed2019 => "seed2019",
        Preset::Current => "current",
    }
}

/// The word for a size in flags and files.
pub fn size_name(size: Size) -> &'static str {
    match size {
        Size::Check => "check",
        Size::Quick => "quick",
        Size::Calibrated => "calibrated",
        Size::Full => "full",
    }
}

/// How long one sample takes on average, for estimates before anything ran.
pub fn expected_sample_time(size: Size) -> Duration {
    Duration::from_millis(match size {
        Size::Check => 100,
        Size::Quick => 250,
        Size::Calibrated => 800,
        Size::Full => 15_000,
    })
}

/// A command of the user that is measured as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnCommand {
    /// The program, by a path that does not depend on where the harness runs, and its arguments.
    pub words: Vec<String>,
    /// Where it runs.
    pub folder: PathBuf,
    /// Whether its output has to be the same under every allocator.
    pub compare_output: bool,
    /// BLAKE3 hash of the program's file; earlier versions did not note it.
    #[serde(default)]
    pub program_hash: Option<String>,
    /// The same of the variables that it gets.
    #[serde(default)]
    pub environment_hash: Option<String>,
}

/// A run, completely described.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// What is started.
    #[serde(default)]
    pub field: Field,
    /// The allocator that is 1.00 everywhere.
    pub reference: String,
    /// Allocator ids in display order.
    pub allocators: Vec<String>,
    /// Workload ids in display order.
    pub workloads: Vec<String>,
    /// How often every block runs.
    pub passes: usize,
    /// What every worker is asked for.
    #[serde(flatten)]
    pub params: Params,
    /// Seed of order, padding and resampling.
    pub seed: u64,
    /// Longest time of one sample.
    pub timeout_ms: u64,
    /// How the workers are built.
    pub profile: Profile,
    /// What the only workload is, if the suite does not know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<OwnCommand>,
}

/// One workload under every allocator once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Workload id.
    pub workload: String,
    /// Allocator ids in the order they run.
    pub order: Vec<String>,
    /// Bytes of padding in the environment, the same for the whole block.
    pub env_pad_bytes: usize,
}

impl Plan {
    /// The blocks of one pass (counted from 0) in the order they run.
    pub fn blocks(&self, pass: usize) -> Vec<Block> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(pass as u64);
        let mut workloads = self.workloads.clone();
        workloads.shuffle(&mut rng);
        workloads
            .into_iter()
            .map(|workload| {
                let mut order = self.allocators.clone();
                order.shuffle(&mut rng);
                let env_pad_bytes = rng.random_range(0..=MAX_ENV_PAD / ENV_PAD_STEP) * ENV_PAD_STEP;
                Block { workload, order, env_pad_bytes }
            })
            .collect()
    }

    /// Number of samples when nothing fails.
    pub fn samples(&self) -> usize {
        self.passes * self.workloads.len() * self.allocators.len()
    }

    /// Rough length of the whole run.
    pub fn estimate(&self) -> Duration {
        let samples = u32::try_from(self.samples()).unwrap_or(u32::MAX);
        expected_sample_time(self.params.size).saturating_mul(samples)
    }

    /// The name of the first field in which the plans differ.
    pub fn difference(&self, other: &Self) -> Option<String> {
        let fields = |plan| match serde_json::to_value(plan) {
            Ok(serde_json::Value::Object(fields)) => fields,
            _ => unreachable!("a plan is a struct of plain values"),
        };
        let other = fields(other);
        fields(self).into_iter().find(|(name, value)| other.get(name) != Some(value)).map(|(name, _)| name)
    }

    /// Longest time of one sample of a workload that asks for no more patience than usual.
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    /// Longest time of one sample of `workload`.
    pub fn timeout_of(&self, workload: &str) -> Duration {
        let patience = catalogue::find(workload).map_or(1, |workload| workload.patience);
        self.timeout().saturating_mul(patience)
    }
}

/// A time as [`Plan::timeout_ms`] has it.
pub fn in_millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// `1 pass`, `7 passes`.
pub fn passes_in_words(passes: usize) -> String {
    format!("{passes} {}", if passes == 1 { "pass" } else { "passes" })
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;

    pub(crate) fn plan(allocators: &[&str], workloads: &[&str], passes: usize) -> Plan {
        let strings = |items: &[&str]| items.iter().map(|s| (*s).to_owned()).collect();
        Plan {
            field: Field::Workers,
            reference: allocators[0].to_owned(),
            allocators: strings(allocators),
            workloads: strings(workloads),
            passes,
            params: Params { preset: Preset::Seed2019, size: Size::Check, threads: 2, levelled: true },
            seed: 7,
            timeout_ms: 1000,
            profile: Profile::Worker,
            command: None,
        }
    }

    #[test]
    fn a_block_has_every_allocator_once_and_a_pass_every_workload_once() {
        let plan = plan(&["mi", "jx", "sn", "mc"], &["cfrac", "larson", "sh6bench"], 5);
        for pass in 0..plan.passes {
            let blocks = plan.blocks(pass);
            let mut workloads: Vec<_> = blocks.iter().map(|b| b.workload.clone()).collect();
            workloads.sort();
            assert_eq!(workloads, plan.workloads);
            for block in blocks {
                let mut order = block.order;
                order.sort();
                assert_eq!(order, ["jx", "mc", "mi", "sn"]);
                assert!(block.env_pad_bytes <= MAX_ENV_PAD && block.env_pad_bytes % ENV_PAD_STEP == 0);
            }
        }
    }

    #[test]
    fn every_allocator_takes_every_position_about_equally_often() {
        let plan = plan(&["mi", "jx", "sn", "mc"], &["cfrac"], 4000);
        let mut seen: HashMap<(String, usize), usize> = HashMap::new();
        for pass in 0..plan.passes {
            for block in plan.blocks(pass) {
                for (position, allocator) in block.order.into_iter().enumerate() {
                    *seen.entry((allocator, position)).or_default() += 1;
                }
            }
        }
        assert_eq!(seen.len(), 16);
        // A fair shuffle gives 1000 each, with a standard deviation of 27.
        assert!(seen.values().all(|count| (850..1150).contains(count)), "{seen:?}");
    }

    #[test]
    fn workloads_change_places_and_pads_change_sizes_from_pass_to_pass() {
        let plan = plan(&["mi"], &["cfrac", "larson"], 100);
        let blocks: Vec<Vec<Block>> = (0..plan.passes).map(|pass| plan.blocks(pass)).collect();
        let firsts = blocks.iter().filter(|blocks| blocks[0].workload == "cfrac").count();
        assert!((25..=75).contains(&firsts), "cfrac is the first of two in {firsts} of 100 passes");
        let pads: HashSet<usize> = blocks.iter().flatten().map(|block| block.env_pad_bytes).collect();
        assert!(pads.len() > 50 && pads.iter().any(|pad| *pad > MAX_ENV_PAD / 2), "{pads:?}");
    }

    #[test]
    fn workloads_that_take_long_get_more_time() {
        let plan = plan(&["mi"], &["cfrac"], 1);
        let patience = |id: &str| catalogue::find(id).unwrap().patience;
        let slow = catalogue::workloads().iter().find(|workload| workload.patience > 1).unwrap();
        assert_eq!(patience("cfrac"), 1);
        assert_eq!(plan.timeout_of("cfrac"), plan.timeout());
        assert_eq!(plan.timeout_of(&slow.id), plan.timeout() * slow.patience);
        assert_eq!(plan.timeout_of("of the user"), plan.timeout());
    }

    #[test]
    fn differing_field_is_named() {
        let one = plan(&["mi", "jx"], &["cfrac"], 3);
        let mut other = one.clone();
        assert_eq!(one.difference(&other), None);
        other.params.threads += 1;
        assert_eq!(one.difference(&other).as_deref(), Some("threads"));
    }

    #[test]
    fn order_depends_on_seed_and_pass_only() {
        let one = plan(&["mi", "jx", "sn", "mc"], &["cfrac", "larson"], 3);
        let mut other = one.clone();
        assert_eq!(one.blocks(2), other.blocks(2));
        assert_ne!(one.blocks(0), one.blocks(1));
        other.seed += 1;
        assert_ne!(one.blocks(2), other.blocks(2));
    }
}
