//! Which of the runs that are there already is judged.

use std::path::Path;

use anyhow::Result;
use workloads::registry::ROWS;

use super::{Figures, SUBJECT, YARDSTICK, measure};
use crate::fingerprint::Machine;
use crate::journal;
use crate::plan::{Params, Profile, passes_in_words};
use crate::record::RunRecord;
use crate::results::Results;
use crate::sample::Sample;
use crate::tell::tell;
use crate::usage;
use crate::workers::AllocatorRecord;

/// How the workers are built that a baseline is about.
pub const PROFILE: Profile = Profile::Worker;

/// A run that is there already.
#[derive(Debug, Clone)]
pub struct StoredRun {
    /// What is known about it.
    pub record: RunRecord,
    samples: Vec<Sample>,
}

impl StoredRun {
    /// The one in `folder`.
    pub fn load(folder: &Path) -> Result<Self> {
        Ok(Self { record: RunRecord::load(folder)?, samples: journal::load(folder)? })
    }

    /// The run to judge: the named one, or the newest that fits, if that has samples.
    ///
    /// # Errors
    /// A named one that says nothing about the subject, or not all yet: what lacks samples would look like a regression, or as if
    /// nothing had been measured.
    pub fn find(wanted: Option<&str>, results: &Results, fit: &Fit) -> Result<Option<Self>> {
        let Some(name) = wanted else {
            let Some((folder, _)) = results.newest(|record| fit.refusal(record).is_none()) else {
                return Ok(None);
            };
            return Ok(Some(Self::load(folder.path())?).filter(Self::has_samples));
        };
        let folder = results.find(name)?;
        let run = Self::load(folder.path())?;
        refuse_other_profile(name, run.record.plan.profile)?;
        if run.record.finished_utc.is_none() {
            let command = results.command("run --resume", &folder);
            return Err(usage!("run '{name}' cannot be judged: it is not finished; go on with: {command}"));
        }
        if run.has_samples() {
            return Ok(Some(run));
        }
        Err(usage!(
            "run '{name}' cannot be judged: {} has no sample of '{SUBJECT}'; get that file, or name another run",
            folder.path().join(journal::FILE).display()
        ))
    }

    fn has_samples(&self) -> bool {
        self.samples.iter().any(|sample| sample.allocator == SUBJECT)
    }

    /// Whether it was made with these workers of subject and yardstick.
    pub fn is_of(&self, workers: &[AllocatorRecord]) -> bool {
        let hash = |records: &[AllocatorRecord], id: &str| {
            records.iter().find(|record| record.config.id == id)?.binary_hash.clone()
        };
        [SUBJECT, YARDSTICK].iter().all(|id| hash(&self.record.allocators, id) == hash(workers, id))
    }

    /// Adds what it shows to `figures`.
    pub fn add_to(self, figures: &mut Figures) {
        tell(format_args!("judging run {}", self.record.run_id));
        figures.params = self.record.plan.params;
        measure::from_run(&self.record, self.samples, figures);
    }
}

/// What a run has to be like to be judged as if it were a quick run of now.
#[derive(Debug, Clone)]
pub struct Fit {
    /// What the workers were asked for.
    pub params: Params,
    /// The least number of passes.
    pub passes: usize,
    /// Where it was made.
    pub machine: Machine,
}

impl Fit {
    /// Why a run is not like that, unless it is.
    pub fn refusal(&self, record: &RunRecord) -> Option<String> {
        let plan = &record.plan;
        if record.finished_utc.is_none() {
            return Some("it is not finished".to_owned());
        }
        let lacks = |ids: &[&str], of: &[String]| {
            let lacking = ids.iter().find(|id| !of.iter().any(|other| other == *id));
            lacking.map(|id| format!("it has no {id}"))
        };
        let other_plan = || {
            if plan.params != self.params {
                Some(format!("it is of {:?}, the baseline of {:?}", plan.params, self.params))
            } else if plan.profile != PROFILE {
                Some(format!("its workers are of profile {}", plan.profile.name()))
            } else if plan.passes < self.passes {
                Some(format!("it has {}, a quick run {}", passes_in_words(plan.passes), self.passes))
            } else {
                None
            }
        };
        lacks(&[SUBJECT, YARDSTICK], &plan.allocators)
            .or_else(|| lacks(ROWS, &plan.workloads))
            .or_else(other_plan)
            .or_else(|| record.machine.difference(&self.machine))
    }
}

