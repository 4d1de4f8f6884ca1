//! What a run needs before its first sample: every allocator built or found, the references first.

use std::collections::BTreeMap;

use anyhow::{Result, bail};

use super::{Surroundings, Wanted, note};
use crate::config::{Allocator, Field};
use crate::plan::Plan;
use crate::record::Part;
use crate::results::RunFolder;
use crate::status::Status;
use crate::workers::{self, AllocatorRecord, Launch, Prepared, Source};

/// How each allocator of a part is started.
pub(super) type Launches = BTreeMap<String, Launch>;

/// Builds or finds what all of `wanted` need; `None` when the user stopped it. Unless it succeeds, the folder goes away as far as
/// nobody needs it.
///
/// Nothing can be compared without a reference, and the others may take long to build.
///
/// # Errors
/// What the harness cannot do, and a reference that is not there; another allocator may be missing.
pub(super) fn prepare(
    wanted: Vec<Wanted>,
    source: &Source,
    folder: &RunFolder,
    surroundings: &Surroundings,
) -> Result<Option<Vec<(Part, Launches)>>> {
    let of_all = |is_meant: &dyn Fn(&Plan, &Allocator) -> bool| {
        let of_part = |part: &Wanted| {
            let meant = part.allocators.iter().filter(|allocator| is_meant(&part.plan, allocator));
            build(&part.plan, &meant.cloned().collect::<Vec<_>>(), source, folder, surroundings)
        };
        let until_stopped = wanted.iter().take_while(|_| !surroundings.cancel.requested());
        let built = until_stopped.map(of_part).collect::<Result<Vec<_>>>();
        if built.is_err() || surroundings.cancel.requested() {
            folder.discard();
            return built.map(|_| None);
        }
        built.map(Some)
    };
    let Some(mut built) = of_all(&|plan, allocator| allocator.id == plan.reference)? else { return Ok(None) };
    for (part, reference) in wanted.iter().zip(&built) {
        let records: Vec<AllocatorRecord> = reference.iter().map(|one| one.record.clone()).collect();
        if let Err(error) = refuse_missing_reference(&part.plan, &records) {
            give_up(folder, &records);
            return Err(error);
        }
    }
    let Some(others) = of_all(&|plan, allocator| allocator.id != plan.reference)? else { return Ok(None) };
    built.iter_mut().zip(others).for_each(|(built, others)| built.extend(others));
    Ok(Some(wanted.into_iter().zip(built).map(|(part, built)| in_order(part, built)).collect()))
}

/// Builds or finds `allocators`.
fn build(
    plan: &Plan,
    allocators: &[Allocator],
    source: &Source,
    folder: &RunFolder,
    surroundings: &Surroundings,
) -> Result<Vec<Prepared>> {
    let mut say = |line: &str| note(surroundings, line);
    let (store, logs) = (folder.workers(), folder.logs());
    workers::prepare(allocators, source, plan.passes, &store, &logs, &surroundings.cancel, &mut say)
}

/// What was built of a part, in the order in which it is shown.
fn in_order(Wanted { plan, allocators }: Wanted, mut built: Vec<Prepared>) -> (Part, Launches) {
    built.sort_by_key(|one| allocators.iter().position(|allocator| allocator.id == one.record.config.id));
    let launches = built.iter().filter_map(|one| one.launch.clone());
    let launches = launches.map(|launch| (launch.allocator.clone(), launch)).collect();
    let allocators = built.into_iter().map(|one| one.record).collect();
    (Part { plan, allocators }, launches)
}

/// Fails if nothing could be compared, because the reference is not there.
pub(super) fn refuse_missing_reference(plan: &Plan, allocators: &[AllocatorRecord]) -> Result<()> {
    let reference = allocators.iter().find(|record| record.config.id == plan.reference);
    let Some(AllocatorRecord { config, status, reason, .. }) = reference else { return Ok(()) };
    if *status == Status::Ok {
        return Ok(());
    }
    let otherwise = match (plan.field, &plan.command) {
        (Field::Programs, None) => ", or drop the programs with -W",
        _ => "",
    };
    bail!(
        "nothing can be compared without '{}' ({status}): {}; make it available{otherwise}",
        config.id,
        reason.as_deref().unwrap_or_default()
    )
}

/// Removes the folder of a run that is not begun, but for the log of a failed build, which its reason names.
fn give_up(folder: &RunFolder, allocators: &[AllocatorRecord]) {
    if allocators.iter().any(|record| record.status == Status::BuildFailed) {
        // What cannot be removed does no harm: without a record it is not a run.
        let _ = folder.remove_workers();
    } else {
        folder.discard();
    }
}
