//! What every worker binary shares: command line, identity proof, one JSON line.
//!
//! A worker is a `#[global_allocator]` and a call of [`work`], put together by [`worker!`]. Exit
//! codes: 0 with a report on standard output, 1 when a row failed, 2 for arguments that make no
//! sense, 4 when the memory came from another allocator than it should have.

mod arguments;
pub mod library;
#[cfg(any(feature = "mi2", feature = "mi3"))]
pub mod mimalloc_c;
pub mod ours;
pub mod proof;

use std::io::Write;
use std::process::ExitCode;

use arguments::{Command, Run};
use proof::{Probe, Proof};
use workloads::api::Global;
use workloads::counted::Counted;
use workloads::execute::{Identity, execute};
use workloads::protocol::Report;
use workloads::registry::{Failure, Params};
use workloads::rows::{ROWS, Size};

/// Makes a worker of an allocator.
///
/// `prove` asks the allocator something only it can answer about a block it should have made.
#[macro_export]
macro_rules! worker {
    (id: $id:literal, allocator: $allocator:ty = $value:expr, prove: $prove:expr $(,)?) => {
        #[global_allocator]
        static ALLOCATOR: $allocator = $value;

        fn main() -> std::process::ExitCode {
            $crate::work($id, $prove)
        }
    };
}

/// How a worker asks its allocator who it is.
pub type Prove = fn(&Probe) -> Result<Proof, String>;

/// The whole life of a worker.
pub fn work(id: &'static str, prove: Prove) -> ExitCode {
    let failure = match arguments::parse(lexopt::Parser::from_env()) {
        Ok(Command::Help) => return print(arguments::USAGE),
        Ok(Command::Rows) => {
            return print(&ROWS.iter().map(|row| row.id).collect::<Vec<_>>().join("\n"));
        }
        Ok(Command::Run(run)) => match report(id, prove, &run) {
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
    // There is nobody left to tell when this fails.
    let _ = writeln!(std::io::stderr(), "worker-{id}: {reason}");
    ExitCode::from(code)
}

fn print(line: &str) -> ExitCode {
    match writeln!(std::io::stdout(), "{line}") {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn report(id: &str, prove: Prove, run: &Run) -> Result<Report, Failure> {
    if cfg!(debug_assertions) && run.params.size != Size::Check {
        return Err(Failure::Parameters(
            "this build has debug assertions and is not worth timing: build with --profile worker, or take --size check"
                .to_owned(),
        ));
    }
    let Run { row, params, stats, expected_library } = run;
    let identify = || {
        let probe = Probe::new(expected_library.as_deref());
        let Proof { version, evidence } = prove(&probe)?;
        Ok(Identity { allocator: id.to_owned(), version, proof: evidence })
    };
    let params: &Params = params;
    if *stats {
        execute::<Counted<Global>>(row, params, identify)
    } else {
        execute::<Global>(row, params, identify)
    }
}
