//! Looking at a process from outside: how much of its memory is resident.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::time::Duration;

use rustix::param::page_size;
use rustix::process::Pid;
use rustix::time::{ClockId, clock_gettime};

use crate::exec::Observer;

/// Time between two looks. One costs about a microsecond.
const INTERVAL: Duration = Duration::from_millis(2);

/// What was resident at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// When, in nanoseconds of `CLOCK_MONOTONIC`.
    pub at_ns: u64,
    /// How much.
    pub bytes: u64,
}

/// Whose memory counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Only that of the process itself.
    Process,
    /// That of its descendants too. What several of them share counts for each.
    Tree,
    /// Only that of its descendants.
    Descendants,
}

/// Reads the resident memory of a process again and again while it runs.
#[derive(Debug)]
pub struct Sampler {
    scope: Scope,
    /// The process that was looked at last.
    leader: Option<Pid>,
    /// `statm` of every process there is, open for as long as the process is there.
    processes: BTreeMap<u32, File>,
    readings: Vec<Reading>,
}

impl Sampler {
    /// A sampler that has seen nothing yet.
    pub fn new(scope: Scope) -> Self {
        Self { scope, leader: None, processes: BTreeMap::new(), readings: Vec::new() }
    }

    /// What was seen of the process that was looked at last, in order.
    pub fn readings(&self) -> &[Reading] {
        &self.readings
    }

    /// Finds processes that are not known yet. A known one stays, even when its parent is gone.
    fn find(&mut self, leader: u32) {
        let mut found = vec![leader];
        while let Some(process) = found.pop() {
            let counts = process != leader || self.scope != Scope::Descendants;
            if counts
                && !self.processes.contains_key(&process)
                && let Ok(statm) = File::open(format!("/proc/{process}/statm"))
            {
                self.processes.insert(process, statm);
            }
            if self.scope != Scope::Process {
                found.extend(children(process));
            }
        }
    }

    /// The sum over all processes; those that have ended are forgotten.
    fn resident(&mut self) -> u64 {
        let mut sum = 0;
        self.processes.retain(|_, statm| {
            let pages = resident_pages(statm);
            sum += pages;
            pages > 0
        });
        sum * page_size() as u64
    }
}

impl Observer for Sampler {
    fn interval(&self) -> Duration {
        INTERVAL
    }

    fn look(&mut self, leader: Pid) {
        if self.leader.replace(leader) != Some(leader) {
            // The execution is repeated: what was seen before does not count.
            self.processes.clear();
            self.readings.clear();
        }
        self.find(leader.as_raw_nonzero().get().unsigned_abs());
        let bytes = self.resident();
        // A process that has ended is still there until it is reaped, without any memory.
        if bytes > 0 {
            self.readings.push(Reading { at_ns: monotonic_ns(), bytes });
        }
    }
}

/// The second number of `statm`; 0 when the process has ended.
fn resident_pages(statm: &File) -> u64 {
    let mut buffer = [0; 128];
    let length = statm.read_at(&mut buffer, 0).unwrap_or(0);
    let text = str::from_utf8(&buffer[..length]).unwrap_or_default();
    text.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0)
}

/// The children of all threads of a process.
fn children(process: u32) -> Vec<u32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{process}/task")) else { return Vec::new() };
    threads
        .flatten()
        .filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok())
        .flat_map(|line| line.split_whitespace().flat_map(str::parse).collect::<Vec<_>>())
        .collect()
}

fn monotonic_ns() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

    use super::*;

    const GROWTH: u64 = 8 << 20;

    /// Shell words that take memory, say so, and give it back when told to.
    const GROW_AND_SHRINK: &str =
        "read go; v=$(head -c 8388608 /dev/zero | tr '\\0' x); echo grown; read go; v=; echo shrunk; read go";

    /// A shell that goes on one step at a time.
    struct Shell {
        child: Child,
        input: ChildStdin,
        output: BufReader<ChildStdout>,
    }

    impl Shell {
        fn new(script: &str) -> Self {
            let mut command = Command::new("sh");
            command.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped());
            let mut child = command.spawn().unwrap();
            let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
            Self { child, input, output: BufReader::new(output) }
        }

        fn step_until(&mut self, expected: &str) {
            writeln!(self.input).unwrap();
            let mut line = String::new();
            self.output.read_line(&mut line).unwrap();
            assert_eq!(line.trim(), expected);
        }

        fn pid(&self) -> Pid {
            Pid::from_child(&self.child)
        }

        fn end(mut self) -> Pid {
            let pid = self.pid();
            writeln!(self.input).unwrap();
            self.child.wait().unwrap();
            pid
        }
    }

    fn look(sampler: &mut Sampler, pid: Pid) -> u64 {
        sampler.look(pid);
        sampler.readings().last().unwrap().bytes
    }

    #[test]
    fn a_child_is_seen_to_grow_and_to_shrink_and_no_more_when_it_has_ended() {
        let mut shell = Shell::new(GROW_AND_SHRINK);
        let mut sampler = Sampler::new(Scope::Process);
        let before = look(&mut sampler, shell.pid());
        shell.step_until("grown");
        let grown = look(&mut sampler, shell.pid());
        shell.step_until("shrunk");
        let shrunk = look(&mut sampler, shell.pid());
        assert!(before > 0 && grown >= before + GROWTH && shrunk + GROWTH / 2 <= grown);
        let pid = shell.end();
        sampler.look(pid);
        let times: Vec<u64> = sampler.readings().iter().map(|reading| reading.at_ns).collect();
        assert!(times.len() == 3 && times.is_sorted(), "{times:?}");
    }

    #[test]
    fn a_repeated_execution_begins_anew() {
        let mut sampler = Sampler::new(Scope::Process);
        let first = Shell::new("read go");
        look(&mut sampler, first.pid());
        let second = Shell::new("read go");
        look(&mut sampler, second.pid());
        assert_eq!(sampler.readings().len(), 1);
        first.end();
        second.end();
    }

    #[test]
    fn descendants_count_in_a_tree_only() {
        let inner = GROW_AND_SHRINK.replace('\'', "'\\''");
        let mut shell = Shell::new(&format!("sh -c '{inner}'; read go"));
        shell.step_until("grown");
        let alone = look(&mut Sampler::new(Scope::Process), shell.pid());
        let mut tree = Sampler::new(Scope::Tree);
        let both = look(&mut tree, shell.pid());
        let inner = look(&mut Sampler::new(Scope::Descendants), shell.pid());
        assert!(both >= alone + GROWTH && inner >= GROWTH && inner < both);
        shell.step_until("shrunk");
        assert!(look(&mut tree, shell.pid()) < alone + GROWTH);
        writeln!(shell.input).unwrap();
        shell.end();
        assert!(tree.resident() == 0 && tree.processes.is_empty());
    }
}
