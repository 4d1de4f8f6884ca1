//! What runs beside a measured program, such as the client of a server. Program and companion never outlive
//! each other: when the companion fails the program is killed, and when the program ends the companion is told.

use std::fmt;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use rustix::process::{Pid, Signal, kill_process_group};

use crate::cancel::Cancel;
use crate::exec::process::{self, Course, Observer};

/// How long a program whose companion failed has to fail on its own, and to say why.
const GRACE: Duration = Duration::from_millis(100);

/// Works with the program and has it end, then says what it found out.
type Work = Box<dyn FnOnce(&Beside) -> Result<String, String> + Send>;

/// Work to do beside a program.
pub struct Companion(Work);

impl Companion {
    /// A companion that does `work`, which must return soon once [`Beside::over`].
    pub(super) fn new(work: impl FnOnce(&Beside) -> Result<String, String> + Send + 'static) -> Self {
        Self(Box::new(work))
    }
}

impl fmt::Debug for Companion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Companion")
    }
}

/// What program and companion know of each other.
#[derive(Debug, Default)]
pub(super) struct Beside {
    over: AtomicBool,
    failed: AtomicBool,
}

impl Beside {
    /// Whether the program has ended.
    pub(super) fn over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }
}

/// Sets a flag when it goes out of scope, also in a panic.
struct SetAtEnd<'a> {
    flag: &'a AtomicBool,
    armed: bool,
}

impl<'a> SetAtEnd<'a> {
    fn new(flag: &'a AtomicBool) -> Self {
        Self { flag, armed: true }
    }
}

impl Drop for SetAtEnd<'_> {
    fn drop(&mut self) {
        if self.armed {
            self.flag.store(true, Ordering::SeqCst);
        }
    }
}

/// Kills a program whose companion has failed, but not before its own end would be known; and lets another observer look.
struct Stopper<'a, 'o> {
    beside: &'a Beside,
    failed_at: Option<Instant>,
    other: Option<&'o mut dyn Observer>,
}

impl Observer for Stopper<'_, '_> {
    fn interval(&self) -> Duration {
        self.other.as_ref().map_or(GRACE, |other| other.interval().min(GRACE))
    }

    fn look(&mut self, leader: Pid) {
        if let Some(other) = &mut self.other {
            other.look(leader);
        }
        if self.beside.failed.load(Ordering::SeqCst)
            && self.failed_at.get_or_insert_with(Instant::now).elapsed() >= GRACE
        {
            // The group may be gone already; there is nothing to do about any other error.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

/// Runs `command` as [`process::run`] does, with a companion if there is one.
pub(super) fn run_beside(
    command: &mut Command,
    limit: Duration,
    cancel: &Cancel,
    companion: Option<Companion>,
    observer: Option<&mut dyn Observer>,
) -> Result<(Course, Option<Result<String, String>>)> {
    let Some(Companion(work)) = companion else {
        return Ok((process::run(command, limit, cancel, observer)?, None));
    };
    let beside = Beside::default();
    thread::scope(|scope| {
        let companion = scope.spawn(|| {
            let mut failure = SetAtEnd::new(&beside.failed);
            let answer = work(&beside);
            failure.armed = answer.is_err();
            answer
        });
        let course = {
            let _over = SetAtEnd::new(&beside.over);
            let mut stopper = Stopper { beside: &beside, failed_at: None, other: observer };
            process::run(command, limit, cancel, Some(&mut stopper))
        };
        let answer = companion.join().unwrap_or_else(|_| Err("the companion panicked".to_owned()));
        Ok((course?, Some(answer)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn beside_sleep(seconds: u32, limit: Duration, companion: Companion) -> (Course, Result<String, String>) {
        let mut command = Command::new("sleep");
        let (course, answer) =
            run_beside(command.arg(seconds.to_string()), limit, &Cancel::default(), Some(companion), None)
                .unwrap();
        (course, answer.unwrap())
    }

    fn until_over(beside: &Beside) {
        let started = Instant::now();
        while !beside.over() && started.elapsed() < LONG {
            thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn failing_companion_ends_the_program() {
        for panics in [false, true] {
            let companion =
                Companion::new(move |_| if panics { panic!("planted") } else { Err("no".into()) });
            let (course, answer) = beside_sleep(3600, LONG, companion);
            let Course::Ended(ended) = course else { panic!("{course:?}") };
            assert!(ended.in_time && ended.exit.code().is_none() && answer.is_err());
        }
    }

    #[test]
    fn end_of_the_program_ends_the_companion() {
        let companion = || {
            Companion::new(|beside| {
                until_over(beside);
                Ok("told".into())
            })
        };
        let (course, answer) = beside_sleep(3600, Duration::from_millis(50), companion());
        let Course::Ended(ended) = course else { panic!("{course:?}") };
        assert!(!ended.in_time && answer == Ok("told".to_owned()));
        let (_, answer) = beside_sleep(0, LONG, companion());
        assert_eq!(answer, Ok("told".to_owned()));
    }
}
