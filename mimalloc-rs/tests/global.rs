//! The allocator as a program's own: standard collections, and threads from their first instant to their last.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::RefCell;
use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet, VecDeque};
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;

use mimalloc_rs::MiMalloc;

#[global_allocator]
static GLOBAL: MiMalloc = MiMalloc;

#[test]
fn collections_keep_what_they_are_given() {
    let numbers: Vec<u64> = (0..50_000).collect();
    let tree: BTreeMap<u64, String> = numbers.iter().map(|&n| (n * 7919 % 50_021, n.to_string())).collect();
    let map: HashMap<String, Vec<u64>> = numbers.iter().map(|&n| (format!("key {n}"), vec![n; 3])).collect();
    let set: HashSet<[u64; 5]> = numbers.iter().map(|&n| [n; 5]).collect();
    let mut queue: VecDeque<Box<u64>> = VecDeque::new();
    let mut heap: BinaryHeap<u64> = BinaryHeap::new();
    for &number in &numbers {
        queue.push_back(Box::new(number));
        heap.push(number);
        if number % 3 == 0 {
            assert_eq!(*queue.pop_front().unwrap(), number / 3);
            assert_eq!(heap.pop(), Some(number));
        }
    }
    assert!(numbers.iter().all(|n| tree[&(n * 7919 % 50_021)] == n.to_string()));
    assert!(numbers.iter().all(|&n| map[&format!("key {n}")] == [n; 3] && set.contains(&[n; 5])));
    assert!(heap.into_sorted_vec().is_sorted());
    assert!(GLOBAL.owns(numbers.as_ptr()));
}

#[test]
fn resizing_keeps_the_contents_and_moves_no_more_than_it_has_to() {
    for size in 1..=1024usize {
        for new in [size, size + 1, size + size / 8, size / 2 + 1, 2 * size] {
            let layout = Layout::from_size_align(size, 1).unwrap();
            // SAFETY: the layouts have a size; the block is live until the last line, with `new` bytes from the second on.
            unsafe {
                let block = GLOBAL.alloc(layout);
                let usable = GLOBAL.usable_size(block);
                block.write_bytes(0x5a, size);
                let resized = GLOBAL.realloc(block, layout, new);
                assert!(GLOBAL.usable_size(resized) >= new, "{size} to {new}");
                assert!((0..size.min(new)).all(|i| *resized.add(i) == 0x5a), "{size} to {new}");
                let hardened = cfg!(any(feature = "debug", feature = "secure"));
                if !hardened && new >= size && new <= usable {
                    assert_eq!(resized, block, "{size} to {new} fits in {usable}");
                }
                GLOBAL.dealloc(resized, Layout::from_size_align(new, 1).unwrap());
            }
        }
    }
}

#[test]
fn memory_of_others_is_not_ours() {
    let local = 0;
    static STATIC: u32 = 0;
    // SAFETY: asks the system's allocator, and gives the block back.
    let owned = unsafe {
        let foreign = libc::malloc(100);
        let owned = GLOBAL.owns(foreign);
        libc::free(foreign);
        owned
    };
    assert!(!owned && !GLOBAL.owns(&raw const local) && !GLOBAL.owns(&raw const STATIC));
    assert!(!GLOBAL.owns(ptr::null::<u8>()) && !GLOBAL.owns(ptr::without_provenance::<u8>(usize::MAX)));
}

#[test]
fn a_string_grows_from_nothing_to_megabytes() {
    let mut text = String::new();
    while text.len() < 8 << 20 {
        let from = text.len();
        text.push_str("0123456789");
        assert_eq!(&text[from..], "0123456789");
    }
    assert!(text.as_bytes().chunks_exact(10).all(|chunk| chunk == b"0123456789"));
    text.truncate(10);
    text.shrink_to_fit();
    assert_eq!(text, "0123456789");
}

#[test]
fn scoped_threads_share_and_return() {
    let shared: Vec<String> = (0..1000).map(|n| n.to_string()).collect();
    let collected = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for thread in 0..8 {
            let (shared, collected) = (&shared, &collected);
            scope.spawn(move || {
                let own: Vec<String> = shared.iter().map(|text| format!("{thread}:{text}")).collect();
                collected.lock().unwrap().extend(own);
            });
        }
    });
    let mut collected = collected.into_inner().unwrap();
    collected.sort_unstable();
    collected.dedup();
    assert_eq!(collected.len(), 8 * shared.len());
}

/// Blocks that go back and forth: each is freed by a thread that did not make it.
#[test]
fn blocks_cross_threads_both_ways() {
    let (to_odd, from_even) = std::sync::mpsc::channel::<Arc<Vec<usize>>>();
    let (to_even, from_odd) = std::sync::mpsc::channel::<Arc<Vec<usize>>>();
    let odd = thread::spawn(move || {
        for block in from_even {
            to_even.send(Arc::new(vec![block.len(); block.len()])).unwrap();
        }
    });
    for length in (1..2000).cycle().take(20_000) {
        to_odd.send(Arc::new(vec![0; length])).unwrap();
        if length % 16 == 0 {
            while let Ok(block) = from_odd.try_recv() {
                assert!(block.iter().all(|&number| number == block.len()));
            }
        }
    }
    drop(to_odd);
    assert!(from_odd.iter().all(|block| block.iter().all(|&number| number == block.len())));
    odd.join().unwrap();
}

/// Frees what it holds when its thread ends, and allocates once more.
#[expect(clippy::vec_box, reason = "each number is to be a block of its own")]
struct Late(Vec<Box<usize>>);

