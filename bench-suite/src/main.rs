//! Entry point of the harness: parse, dispatch, turn the ending into an exit code.

use std::process::ExitCode;
use std::sync::Arc;

use bench_suite::tell::tell;
use bench_suite::{cli, error};
use signal_hook::consts::SIGXFSZ;
use signal_hook::flag;

fn main() -> ExitCode {
    report_large_files();
    match cli::main(std::env::args_os()) {
        Ok(outcome) => outcome.into(),
        Err(failure) => {
            tell(format_args!("bench-suite: {}", error::one_line(&failure)));
            ExitCode::from(error::exit_code(&failure))
        }
    }
}

/// Makes writing beyond the limit of a file's size an error, which is told, instead of a signal that ends this process. Programs
/// that it starts get the signal as ever: no handler outlives `exec`.
fn report_large_files() {
    // If it fails, this process ends as others do.
    let _ = flag::register(SIGXFSZ, Arc::default());
}
