//! Noting the phases of a row takes nothing from the heap whose curve they explain.

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use workloads::api::Global;
use workloads::measure::Meter;
use workloads::phases::{Mark, Phase, PhaseLog};

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: all is left to the system's allocator, which keeps the contract.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of this very function.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the block came from the system's allocator with this layout.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn marks_are_written_without_the_heap() {
    // The only test here: another one would allocate meanwhile.
    let path = std::env::temp_dir().join(format!("phases-{}", std::process::id()));
    let log = PhaseLog::new(fs::File::create(&path).expect("there is room for a file"));
    let mut meter = Meter::default().with_phases(log);
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    meter.start();
    meter.stop::<Global>();
    let measured = meter.finish();
    assert_eq!(ALLOCATIONS.load(Ordering::Relaxed), before);
    let text = fs::read_to_string(&path).expect("the marks were written");
    fs::remove_file(&path).expect("the file is there");
    let marks: Vec<Mark> =
        text.lines().map(|line| serde_json::from_str(line).expect("a mark is JSON")).collect();
    let phases: Vec<Phase> = marks.iter().map(|mark| mark.phase).collect();
    assert_eq!(phases, [Phase::Start, Phase::Stop, Phase::Drained]);
    assert!(marks.is_sorted_by_key(|mark| mark.at_ns) && marks.iter().all(|mark| mark.rss_bytes > 0));
    let measured_ns = measured.elapsed.as_nanos();
    assert!(
        u128::from(marks[1].at_ns - marks[0].at_ns) >= measured_ns,
        "the marks enclose the measured part"
    );
}