/// Numbers that destructors have seen; they cannot fail a test by panicking.
static SEEN: AtomicUsize = AtomicUsize::new(0);

impl Drop for Late {
    fn drop(&mut self) {
        let more: Vec<String> = self.0.iter().map(|number| number.to_string()).collect();
        self.0.clear();
        SEEN.fetch_add(more.iter().filter(|text| text.parse::<usize>().is_ok()).count(), Ordering::Relaxed);
    }
}

thread_local! {
    static LATE: RefCell<Late> = const { RefCell::new(Late(Vec::new())) };
}

#[test]
fn destructors_of_thread_locals_free_and_allocate() {
    const THREADS: usize = 200;
    const EACH: usize = 300;
    SEEN.store(0, Ordering::Relaxed);
    for _ in 0..THREADS {
        thread::spawn(|| LATE.with_borrow_mut(|late| late.0.extend((0..EACH).map(Box::new)))).join().unwrap();
    }
    assert_eq!(SEEN.load(Ordering::Relaxed), THREADS * EACH);
}

/// What a thread holds beyond its heap's end.
struct Payload {
    rounds_left: usize,
    #[expect(clippy::vec_box, reason = "each number is to be a block of its own")]
    numbers: Vec<Box<usize>>,
}

impl Payload {
    fn new(rounds_left: usize, count: usize) -> Box<Self> {
        Box::new(Self { rounds_left, numbers: (0..count).map(Box::new).collect() })
    }

    /// How many of its blocks have changed.
    fn wrong(&self) -> usize {
        self.numbers.iter().enumerate().filter(|(place, number)| ***number != *place).count()
    }
}

/// Destructors that have run after the allocator's own.
static ROUNDS: AtomicUsize = AtomicUsize::new(0);
static WRONG: AtomicUsize = AtomicUsize::new(0);

/// The key is newer than the allocator's, so in each round its destructor runs after the allocator's: the
/// thread's heap is gone, comes back with the first allocation, and goes again.
fn late_key() -> libc::pthread_key_t {
    static KEY: OnceLock<libc::pthread_key_t> = OnceLock::new();
    *KEY.get_or_init(|| {
        let mut key = 0;
        // SAFETY: the pointer is valid for writing.
        assert_eq!(unsafe { libc::pthread_key_create(&raw mut key, Some(after_the_heap)) }, 0);
        key
    })
}

/// # Safety
/// `payload` comes from `Box::into_raw`, and is this function's.
unsafe extern "C" fn after_the_heap(payload: *mut c_void) {
    // SAFETY: the caller vouches for the pointer.
    let payload: Box<Payload> = unsafe { Box::from_raw(payload.cast()) };
    ROUNDS.fetch_add(1, Ordering::Relaxed);
    WRONG.fetch_add(payload.wrong(), Ordering::Relaxed);
    if let Some(rounds_left) = payload.rounds_left.checked_sub(1) {
        let next = Payload::new(rounds_left, payload.numbers.len());
        drop(payload);
        // SAFETY: the value is freed by the next round.
        unsafe { libc::pthread_setspecific(late_key(), Box::into_raw(next).cast()) };
    }
}

#[test]
fn threads_go_on_after_their_heap_has_ended() {
    const BATCHES: usize = 100;
    // Several at a time, so that a heap its thread still used would have two users.
    const BATCH: usize = 8;
    /// The system makes three more rounds at least.
    const MORE_ROUNDS: usize = 2;
    let key = late_key();
    for _ in 0..BATCHES {
        let threads: [_; BATCH] = std::array::from_fn(|_| {
            thread::spawn(move || {
                let payload = Payload::new(MORE_ROUNDS, 2000);
                // SAFETY: the value is freed by the key's destructor.
                unsafe { libc::pthread_setspecific(key, Box::into_raw(payload).cast()) };
            })
        });
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    }
    assert_eq!(ROUNDS.load(Ordering::Relaxed), (1 + MORE_ROUNDS) * BATCHES * BATCH);
    assert_eq!(WRONG.load(Ordering::Relaxed), 0, "blocks changed after their thread's heap had ended");
}

/// A thread whose first call is a free, made without the standard library, which allocates for each of its own.
extern "C" fn only_frees(payload: *mut c_void) -> *mut c_void {
    // SAFETY: the pointer comes from `Box::into_raw`, and this thread has it alone.
    let payload: Box<Payload> = unsafe { Box::from_raw(payload.cast()) };
    let wrong = payload.wrong();
    drop(payload);
    ptr::without_provenance_mut(wrong)
}

/// A thread that never allocates or frees.
extern "C" fn does_nothing(_: *mut c_void) -> *mut c_void {
    ptr::null_mut()
}

fn run(body: extern "C" fn(*mut c_void) -> *mut c_void, argument: *mut c_void) -> usize {
    let (mut thread, mut result) = (0, ptr::null_mut());
    // SAFETY: both pointers are valid for writing; `body` takes this argument.
    unsafe {
        assert_eq!(libc::pthread_create(&raw mut thread, ptr::null(), body, argument), 0);
        assert_eq!(libc::pthread_join(thread, &raw mut result), 0);
    }
    result.addr()
}

#[test]
fn a_threads_first_call_may_be_a_free() {
    for count in [0, 1, 10, 1000, 20_000].into_iter().cycle().take(100) {
        let payload = Payload::new(0, count);
        assert_eq!(run(only_frees, Box::into_raw(payload).cast()), 0, "wrong contents");
        assert_eq!(run(does_nothing, ptr::null_mut()), 0);
    }
}
