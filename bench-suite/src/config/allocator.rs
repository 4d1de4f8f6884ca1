//! An allocator as `bench.toml` describes it: how it is started, and how it is drawn.

use serde::{Deserialize, Serialize};

/// The binary that starts programs of the system, in the place of a worker.
const LAUNCHER: &str = "launcher";

/// How an allocator gets into a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// It is the global allocator of its own worker binary.
    Linked,
    /// It is a shared library put in front of the system's `malloc`.
    Preload,
}

/// When an allocator is measured that nobody named.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Measured {
    /// In every run, with all that it can be measured with.
    #[default]
    Always,
    /// With programs of the system only.
    Programs,
    /// Never.
    Named,
}

/// One allocator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allocator {
    /// The name used on the command line, in files and charts.
    pub id: String,
    /// The name for people.
    pub label: String,
    /// How it gets into a worker.
    pub kind: Kind,
    /// The worker binary that is started.
    pub bin: String,
    /// The feature of the `workers` crate that the binary needs.
    #[serde(default)]
    pub feature: Option<String>,
    /// File names or paths of the library, the first that exists is taken.
    #[serde(default)]
    pub library: Vec<String>,
    /// The package of the workspace that the library is built from; absent when it is the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub library_from: Option<String>,
    /// The Debian package that has the library.
    #[serde(default)]
    pub package: Option<String>,
    /// The script that fetches the library, if no package has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<String>,
    /// Programs that building it needs.
    #[serde(default)]
    pub needs: Vec<String>,
    /// The library that stands for it where programs of the system are measured, if it is linked into workers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program_library: Option<String>,
    /// When it is measured without being selected by name.
    #[serde(default)]
    pub measured: Measured,
    /// `#RRGGBB`, fixed per allocator.
    pub colour: String,
    /// What tells it from allocators of a similar colour.
    #[serde(default)]
    pub pattern: Pattern,
}

impl Allocator {
    /// The id the worker binary gives itself in its report.
    pub fn worker_id(&self) -> &str {
        self.bin.strip_prefix("worker-").unwrap_or(&self.bin)
    }

    /// Package and file name of a library that is built from the sources of the workspace.
    pub fn built_library(&self) -> Option<(&str, &str)> {
        Some((self.library_from.as_deref()?, self.library.first()?))
    }

    /// The allocator as programs of the system get it, or nothing if they cannot.
    pub(super) fn for_programs(&self) -> Option<Self> {
        let library = match (&self.program_library, self.kind) {
            (Some(library), _) => vec![library.clone()],
            (None, Kind::Preload) => self.library.clone(),
            (None, Kind::Linked) => return None,
        };
        let (bin, feature) = (LAUNCHER.to_owned(), None);
        Some(Self { kind: Kind::Preload, bin, feature, library, ..self.clone() })
    }
}

/// Lines drawn over a filled bar.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pattern {
    /// No lines.
    #[default]
    Solid,
    /// Lines that rise to the right.
    Rising,
    /// Lines that fall to the right.
    Falling,
    /// Both.
    Crossed,
}
