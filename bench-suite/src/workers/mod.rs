//! From configured allocators to programs that can be started: built or found, copied
//! aside so that a rebuild cannot change what is measured, and hashed.

mod build;
mod home;
mod layouts;
mod library;
mod preload;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

pub use build::{LIBRARY_PROFILE, source_root};
pub use library::Identity;
pub use preload::{check_shared_library, find_library};

use build::Product;

use crate::cancel::Cancel;
use crate::config::{Allocator, Kind};
use crate::plan::Profile;
use crate::status::Status;
use crate::usage;

/// Where worker binaries come from.
#[derive(Debug, Clone)]
pub enum Source {
    /// Built from the workspace this program was built from.
    Build {
        /// Root of the workspace.
        root: PathBuf,
        /// Profile of the workers.
        profile: Profile,
    },
    /// Built before, taken from this folder.
    Folder(PathBuf),
}

impl Source {
    /// The folder if one is given, else the workspace's sources.
    pub fn new(folder: Option<&Path>, profile: Profile) -> Result<Self> {
        let Some(folder) = folder else {
            return Ok(Self::Build { root: source_root()?, profile });
        };
        let folder = folder.canonicalize().map_err(|error| {
            usage!("--worker-dir {}: {error}; name a folder with built workers", folder.display())
        })?;
        Ok(Self::Folder(folder))
    }
}

/// How an allocator's worker is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// Allocator id.
    pub allocator: String,
    /// The id the worker must give itself.
    pub worker_id: String,
    /// The worker binary.
    pub program: PathBuf,
    /// The same with its functions in other orders.
    pub layouts: Vec<PathBuf>,
    /// The library put in front of the system's `malloc`.
    pub preload: Option<PathBuf>,
    /// A program, with its arguments, that runs the worker; empty to start it directly.
    pub wrapper: Vec<String>,
}

impl Launch {
    /// The number of the order of functions for a pass: one after the other, 0 is [`Launch::program`].
    pub fn layout_of(&self, pass: usize) -> usize {
        pass % (1 + self.layouts.len())
    }

    /// The same with that order of functions.
    #[must_use]
    pub fn in_layout(&self, number: usize) -> Self {
        let program = number.checked_sub(1).map_or(&self.program, |other| &self.layouts[other]);
        Self { program: program.clone(), ..self.clone() }
    }
}

/// What a run remembers about one allocator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllocatorRecord {
    /// Its configuration at the time.
    pub config: Allocator,
    /// `ok`, or why it cannot be started.
    pub status: Status,
    /// The reason in one line, if it cannot be started.
    pub reason: Option<String>,
    /// BLAKE3 hash of the worker binary.
    pub binary_hash: Option<String>,
    /// The same of that binary with its functions in other orders; passes take turns with them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layout_hashes: Vec<String>,
    /// The library that is preloaded; one that was built is named relative to the run's copies.
    #[serde(default, with = "home")]
    pub library: Option<PathBuf>,
    /// BLAKE3 hash of that library.
    pub library_hash: Option<String>,
    /// Its names and size; earlier versions did not note them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub library_identity: Option<Identity>,
}

impl AllocatorRecord {
    /// Where the library that is preloaded lies, as it may be published.
    pub fn library_place(&self) -> Option<String> {
        Some(home::shortened(self.library.as_deref()?).display().to_string())
    }
}

/// An allocator with what is known about it and, if it can be started, how.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// What a run remembers.
    pub record: AllocatorRecord,
    /// How it is started; absent when it cannot be.
    pub launch: Option<Launch>,
}

/// Why an allocator is not available.
#[derive(Debug, Clone)]
struct Unavailable {
    status: Status,
    reason: String,
}

/// A file in the store.
#[derive(Debug, Clone)]
struct Stored {
    path: PathBuf,
    hash: String,
}

impl Stored {
    fn copy(from: &Path, path: PathBuf) -> Result<Self> {
        fs::copy(from, &path)
            .with_context(|| format!("cannot copy {} to {}", from.display(), path.display()))?;
        Ok(Self { hash: hash(&path)?, path })
    }
}

/// A worker or library, and a worker's other layouts.
#[derive(Debug, Clone)]
struct Binary {
    itself: Stored,
    layouts: Vec<Stored>,
}

