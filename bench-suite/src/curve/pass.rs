//! The pass in which curves are taken: every cell that has a good sample, once.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use workloads::phases::Mark;

use super::{Curve, Sampler, Scope, assemble};
use crate::config::Field;
use crate::exec::{Executor, Job};
use crate::plan::{Plan, expected_sample_time};
use crate::sample::Sample;
use crate::session::{End, Step, explain};
use crate::status::Status;
use crate::temporary;
use crate::workers::Launch;

/// How much longer an execution takes: a worker is idle for a second at its end.
fn idle(field: Field) -> Duration {
    match field {
        Field::Workers => Duration::from_millis(1100),
        Field::Programs => Duration::ZERO,
    }
}

/// What a pass is about.
#[derive(Debug, Clone, Copy)]
pub struct Pass<'a> {
    /// The run.
    pub plan: &'a Plan,
    /// How each allocator is started.
    pub launches: &'a BTreeMap<String, Launch>,
    /// What was measured: a cell that never went well is left out.
    pub samples: &'a [Sample],
    /// The curves there are already.
    pub done: &'a [Curve],
}

impl Pass<'_> {
    /// Takes the curves that are missing and hands each to `keep`, with what explains it if it failed. Such a one is
    /// not taken again.
    pub fn take(
        &self,
        executor: &mut dyn Executor,
        keep: &mut dyn FnMut(&Curve, Option<&str>) -> Result<()>,
        tell: &mut dyn FnMut(Step<'_>),
    ) -> Result<End> {
        let plan = self.plan;
        let done: BTreeSet<(&str, &str)> =
            self.done.iter().map(|curve| (&*curve.workload, &*curve.allocator)).collect();
        let good: BTreeSet<(&str, &str)> = self
            .samples
            .iter()
            .filter(|sample| sample.status == Status::Ok)
            .map(|sample| (&*sample.workload, &*sample.allocator))
            .collect();
        let blocks = plan.blocks(plan.passes);
        let cells: Vec<_> = blocks
            .iter()
            .flat_map(|block| block.order.iter().map(move |allocator| (block, allocator)))
            .filter_map(|(block, allocator)| Some((block, self.launches.get(allocator)?)))
            .filter(|(block, launch)| good.contains(&(&*block.workload, &*launch.allocator)))
            .collect();
        for (at, (block, launch)) in cells.iter().enumerate() {
            let (workload, allocator) = (&*block.workload, &*launch.allocator);
            if done.contains(&(workload, allocator)) {
                continue;
            }
            tell(Step { pass: plan.passes, workload, allocator, done: at, total: cells.len() });
            let phases = temporary::file()?;
            let job = Job {
                launch,
                row: workload,
                params: plan.params,
                stats: false,
                heap_map: None,
                phases: Some(phases.path()),
                env_pad_bytes: block.env_pad_bytes,
                timeout: plan.timeout_of(workload) + idle(plan.field),
            };
            let mut sampler = Sampler::new(scope(plan.field, launch));
            let Some(execution) = executor.observe(&job, &mut sampler)? else { return Ok(End::Interrupted) };
            let explanation = (execution.status != Status::Ok).then(|| explain(plan, &job, &execution));
            let (points, phases) = assemble(sampler.readings(), &read(phases.path())?);
            let (memory, checksum) =
                execution.report.map(|report| (report.memory, report.checksum)).unwrap_or_default();
            let curve = Curve {
                workload: workload.to_owned(),
                allocator: allocator.to_owned(),
                status: execution.status,
                reason: execution.reason,
                points,
                phases,
                memory,
                checksum,
            };
            keep(&curve, explanation.as_deref())?;
        }
        Ok(End::Complete)
    }
}

/// Rough length of the pass.
pub fn estimate(plan: &Plan) -> Duration {
    let cells = u32::try_from(plan.workloads.len() * plan.allocators.len()).unwrap_or(u32::MAX);
    (expected_sample_time(plan.params.size) + idle(plan.field)).saturating_mul(cells)
}

/// A worker is one process unless something runs it; a program is started by the launcher, which does not count.
fn scope(field: Field, launch: &Launch) -> Scope {
    match field {
        Field::Workers if launch.wrapper.is_empty() => Scope::Process,
        Field::Workers => Scope::Tree,
        Field::Programs => Scope::Descendants,
    }
}

