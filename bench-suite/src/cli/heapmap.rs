//! `heapmap`: a picture of our allocator's heap as it is at the end of a workload.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use clap::Args;
use tempfile::NamedTempFile;
use workloads::heap_map::HeapMap;
use workloads::rows::Size;

use super::options::{WorkerArgs, size_parser};
use super::scratch::Scratch;
use super::{Setup, print_out};
use crate::cancel::Cancel;
use crate::config::Field;
use crate::error::Outcome;
use crate::exec::{Executor, Job, RealExecutor};
use crate::fingerprint::{Commit, Machine, Toolchain, cores};
use crate::plan::{Params, Profile, preset_name, size_name};
use crate::plot::figure;
use crate::plot::heapmap::Heapmap;
use crate::{select, temporary, usage};

/// Allocators whose workers can show their heap.
const SHOWN: [&str; 2] = ["mi", "mi-secure"];

/// Flags of `heapmap`.
#[derive(Debug, Clone, Args)]
pub(super) struct HeapmapArgs {
    /// The workload; larson, sh6bench and sh8bench have blocks left at their end
    #[arg(long, default_value = "larson")]
    row: String,
    /// Whose heap: mi or mi-secure
    #[arg(short, long, default_value = "mi", value_name = "ID")]
    alloc: String,
    /// How much work
    #[arg(long, default_value = "calibrated", value_parser = size_parser())]
    size: Size,
    #[command(flatten)]
    worker: WorkerArgs,
    /// The picture, .png or .svg [default: heapmap-ROW.png]
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Does what `heapmap` was asked for.
pub(super) fn heapmap(args: HeapmapArgs, setup: Setup) -> Result<Outcome> {
    let row = only_row(args.row)?;
    let known = setup.config.allocators.iter().cloned();
    let allocators: Vec<_> = known.filter(|allocator| allocator.id == args.alloc).collect();
    if !SHOWN.contains(&args.alloc.as_str()) {
        return Err(usage!("'{}' cannot show its heap; take one of: {}", args.alloc, SHOWN.join(", ")));
    }
    let picture = Picture::begin(args.out.unwrap_or_else(|| format!("heapmap-{row}.png").into()))?;
    let source = args.worker.source()?;
    let cancel = Cancel::on_signals()?;
    let scratch = Scratch::prepare(&allocators, &source, setup.root.as_deref(), &cancel)?;
    let Some(launch) = scratch.launches.get(&args.alloc) else {
        if cancel.requested() {
            return Ok(Outcome::Interrupted);
        }
        let reason = scratch.records.first().and_then(|record| record.reason.clone()).unwrap_or_default();
        return Err(anyhow!("worker-{} is not available: {reason}", args.alloc));
    };
    let params = Params {
        preset: args.worker.preset.unwrap_or_default(),
        size: args.size,
        threads: args.worker.threads.unwrap_or_else(cores),
        // Nothing is timed.
        levelled: false,
    };
    let map = temporary::file()?;
    let job = Job {
        launch,
        row: &row,
        params,
        stats: false,
        heap_map: Some(map.path()),
        phases: None,
        env_pad_bytes: 0,
        timeout: args.worker.timeout.unwrap_or(setup.config.run.timeout(params.size)),
    };
    let Some(execution) = RealExecutor::new(cancel).execute(&job)? else {
        return Ok(Outcome::Interrupted);
    };
    let Some(report) = execution.report else {
        let reason = execution.reason.unwrap_or_default();
        return Err(anyhow!("{row} under {}: {}: {reason}", args.alloc, execution.status));
    };
    let root = setup.root.as_deref();
    let lines = [
        format!(
            "{} · commit {} · row {row} · preset {} · size {} · {} threads · profile {}",
            report.allocator_version,
            Commit::read(root).name(),
            preset_name(params.preset),
            size_name(params.size),
            params.threads,
            args.worker.profile.unwrap_or(Profile::Worker).name(),
        ),
        format!("{} · {}", Machine::read().line(), Toolchain::read(root).rustc),
    ];
    let map = read(map.path())?;
    let heap = Heapmap::new(&map, &report.allocator_version, &row, lines);
    let total = heap.total();
    let file = picture.finish(&heap)?;
    print_out(&format!("{row}: {total}\nwritten: {}\n", file.display()))?;
    Ok(Outcome::Done)
}

fn only_row(row: String) -> Result<String> {
    let mut rows = select::workloads(&[row], &[], &[])?;
    match (rows.pop(), rows.is_empty()) {
        (Some(row), true) if select::field_of(&row) == Field::Workers => Ok(row),
        (Some(row), true) => Err(usage!(
            "'{row}' is a real program, whose heap cannot be shown; give --row a workload of another kind in 'bench-suite list'"
        )),
        _ => Err(usage!("a picture shows one workload; give --row one of 'bench-suite list'")),
    }
}

fn read(file: &Path) -> Result<HeapMap> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    serde_json::from_str(&text)
        .map_err(|error| anyhow!("the worker's heap map cannot be read: {error}; build both from one tree"))
}

/// A picture on its way to a file, which appears when it is complete.
struct Picture {
    target: PathBuf,
    vector: bool,
    file: NamedTempFile,
}

impl Picture {
    /// Makes sure that the file can be written before anything is measured.
    fn begin(target: PathBuf) -> Result<Self> {
        let vector = match target.extension().and_then(|extension| extension.to_str()) {
            Some("png") => false,
            Some("svg") => true,
            _ => {
                return Err(usage!("--out {}: name a file that ends in .png or .svg", target.display()));
            }
        };
        if target.is_dir() {
            return Err(usage!("--out {}: that is a folder; name a file in it", target.display()));
        }
        let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty());
        let file = tempfile::Builder::new()
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(parent.unwrap_or(Path::new(".")))
            .map_err(|error| {
                let reason = error.kind();
                usage!("--out {}: cannot write there: {reason}; name another place", target.display())
            })?;
        Ok(Self { target, vector, file })
    }

    fn finish(mut self, heap: &Heapmap) -> Result<PathBuf> {
        let bytes = if self.vector { figure::to_svg(heap)?.into_bytes() } else { figure::to_png(heap)? };
        let complaint = || format!("cannot write {}", self.target.display());
        self.file.write_all(&bytes).with_context(complaint)?;
        self.file.persist(&self.target).with_context(complaint)?;
        Ok(self.target)
    }
}
