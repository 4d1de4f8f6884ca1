//! How one execution of a worker ended.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How one execution, or a whole cell, ended; written as one word such as `signal(SIGSEGV)`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Status {
    /// A readable report of the right allocator with the right checksum.
    Ok,
    /// Another checksum than the other allocators, or a report that cannot be read.
    WrongOutput,
    /// The worker ended with this exit code.
    Exit(i32),
    /// The worker was ended by this signal.
    Signal(String),
    /// The worker took longer than allowed and was killed.
    Timeout,
    /// The worker or the kernel said that memory ran out.
    Oom,
    /// Another allocator than the named one served the worker.
    IdentityFailed,
    /// The worker could not be started at all.
    NotStarted,
    /// The worker could not be built.
    BuildFailed,
    /// A library or a tool that the allocator needs is missing on this machine.
    NotInstalled,
    /// The run ended before it was this cell's turn.
    NotRun,
}

impl Status {
    /// Whether a busy or small machine explains this ending as well as a defect does.
    pub fn may_be_the_machine(&self) -> bool {
        matches!(self, Self::Timeout | Self::Oom)
    }

    /// The ending of a process killed by signal `number`.
    pub fn from_signal(number: i32) -> Self {
        let name = match number {
            1 => "SIGHUP",
            2 => "SIGINT",
            3 => "SIGQUIT",
            4 => "SIGILL",
            5 => "SIGTRAP",
            6 => "SIGABRT",
            7 => "SIGBUS",
            8 => "SIGFPE",
            9 => "SIGKILL",
            11 => "SIGSEGV",
            13 => "SIGPIPE",
            14 => "SIGALRM",
            15 => "SIGTERM",
            24 => "SIGXCPU",
            25 => "SIGXFSZ",
            31 => "SIGSYS",
            _ => return Self::Signal(number.to_string()),
        };
        Self::Signal(name.to_owned())
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok => f.write_str("ok"),
            Self::WrongOutput => f.write_str("wrong-output"),
            Self::Exit(code) => write!(f, "exit({code})"),
            Self::Signal(name) => write!(f, "signal({name})"),
            Self::Timeout => f.write_str("timeout"),
            Self::Oom => f.write_str("oom"),
            Self::IdentityFailed => f.write_str("identity-failed"),
            Self::NotStarted => f.write_str("not-started"),
            Self::BuildFailed => f.write_str("build-failed"),
            Self::NotInstalled => f.write_str("not-installed"),
            Self::NotRun => f.write_str("not-run"),
        }
    }
}

impl FromStr for Status {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let inside = |prefix| text.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(')'));
        if let Some(code) = inside("exit(") {
            return code.parse().map(Self::Exit).map_err(|_| format!("'{text}' has no exit code"));
        }
        if let Some(name) = inside("signal(") {
            return Ok(Self::Signal(name.to_owned()));
        }
        Ok(match text {
            "ok" => Self::Ok,
            "wrong-output" => Self::WrongOutput,
            "timeout" => Self::Timeout,
            "oom" => Self::Oom,
            "identity-failed" => Self::IdentityFailed,
            "not-started" => Self::NotStarted,
            "build-failed" => Self::BuildFailed,
            "not-installed" => Self::NotInstalled,
            "not-run" => Self::NotRun,
            _ => return Err(format!("'{text}' is not a status")),
        })
    }
}

impl From<Status> for String {
    fn from(status: Status) -> Self {
        status.to_string()
    }
}

impl TryFrom<String> for Status {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_survives_its_own_text() {
        let all = [
            Status::Ok,
            Status::WrongOutput,
            Status::Exit(-3),
            Status::from_signal(11),
            Status::from_signal(64),
            Status::Timeout,
            Status::Oom,
            Status::IdentityFailed,
            Status::NotStarted,
            Status::BuildFailed,
            Status::NotInstalled,
            Status::NotRun,
        ];
        for status in all {
            assert_eq!(status.to_string().parse::<Status>(), Ok(status));
        }
        assert_eq!(Status::from_signal(11).to_string(), "signal(SIGSEGV)");
        assert!("fine".parse::<Status>().is_err());
    }
}
