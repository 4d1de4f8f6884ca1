//! What a run would do, in words: its plan, and the commands of its first block.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::options::WorkerArgs;
use crate::campaign::Wanted;
use crate::config::Kind;
use crate::exec::{Job, command_line};
use crate::plan::{Plan, passes_in_words};
use crate::workers::{Launch, find_library};

/// A plan in a line.
pub(super) fn headline(plan: &Plan) -> String {
    format!(
        "plan: {} workloads × {} allocators × {}, about {}; seed {}\n",
        plan.workloads.len(),
        plan.allocators.len(),
        passes_in_words(plan.passes),
        indicatif::HumanDuration(plan.estimate()),
        plan.seed
    )
}

/// What `--dry-run` prints.
pub(super) fn describe(Wanted { plan, allocators }: &Wanted, worker: &WorkerArgs) -> Result<String> {
    let mut text = headline(plan);
    let first = plan.blocks(0).into_iter().next().context("a plan has at least one workload")?;
    writeln!(text, "first block: {} under {}", first.workload, first.order.join(", "))?;
    for id in &first.order {
        let allocator =
            allocators.iter().find(|a| a.id == *id).context("a plan has only known allocators")?;
        let folder = worker.worker_dir.clone().unwrap_or_default();
        let preload = match (allocator.kind, allocator.built_library()) {
            (Kind::Linked, _) => None,
            (Kind::Preload, Some((_, file))) => Some(folder.join(file)),
            (Kind::Preload, None) => {
                find_library(&allocator.library).or_else(|| allocator.library.first().map(PathBuf::from))
            }
        };
        let launch = Launch {
            allocator: id.clone(),
            worker_id: allocator.worker_id().to_owned(),
            program: folder.join(&allocator.bin),
            layouts: Vec::new(),
            preload,
            wrapper: Vec::new(),
        };
        let job = Job {
            launch: &launch,
            row: &first.workload,
            params: plan.params,
            stats: false,
            heap_map: None,
            phases: None,
            env_pad_bytes: first.env_pad_bytes,
            timeout: plan.timeout_of(&first.workload),
        };
        writeln!(text, "  {}", command_line(plan, &job))?;
    }
    Ok(text)
}
