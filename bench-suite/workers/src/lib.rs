//! What every worker binary shares: command line, identity proof, one JSON line.
//!
//! A worker is a `#[global_allocator]` and a call of [`work`], put together by [`worker!`]. Exit
//! codes: 0 with a report on standard output, 1 when a row failed, 2 for arguments that make no
//! sense, 4 when the memory came from another allocator than it should have.

mod arguments;
pub mod bare;
pub mod counting;
pub mod library;
#[cfg(any(feature = "mi2", feature = "mi3"))]
pub mod mimalloc_c;
pub mod nothing_left;
pub mod ours;
pub mod proof;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use arguments::{Command, Run};
use proof::{Probe, Proof};
use workloads::api::{Api, Global};
use workloads::counted::Counted;
use workloads::execute::{Identity, execute};
use workloads::heap_map::HeapMap;
use workloads::measure::Meter;
use workloads::operations::OPERATIONS;
use workloads::phases::PhaseLog;
use workloads::protocol::Report;
use workloads::registry::{Failure, Params, ROWS};
use workloads::rows::Size;

/// Makes a worker of an allocator.
///
/// `prove` asks the allocator something only it can answer about a block it should have made. `map` is what shows the
/// heap, of an allocator that can.
#[macro_export]
macro_rules! worker {
    (id: $id:literal, allocator: $allocator:ty = $value:expr, prove: $prove:expr $(, map: $map:expr)? $(,)?) => {
        #[global_allocator]
        static ALLOCATOR: $allocator = $value;

        fn main() {
            $crate::work($id, $prove, <[$crate::MapHeap]>::first(&[$($map)?]))
        }
    };
}

/// How a worker asks its allocator who it is.
pub type Prove = fn(&Probe) -> Result<Proof, String>;

/// How a worker shows its heap.
#[derive(Debug, Clone, Copy)]
pub struct MapHeap {
    /// Looks at the heap. Nothing that this remembers may lie in it.
    pub look: fn(),
    /// What the look has seen.
    pub seen: fn() -> HeapMap,
}

/// The whole life of a worker.
pub fn work(id: &'static str, prove: Prove, map: Option<&MapHeap>) -> ! {
    work_counted::<Counted<Global>>(id, prove, map)
}

/// [`work`] of a worker that counts with `C` when it is asked for counts.
pub fn work_counted<C: Api>(id: &'static str, prove: Prove, map: Option<&MapHeap>) -> ! {
    let code = match nothing_left::end_with_parent().and_then(|()| nothing_left::leave_no_core()) {
        Ok(()) => exit_code_of::<C>(id, prove, map),
        Err(error) => complain(id, 1, &format!("cannot tie itself to whoever started it: {error}")),
    };
    // Without destructors: some allocators take the heap apart in theirs, under threads of a row's crates that still run,
    // and that crash would say nothing about the row.
    // SAFETY: ends the process at once; whoever wrote has flushed.
    unsafe { libc::_exit(code) }
}

/// Does what the command line asks for.
fn exit_code_of<C: Api>(id: &'static str, prove: Prove, map: Option<&MapHeap>) -> i32 {
    let failure = match arguments::parse(lexopt::Parser::from_env()) {
        Ok(Command::Help) => return print(arguments::USAGE),
        Ok(Command::Rows) => {
            return print(&[ROWS, OPERATIONS].concat().join("\n"));
        }
        Ok(Command::Run(run)) => match report::<C>(id, prove, map, &run) {
            Ok(report) => {
                return print(&serde_json::to_string(&report).expect("a report has only plain values"));
            }
            Err(failure) => failure,
        },
        Err(error) => Failure::Parameters(format!("{error}; see worker-{id} --help")),
    };
    let (code, reason) = match failure {
        Failure::Check(reason) => (1, reason),
        Failure::Parameters(reason) => (2, reason),
        Failure::Identity(reason) => (4, format!("identity-failed: {reason}")),
    };
    complain(id, code, &reason)
}

fn complain(id: &str, code: i32, reason: &str) -> i32 {
    // There is nobody left to tell when this fails.
    let _ = writeln!(io::stderr(), "worker-{id}: {reason}");
    code
}

fn print(line: &str) -> i32 {
    let mut out = io::stdout().lock();
    i32::from(writeln!(out, "{line}").and_then(|()| out.flush()).is_err())
}

fn report<C: Api>(id: &str, prove: Prove, map: Option<&MapHeap>, run: &Run) -> Result<Report, Failure> {
    if cfg!(debug_assertions) && run.params.size != Size::Check {
        return Err(Failure::Parameters(
            "this build has debug assertions and is not worth timing: build with --profile worker, or take --size check"
                .to_owned(),
        ));
    }
    let Run { row, params, stats, expected_library, heap_map, phases } = run;
    let shown = heap_map.as_deref().map(|file| match map {
        Some(map) => Ok((map, file)),
        None => Err(Failure::Parameters("this allocator cannot show its heap; worker-mi can".to_owned())),
    });
    let shown = shown.transpose()?;
    let mut meter = shown.map_or_else(Meter::default, |(map, _)| Meter::with_look(map.look));
    if let Some(file) = phases {
        let log = File::create(file).map_err(|error| cannot_write(file, &error))?;
        meter = meter.with_phases(PhaseLog::new(log));
    }
    let identify = || {
        let probe = Probe::new(expected_library.as_deref());
        let Proof { version, evidence } = prove(&probe)?;
        Ok(Identity { allocator: id.to_owned(), version, proof: evidence })
    };
    let params: &Params = params;
    let report = if *stats {
        execute::<C>(row, params, meter, identify)
    } else {
        execute::<Global>(row, params, meter, identify)
    }?;
    if let Some((map, file)) = shown {
        let text = serde_json::to_string(&(map.seen)()).expect("a map has only plain values");
        fs::write(file, text).map_err(|error| cannot_write(file, &error))?;
    }
    Ok(report)
}

fn cannot_write(file: &Path, error: &io::Error) -> Failure {
    Failure::Check(format!("cannot write {}: {error}", file.display()))
}
