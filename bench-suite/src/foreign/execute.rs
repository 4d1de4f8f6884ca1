//! One sample of a task: a run, checked, as the report that a worker would have made.

use anyhow::Result;
use workloads::launched::{Ending, Launched};
use workloads::protocol::{PROTOCOL, Report};

use crate::exec::{Execution, Observer};
use crate::foreign::launch::{Failure, Preload, Purpose, Run, Stage, Terms, last_words};
use crate::foreign::program::{Checked, Finished, Task};
use crate::status::Status;

impl Stage<'_> {
    /// Runs `task` once and measures it; `None` when the user stopped it. `proof` is what
    /// [`prove`](Stage::prove) found. Memory at the end of the run and after it is unknown.
    ///
    /// # Errors
    /// What the harness cannot do; never what the program did.
    pub fn execute(
        &self,
        task: &dyn Task,
        preload: &Preload,
        terms: Terms,
        proof: &str,
    ) -> Result<Option<Execution>> {
        self.report(task, preload, terms, proof, Purpose::Sample)
    }

    /// As [`execute`](Stage::execute), while `observer` looks at the launcher and what it started.
    ///
    /// # Errors
    /// What the harness cannot do; never what the program did.
    pub fn observe(
        &self,
        task: &dyn Task,
        preload: &Preload,
        terms: Terms,
        proof: &str,
        observer: &mut dyn Observer,
    ) -> Result<Option<Execution>> {
        self.report(task, preload, terms, proof, Purpose::Curve(observer))
    }

    fn report(
        &self,
        task: &dyn Task,
        preload: &Preload,
        terms: Terms,
        proof: &str,
        purpose: Purpose<'_>,
    ) -> Result<Option<Execution>> {
        let Some(run) = self.run(task, preload, terms, purpose)? else { return Ok(None) };
        let judged = judge(task, &run);
        let report = |(launched, checked)| report(task, preload, proof, launched, checked);
        let (status, reason, report) = match judged {
            Ok(good) => (Status::Ok, None, Some(report(good))),
            Err((status, reason)) => (status, Some(reason), None),
        };
        let Run { total_ns, noise, stderr, .. } = run;
        Ok(Some(Execution { status, reason, total_ns, noise, report, stderr }))
    }
}

/// The figures of a run that did what it should.
pub(super) fn judge<'r>(task: &dyn Task, run: &'r Run) -> Result<(&'r Launched, Checked), Failure> {
    let launched = run.launched.as_ref().map_err(Clone::clone)?;
    let exit_code = match launched.ending {
        Ending::Exit(code) => code,
        Ending::Signal(signal) => {
            return Err((Status::from_signal(signal), last_words(&run.stderr, &run.stdout)));
        }
    };
    if exit_code != 0 && !task.any_exit() {
        return Err((Status::Exit(exit_code), last_words(&run.stderr, &run.stdout)));
    }
    let finished = Finished {
        exit_code,
        wall_ns: launched.wall_ns,
        stdout: &run.stdout,
        work: &run.place.work(),
        output: &run.place.output(),
        companion: run.companion.as_deref(),
    };
    let checked = task.judge(&finished).map_err(|reason| (Status::WrongOutput, reason))?;
    Ok((launched, checked))
}

fn report(task: &dyn Task, preload: &Preload, proof: &str, launched: &Launched, checked: Checked) -> Report {
    let library = preload.library.file_name().unwrap_or_default().to_string_lossy();
    Report {
        protocol: PROTOCOL,
        allocator: preload.allocator.clone(),
        allocator_version: library.into_owned(),
        proof: proof.to_owned(),
        row: task.row().to_owned(),
        threads: task.threads(),
        run_ns: checked.run_ns,
        operations: checked.operations,
        score_ns: checked.score_ns,
        figure: checked.figure,
        checksum: checked.checksum,
        peak_rss_bytes: launched.peak_rss_bytes,
        run_end_rss_bytes: None,
        drained_rss_bytes: None,
        usage: launched.usage,
        counts: None,
        memory: None,
    }
}