/// Fails if the workers of a run were built otherwise than those of a baseline.
fn refuse_other_profile(run: &str, profile: Profile) -> Result<()> {
    if profile == PROFILE {
        return Ok(());
    }
    Err(usage!(
        "run '{run}' has workers of profile {}, the baseline those of {}; name another run",
        profile.name(),
        PROFILE.name()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::tests::record;
    use crate::error::exit_code;
    use crate::journal::{Journal, Sink as _};
    use crate::plan::Plan;
    use crate::sample::tests::sample;

    fn fit_of(run: &RunRecord) -> Fit {
        Fit { params: run.plan.params, passes: 3, machine: run.machine.clone() }
    }

    #[test]
    fn runs_that_say_nothing_of_this_machine_now_are_not_judged() {
        let strings = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect();
        let mut run = record(3);
        (run.plan.allocators, run.plan.workloads) = (strings(&[SUBJECT, YARDSTICK]), strings(ROWS));
        let fit = fit_of(&run);
        assert_eq!(fit.refusal(&run), None);
        let refusal = |change: &dyn Fn(&mut RunRecord)| {
            let mut run = run.clone();
            change(&mut run);
            fit.refusal(&run).expect("it does not fit")
        };
        assert_eq!(refusal(&|run| run.finished_utc = None), "it is not finished");
        assert_eq!(refusal(&|run| drop(run.plan.allocators.pop())), "it has no mi3");
        assert_eq!(refusal(&|run| drop(run.plan.workloads.remove(0))), format!("it has no {}", ROWS[0]));
        let last = ROWS.last().unwrap();
        assert_eq!(refusal(&|run| drop(run.plan.workloads.pop())), format!("it has no {last}"));
        assert_eq!(refusal(&|run| run.plan.passes = 1), "it has 1 pass, a quick run 3");
        assert!(refusal(&|run| run.plan.params.threads = 99).starts_with("it is of Params"));
        assert!(
            refusal(&|run| run.machine.kernel = "0.1".to_owned()).starts_with("machine.kernel was '0.1'")
        );
    }

    #[test]
    fn run_is_of_the_workers_there_are_if_subject_and_yardstick_are_the_same() {
        let mut record = record(3);
        record.allocators[1].config.id = YARDSTICK.to_owned();
        let run = StoredRun { record, samples: Vec::new() };
        let differs_with_other = |at: usize| {
            let mut workers = run.record.allocators.clone();
            workers[at].binary_hash = Some("another".to_owned());
            !run.is_of(&workers)
        };
        assert!(run.is_of(&run.record.allocators));
        assert_eq!([0, 1, 2].map(differs_with_other), [true, true, false]);
    }

    /// Keeps a run of subject and yardstick, and names it.
    fn store(results: &Results, profile: Profile, started: &str, samples: &[Sample]) -> (RunRecord, String) {
        let run = record(3);
        let plan = Plan { profile, ..run.plan };
        keep(results, RunRecord { plan, started_utc: started.to_owned(), ..run }, samples)
    }

    fn keep(results: &Results, mut run: RunRecord, samples: &[Sample]) -> (RunRecord, String) {
        let strings = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect();
        (run.plan.allocators, run.plan.workloads) = (strings(&[SUBJECT, YARDSTICK]), strings(ROWS));
        let folder = results.create(None, &run.commit).unwrap();
        run.run_id = folder.name();
        run.store(folder.path()).unwrap();
        let mut journal = Journal::open(folder.path(), folder.logs()).unwrap();
        samples.iter().for_each(|sample| journal.record(sample, None).unwrap());
        (run, folder.name())
    }

    /// Why a run that was asked for by its name is refused; it is the user's mistake.
    fn refused(name: &str, results: &Results, fit: &Fit) -> String {
        let error = StoredRun::find(Some(name), results, fit).expect_err("it is refused");
        assert_eq!(exit_code(&error), 2);
        error.to_string()
    }

    #[test]
    fn runs_whose_workers_were_built_otherwise_are_not_judged() {
        let root = tempfile::tempdir().unwrap();
        let results = Results::at(root.path().into());
        let samples = [sample(0, "larson", SUBJECT, 5)];
        let (run, usual) = store(&results, Profile::Worker, "1", &samples);
        let (_, newer) = store(&results, Profile::WorkerNolto, "2", &samples);
        let fit = fit_of(&run);
        let found = StoredRun::find(None, &results, &fit).unwrap().expect("one of the two fits");
        assert_eq!(found.record.run_id, usual);
        let why = refused(&newer, &results, &fit);
        assert!(why.contains("workers of profile worker-nolto"), "{why}");
    }

    #[test]
    fn unfinished_runs_are_not_judged_by_what_they_lack() {
        let root = tempfile::tempdir().unwrap();
        let results = Results::at(root.path().into());
        let begun = RunRecord { finished_utc: None, ..record(3) };
        let (run, name) = keep(&results, begun, &[sample(0, "larson", SUBJECT, 5)]);
        let fit = fit_of(&run);
        let why = refused(&name, &results, &fit);
        let advice = format!("is not finished; go on with: bench-suite run --resume {name} ");
        assert!(why.contains(&advice), "{why}");
        assert!(StoredRun::find(None, &results, &fit).unwrap().is_none());
    }

    #[test]
    fn runs_without_samples_of_the_subject_are_not_judged_as_if_nothing_had_failed() {
        let root = tempfile::tempdir().unwrap();
        let results = Results::at(root.path().into());
        for samples in [&[][..], &[sample(0, "larson", YARDSTICK, 5)]] {
            let (run, name) = store(&results, Profile::Worker, "1", samples);
            let fit = fit_of(&run);
            let why = refused(&name, &results, &fit);
            assert!(why.contains("has no sample of 'mi'; get that file, or name another run"), "{why}");
            assert!(StoredRun::find(None, &results, &fit).unwrap().is_none());
        }
    }
}