/// Prepares every allocator; those that cannot be are marked and the rest go on.
///
/// Binaries are copied to `store`, as many layouts of each as there are `passes` to use them; build logs go to `logs`.
/// Stops early, with what it has, once `cancel` is requested.
pub fn prepare(
    allocators: &[Allocator],
    source: &Source,
    passes: usize,
    store: &Path,
    logs: &Path,
    cancel: &Cancel,
    say: &mut dyn FnMut(&str),
) -> Result<Vec<Prepared>> {
    let mut binaries: BTreeMap<&str, Result<Binary, Unavailable>> = BTreeMap::new();
    let mut prepared = Vec::with_capacity(allocators.len());
    for allocator in allocators {
        let library = match (allocator.kind, allocator.built_library()) {
            (Kind::Linked, _) => Ok(None),
            (Kind::Preload, None) => system_library(allocator).map(Some),
            (Kind::Preload, Some((package, file))) => {
                let product = Product::Library { package, file };
                let library = obtain(product, &allocator.needs, source, 1, store, logs, say)?;
                library.map(|library| Some(library.itself.path))
            }
        };
        let result = match library {
            Err(unavailable) => Err(unavailable),
            Ok(library) => {
                let bin = allocator.bin.as_str();
                if !binaries.contains_key(bin) {
                    let product = Product::Worker { bin, feature: allocator.feature.as_deref() };
                    let binary = obtain(product, &allocator.needs, source, passes, store, logs, say)?;
                    binaries.insert(bin, binary);
                }
                binaries[bin].clone().map(|binary| (binary, library))
            }
        };
        if cancel.requested() {
            // A build that was stopped did not fail.
            break;
        }
        prepared.push(match result {
            Ok((binary, library)) => available(allocator, binary, library)?,
            Err(Unavailable { status, reason }) => {
                say(&format!("{}: {status}: {reason}", allocator.id));
                unavailable(allocator, status, reason)
            }
        });
    }
    Ok(prepared)
}

/// Why `allocator` cannot be had on this machine, as far as that is known without building.
pub fn missing(allocator: &Allocator) -> Option<String> {
    if allocator.kind == Kind::Preload && allocator.built_library().is_none() {
        return system_library(allocator).err().map(|unavailable| unavailable.reason);
    }
    build::missing_tool(&allocator.needs)
}

/// The launches of an unfinished run from the copies in its `store`. Fails if a copy or a
/// library is not the one that the run began with.
pub fn relaunch(records: &[AllocatorRecord], store: &Path) -> Result<BTreeMap<String, Launch>> {
    let mut launches = BTreeMap::new();
    for record in records.iter().filter(|record| record.status == Status::Ok) {
        let id = &record.config.id;
        let checked = |path: PathBuf, expected: Option<&String>| {
            ensure!(
                Some(&hash(&path)?) == expected,
                "cannot resume: binary_hash of '{id}' differs, {} has changed; start a new run",
                path.display()
            );
            Ok(path)
        };
        let bin = &record.config.bin;
        let program = checked(store.join(bin), record.binary_hash.as_ref())?;
        let others = record.layout_hashes.iter().zip(1..);
        let others = others.map(|(expected, number)| checked(layout_in(store, bin, number), Some(expected)));
        let layouts = others.collect::<Result<_>>()?;
        let library = record.library.as_deref().map(|library| store.join(library));
        let library_hash = library.as_deref().map(hash).transpose()?;
        ensure!(
            library_hash == record.library_hash,
            "cannot resume: library_hash of '{id}' differs, its library has changed; start a new run"
        );
        launches.insert(id.clone(), launch(&record.config, program, layouts, library));
    }
    Ok(launches)
}

fn launch(
    allocator: &Allocator,
    program: PathBuf,
    layouts: Vec<PathBuf>,
    preload: Option<PathBuf>,
) -> Launch {
    Launch {
        allocator: allocator.id.clone(),
        worker_id: allocator.worker_id().to_owned(),
        program,
        layouts,
        preload,
        wrapper: Vec::new(),
    }
}