/// The marks that a worker wrote, up to one that it could not complete.
fn read(file: &Path) -> Result<Vec<Mark>> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(text.lines().map_while(|line| serde_json::from_str(line).ok()).collect())
}

#[cfg(test)]
mod tests {
    use workloads::phases::Phase;

    use super::*;
    use crate::exec::mock::{MockExecutor, failure, success};
    use crate::plan::tests::plan;
    use crate::sample::tests::sample;
    use crate::workers::tests::launch;

    fn launches(plan: &Plan) -> BTreeMap<String, Launch> {
        plan.allocators.iter().map(|id| (id.clone(), launch(id))).collect()
    }

    /// Takes curves with the cells of `samples` until `limit` executions.
    fn take(plan: &Plan, samples: &[Sample], done: &mut Vec<Curve>, limit: usize) -> (End, MockExecutor) {
        let plan_timeout = plan.timeout();
        let mut executor = MockExecutor::new(move |job, before| {
            let file = job.phases.expect("phases are asked for");
            let idle = Duration::from_millis(1100);
            assert_eq!(job.timeout, plan_timeout + idle, "a worker does nothing for a second at the end");
            fs::write(file, "{\"phase\":\"begin\",\"at_ns\":5,\"rss_bytes\":7}\n{\"phase\":\"st").unwrap();
            let bad = job.row == "larson" && job.launch.allocator == "jx";
            (before < limit).then(|| if bad { failure(Status::Timeout) } else { success(job) })
        });
        let before = done.clone();
        let pass = Pass { plan, launches: &launches(plan), samples, done: &before };
        let mut keep = |curve: &Curve, explanation: Option<&str>| {
            assert_eq!(explanation.is_some(), curve.status != Status::Ok);
            done.push(curve.clone());
            Ok(())
        };
        (pass.take(&mut executor, &mut keep, &mut |_| {}).unwrap(), executor)
    }

    #[test]
    fn cells_with_a_good_sample_are_taken_once_whenever_the_pass_is_stopped() {
        let plan = plan(&["mi", "jx"], &["cfrac", "larson"], 3);
        let mut samples: Vec<Sample> = [("cfrac", "mi"), ("cfrac", "jx"), ("larson", "mi"), ("larson", "jx")]
            .map(|(workload, allocator)| sample(0, workload, allocator, 5))
            .into();
        samples[1].status = Status::Exit(1);
        let mut whole = Vec::new();
        let (end, executor) = take(&plan, &samples, &mut whole, usize::MAX);
        assert_eq!((end, whole.len(), executor.asked.len()), (End::Complete, 3, 3));
        assert!(!executor.asked.contains(&("cfrac".to_owned(), "jx".to_owned())));
        let failed = whole.iter().find(|curve| curve.allocator == "jx").unwrap();
        assert_eq!((&*failed.workload, &failed.status), ("larson", &Status::Timeout));
        for limit in 0..3 {
            let mut curves = Vec::new();
            assert_eq!(take(&plan, &samples, &mut curves, limit).0, End::Interrupted);
            assert_eq!(curves, whole[..limit]);
            assert_eq!(take(&plan, &samples, &mut curves, usize::MAX).0, End::Complete);
            assert_eq!(curves, whole);
        }
    }

    #[test]
    fn wrappers_and_launchers_are_told_from_what_they_start() {
        let plan = plan(&["mi"], &["cfrac"], 1);
        let bare = launches(&plan).remove("mi").unwrap();
        let wrapped = Launch { wrapper: vec!["env".to_owned()], ..bare.clone() };
        assert_eq!(scope(Field::Workers, &bare), Scope::Process);
        assert_eq!(scope(Field::Workers, &wrapped), Scope::Tree);
        assert_eq!(scope(Field::Programs, &bare), Scope::Descendants);
    }

    #[test]
    fn marks_count_up_to_a_torn_one() {
        let plan = plan(&["mi"], &["cfrac"], 1);
        let mut curves = Vec::new();
        take(&plan, &[sample(0, "cfrac", "mi", 5)], &mut curves, usize::MAX);
        assert_eq!(curves[0].began(Phase::Begin), Some(0.0));
        assert_eq!((curves[0].phases.len(), curves[0].points.len()), (1, 1));
    }
}
