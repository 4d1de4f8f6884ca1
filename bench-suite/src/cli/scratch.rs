//! Workers for commands that keep nothing: prepared in a folder that goes away again.

use std::collections::BTreeMap;
use std::env;
use std::path::Path;

use anyhow::Result;
use tempfile::TempDir;

use crate::cancel::Cancel;
use crate::config::Allocator;
use crate::status::Status;
use crate::tell::tell;
use crate::temporary;
use crate::workers::{AllocatorRecord, Launch, Source, prepare};

/// Prepared workers and the folder they are in.
pub(super) struct Scratch {
    /// Removed with everything in it when this goes out of scope.
    _folder: TempDir,
    /// How the available ones are started.
    pub(super) launches: BTreeMap<String, Launch>,
    /// What is known about each.
    pub(super) records: Vec<AllocatorRecord>,
}

impl Scratch {
    /// Builds or finds the workers of `allocators`.
    pub(super) fn prepare(
        allocators: &[Allocator],
        source: &Source,
        root: Option<&Path>,
        cancel: &Cancel,
    ) -> Result<Self> {
        // The build folder is known to allow programs, which temporary folders may not.
        let create = |parent: &Path| tempfile::Builder::new().prefix("bench-suite-").tempdir_in(parent);
        let target = root.map(|root| root.join("target")).filter(|target| target.is_dir());
        let mut folder = target
            .and_then(|target| create(&target).ok())
            .map_or_else(|| temporary::create_in(&env::temp_dir(), create), Ok)?;
        let path = folder.path().to_path_buf();
        let prepared = prepare(allocators, source, 1, &path, &path, cancel, &mut |line| tell(line))?;
        // The log of a failed build is named in its reason and must outlive the command.
        folder.disable_cleanup(prepared.iter().any(|one| one.record.status == Status::BuildFailed));
        let mut launches = BTreeMap::new();
        let mut records = Vec::new();
        for prepared in prepared {
            launches.extend(prepared.launch.map(|launch| (launch.allocator.clone(), launch)));
            records.push(prepared.record);
        }
        Ok(Self { _folder: folder, launches, records })
    }
}