fn system_library(allocator: &Allocator) -> Result<PathBuf, Unavailable> {
    find_library(&allocator.library).ok_or_else(|| {
        let names = allocator.library.join(" or ");
        let hint = match (&allocator.package, &allocator.script) {
            (Some(package), _) => format!("; install it with: apt-get install {package}"),
            (None, Some(script)) => format!("; fetch it with: {script}"),
            (None, None) => String::new(),
        };
        Unavailable { status: Status::NotInstalled, reason: format!("{names} not found{hint}") }
    })
}

/// Builds or finds a file and copies it into the store.
fn obtain(
    product: Product<'_>,
    needs: &[String],
    source: &Source,
    passes: usize,
    store: &Path,
    logs: &Path,
    say: &mut dyn FnMut(&str),
) -> Result<Result<Binary, Unavailable>> {
    let file = product.file();
    let found = match source {
        Source::Folder(folder) => folder.join(file),
        Source::Build { root, profile } => {
            if let Some(reason) = build::missing_tool(needs) {
                return Ok(Err(Unavailable { status: Status::NotInstalled, reason }));
            }
            say(&format!("building {file}"));
            match build::build(root, *profile, product, logs)? {
                Ok(path) => path,
                Err(reason) => return Ok(Err(Unavailable { status: Status::BuildFailed, reason })),
            }
        }
    };
    if !found.is_file() {
        let reason = format!("there is no {}", found.display());
        return Ok(Err(Unavailable { status: Status::NotInstalled, reason }));
    }
    let itself = Stored::copy(&found, store.join(file))?;
    let other = layouts::of(&found, passes - 1)?;
    if other.is_empty() && passes > 1 && matches!(product, Product::Worker { .. }) {
        say(&format!("{file}: its functions are in the same order in all passes"));
    }
    let other =
        other.iter().zip(1..).map(|(from, number)| Stored::copy(from, layout_in(store, file, number)));
    Ok(Ok(Binary { itself, layouts: other.collect::<Result<_>>()? }))
}

/// Where the store has a worker's other layouts, counted from 1.
fn layout_in(store: &Path, bin: &str, number: usize) -> PathBuf {
    store.join(format!("{bin}.{number}"))
}

fn available(allocator: &Allocator, binary: Binary, library: Option<PathBuf>) -> Result<Prepared> {
    let library_hash = library.as_deref().map(hash).transpose()?;
    let is_built = allocator.built_library().is_some();
    let library_identity = library.as_deref().map(|path| Identity::of(path, is_built)).transpose()?;
    let library_name = match allocator.built_library() {
        Some((_, file)) => Some(PathBuf::from(file)),
        None => library.clone(),
    };
    let (layouts, layout_hashes) =
        binary.layouts.into_iter().map(|stored| (stored.path, stored.hash)).unzip();
    let launch = launch(allocator, binary.itself.path, layouts, library);
    let record = AllocatorRecord {
        config: allocator.clone(),
        status: Status::Ok,
        reason: None,
        binary_hash: Some(binary.itself.hash),
        layout_hashes,
        library: library_name,
        library_hash,
        library_identity,
    };
    Ok(Prepared { record, launch: Some(launch) })
}

fn unavailable(allocator: &Allocator, status: Status, reason: String) -> Prepared {
    let record = AllocatorRecord {
        config: allocator.clone(),
        status,
        reason: Some(reason),
        binary_hash: None,
        layout_hashes: Vec::new(),
        library: None,
        library_hash: None,
        library_identity: None,
    };
    Prepared { record, launch: None }
}

