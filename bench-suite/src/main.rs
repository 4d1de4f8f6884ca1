//! Entry point of the harness: parse, dispatch, turn the ending into an exit code.

use std::process::ExitCode;

use bench_suite::tell::tell;
use bench_suite::{cli, error};

fn main() -> ExitCode {
    match cli::main(std::env::args_os()) {
        Ok(outcome) => outcome.into(),
        Err(failure) => {
            tell(format_args!("bench-suite: {}", error::one_line(&failure)));
            ExitCode::from(error::exit_code(&failure))
        }
    }
}