/// BLAKE3 hash of a file.
pub(crate) fn hash(path: &Path) -> Result<String> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(blake3::hash(&bytes).to_hex().to_string())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::config::Config;

    /// Starts the worker of this name directly.
    pub(crate) fn launch(id: &str) -> Launch {
        Launch {
            allocator: id.to_owned(),
            worker_id: id.to_owned(),
            program: format!("worker-{id}").into(),
            layouts: Vec::new(),
            preload: None,
            wrapper: Vec::new(),
        }
    }

    #[test]
    fn missing_binaries_and_libraries_are_marked_and_the_rest_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("worker-mi"), "first").unwrap();
        fs::write(folder.path().join("worker-mc"), "second").unwrap();
        let store = tempfile::tempdir().unwrap();
        let mut config = Config::embedded().unwrap();
        config.add_preload("gone", "/nonexistent/libgone.so".into()).unwrap();
        let wanted: Vec<_> = config
            .allocators
            .into_iter()
            .filter(|a| ["mi", "jx", "mc", "gone"].contains(&a.id.as_str()))
            .collect();
        let source = Source::new(Some(folder.path()), Profile::Worker).unwrap();
        let prepared =
            prepare(&wanted, &source, 1, store.path(), store.path(), &Cancel::default(), &mut |_| {})
                .unwrap();
        let statuses: Vec<_> = prepared.iter().map(|p| p.record.status.clone()).collect();
        assert_eq!(statuses, [Status::Ok, Status::NotInstalled, Status::Ok, Status::NotInstalled]);
        assert_eq!(prepared[0].launch.as_ref().unwrap().program, store.path().join("worker-mi"));
        assert_ne!(prepared[0].record.binary_hash, prepared[2].record.binary_hash);
        assert!(prepared[3].record.reason.as_ref().unwrap().contains("libgone.so not found"));
    }

    #[test]
    fn built_library_is_kept_with_the_run_and_checked_again() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("worker-mc"), "program").unwrap();
        let store = tempfile::tempdir().unwrap();
        let mut wanted = Config::embedded().unwrap().allocators;
        wanted.retain(|allocator| allocator.id == "mi-so");
        let source = Source::new(Some(folder.path()), Profile::Worker).unwrap();
        let prepared = || {
            let no = Cancel::default();
            prepare(&wanted, &source, 1, store.path(), store.path(), &no, &mut |_| {}).unwrap().remove(0)
        };
        assert!(prepared().record.reason.unwrap().contains("there is no "));
        let library = folder.path().join("libmimalloc_rs.so");
        fs::write(&library, "first").unwrap();
        let Prepared { record, launch } = prepared();
        let kept = store.path().join("libmimalloc_rs.so");
        assert_eq!(record.library.as_deref(), Some(Path::new("libmimalloc_rs.so")));
        assert_eq!(launch.unwrap().preload.as_deref(), Some(&*kept));
        // What is built later does not change what is measured.
        fs::write(&library, "second").unwrap();
        let launches = relaunch(std::slice::from_ref(&record), store.path()).unwrap();
        assert_eq!(launches["mi-so"].preload.as_deref(), Some(&*kept));
        fs::write(&kept, "second").unwrap();
        let error = relaunch(&[record], store.path()).unwrap_err().to_string();
        assert!(error.contains("library_hash of 'mi-so' differs"), "{error}");
    }

    #[test]
    fn layouts_are_kept_with_the_run_as_far_as_passes_use_them() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        fs::create_dir(folder.path().join("layouts")).unwrap();
        write("worker-mi", "linked");
        write("layouts/worker_mi.0", "linked");
        write("layouts/worker_mi.1", "linked otherwise");
        write("layouts/worker_mi.2", "linked once more");
        let store = tempfile::tempdir().unwrap();
        let mut wanted = Config::embedded().unwrap().allocators;
        wanted.retain(|allocator| allocator.id == "mi");
        let source = Source::new(Some(folder.path()), Profile::Worker).unwrap();
        let no = Cancel::default();
        let of_passes = |passes| {
            prepare(&wanted, &source, passes, store.path(), store.path(), &no, &mut |_| {}).unwrap().remove(0)
        };
        assert!(of_passes(1).record.layout_hashes.is_empty());
        let Prepared { record, launch } = of_passes(2);
        let launch = launch.unwrap();
        assert_eq!([0, 1, 2].map(|pass| launch.layout_of(pass)), [0, 1, 0]);
        let of_pass = |number| fs::read_to_string(launch.in_layout(number).program).unwrap();
        assert_eq!([0, 1].map(of_pass), ["linked", "linked otherwise"]);
        let launches = relaunch(std::slice::from_ref(&record), store.path()).unwrap();
        assert_eq!(launches["mi"], launch);
        fs::write(launch.in_layout(1).program, "other").unwrap();
        let error = relaunch(&[record], store.path()).unwrap_err().to_string();
        assert!(error.contains("binary_hash of 'mi' differs") && error.contains("worker-mi.1"), "{error}");
    }
}
