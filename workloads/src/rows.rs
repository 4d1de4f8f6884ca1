//! The rows of the suite: which workload, at which thread count, in which group, and why.

use serde::{Deserialize, Serialize};

/// Rows that are shown together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Group {
    /// Programs that do work besides allocating.
    Programs,
    /// Loops that stress one trait of an allocator.
    Stress,
    /// Loops that newer suites added.
    Modern,
    /// What programs in Rust do with well-known crates.
    Rust,
    /// Programs of the system, as they are, under a preloaded allocator.
    Real,
}

impl Group {
    /// All groups, in the order of tables and charts.
    pub const ALL: [Group; 5] = [Group::Programs, Group::Stress, Group::Modern, Group::Rust, Group::Real];

    /// The name used in files and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Group::Programs => "programs",
            Group::Stress => "stress",
            Group::Modern => "modern",
            Group::Rust => "rust",
            Group::Real => "real",
        }
    }
}

/// Which era's parameters a row takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// Parameters of the suite as it was in mid-2019.
    Seed2019,
    /// Parameters of the suite as it is now.
    #[default]
    Current,
}

/// How much of a preset's work is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Size {
    /// Enough to prove that the row works; tens of milliseconds.
    Check,
    /// About a fifth of a second on the reference allocator.
    Quick,
    /// About one second on the reference allocator; the default.
    Calibrated,
    /// The preset's exact parameters.
    Full,
}

/// One line of the result table.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The name used on the command line, in files and charts.
    pub id: &'static str,
    /// Which chart the row belongs to.
    pub group: Group,
    /// Whether the row creates threads at all.
    pub threaded: bool,
    /// What the row models and what it stresses in an allocator.
    pub about: &'static str,
    /// How to read a high number in this row.
    pub reading: &'static str,
}

/// All rows, in the order of tables and charts.
pub const ROWS: &[Row] = &[
    Row {
        id: "cfrac",
        group: Group::Programs,
        threaded: false,
        about: "Factors a 42-digit number with integers that are a heap block each and are freed after a \
                few operations: 17 blocks of some 20 bytes for every step. It models interpreters and \
                symbolic programs, and what it stresses is the shortest path through malloc and free.",
        reading: "A high number means that allocating and freeing one small block costs many \
                  instructions, even when nothing else happens; memory hardly differs, for less than \
                  a megabyte is live. It matters to whoever makes many short-lived objects on one thread.",
    },
    Row {
        id: "alloc-test1",
        group: Group::Programs,
        threaded: false,
        about: "One thread fills and empties random slots of a table, a few of them all the time and most \
                of them rarely, and reads and writes every block in full. It models a program that \
                runs for days: sizes from 5 bytes to 1 KiB, mixed lifetimes, free memory scattered.",
        reading: "A high number means that blocks end up far apart, so that the cache and not the call is \
                  slow; high memory means fragmentation. Servers and databases behave like this.",
    },
    Row {
        id: "alloc-testN",
        group: Group::Programs,
        threaded: true,
        about: "alloc-test on every core at once, each thread with a table of its own; nothing is shared \
                but the allocator.",
        reading: "A number that is higher here than in alloc-test1 points to locks or cache lines that \
                  threads share inside of the allocator. It matters to every multi-threaded program, even \
                  where the threads have nothing to do with each other.",
    },
    Row {
        id: "larson",
        group: Group::Stress,
        threaded: true,
        about: "A server whose threads replace random blocks of 8 to 1000 bytes; after half a million \
                replacements each hands its blocks to a new thread and ends. About one free in a hundred is \
                of a block another thread allocated, and every thread leaves a heap behind.",
        reading: "A high number means that frees of other threads' blocks are slow or that the memory of \
                  ended threads is not found again; high memory means the latter. Servers with a thread per \
                  connection and programs that start threads all the time should care.",
    },
    Row {
        id: "larson-sized",
        group: Group::Stress,
        threaded: true,
        about: "larson with the size of the block stated on every free. Rust's allocator interface always \
                states it, so under Rust this is the same loop as larson; the row is here because the \
                suite has it.",
        reading: "Read it together with larson: whatever differs between the two is noise, and an honest \
                  measure of it.",
    },
    Row {
        id: "sh6bench",
        group: Group::Stress,
        threaded: true,
        about: "Threads allocate bursts of equal small blocks and free them in batches, some in the order of \
                allocation and some in reverse; one block in twenty is never freed. It stresses how \
                free lists grow and shrink, without anything shared among the threads.",
        reading: "A high number means that an allocator handles one order of frees badly or moves blocks \
                  between caches too often; high memory means costly headers, since most blocks are below \
                  32 bytes. It matters to programs that build and drop whole structures, such as compilers.",
    },
    Row {
        id: "sh8bench",
        group: Group::Stress,
        threaded: true,
        about: "sh6bench with blocks of up to 165 KiB in the mix, while the main thread makes small blocks \
                that all the others free. Producers and consumers, pipelines and message queues work like \
                that.",
        reading: "A high number means that blocks freed by another thread come back slowly or through a \
                  lock; high memory, that they come back late. It matters wherever data is made in one thread and \
                  dropped in another.",
    },
    Row {
        id: "cache-scratch1",
        group: Group::Stress,
        threaded: false,
        about: "One thread writes two billion times to blocks of one byte, a thousand blocks one after \
                another. Next to nothing is allocated: this is what cache-scratchN costs without \
                neighbours.",
        reading: "All allocators should be equal here; a high number means noise, not a slow allocator. It is \
                  only there to be compared with cache-scratchN.",
    },
    Row {
        id: "cache-scratchN",
        group: Group::Stress,
        threaded: true,
        about: "The main thread gives each thread a block of one byte; the thread frees it, allocates its own \
                and writes to it. An allocator that gives the freed byte back makes threads write to \
                the same cache line: passive false sharing.",
        reading: "Equal to cache-scratch1 divided by the number of threads is ideal; several times that means \
                  false sharing. It matters to programs that pass small objects to worker threads.",
    },
    Row {
        id: "json",
        group: Group::Rust,
        threaded: true,
        about: "The threads of a rayon pool parse 400 JSON documents with serde_json, into structures and into trees \
                of values, change them and write them again. What was made of a document is kept until its turn comes \
                again and is then dropped by whichever thread replaces it: small strings and nodes by the million, and \
                buffers that grow.",
        reading: "A high number means that small blocks, growing buffers or frees from other threads are slow; high \
                  memory means that dropped trees leave gaps. It matters to web services and whatever else \
                  handles documents.",
    },
    Row {
        id: "syn",
        group: Group::Rust,
        threaded: true,
        about: "Threads parse Rust sources with syn, change the syntax trees, print them as tokens and with \
                prettyplease, and parse the result again. They share nothing; each keeps its last few trees, whose \
                nodes are boxes and vectors of many sizes.",
        reading: "A high number means that building and dropping large trees is slow. It matters to compilers, \
                  linters, formatters and procedural macros.",
    },
    Row {
        id: "index",
        group: Group::Rust,
        threaded: false,
        about: "One thread keeps an ordered and a hashed index of 3000 texts, a BTreeMap and a HashMap from strings to \
                vectors, takes texts out and puts others in, and asks for words. Hundreds of thousands of \
                small keys and lists live for long and die in another order than they were made in.",
        reading: "A high number means that blocks are slow to get or end up far apart; high memory means that small \
                  holes are not filled again. It matters to caches, databases and every program that keeps maps \
                  of strings.",
    },
    Row {
        id: "search",
        group: Group::Rust,
        threaded: true,
        about: "Threads build a full-text index in memory from 5000 texts with the crates fst and roaring, merge its \
                parts, and answer queries with it. Millions of short-lived strings meet bitmaps and arrays that \
                grow and are dropped in another thread.",
        reading: "A high number means that short strings or growing arrays are slow; high memory means that large \
                  blocks of the merges are not used again. It matters to search engines and batch jobs that build \
                  large tables.",
    },
    Row {
        id: "echo",
        group: Group::Rust,
        threaded: true,
        about: "A tokio server and its 100 clients exchange messages over the loopback device, with a buffer for \
                every message and a task that writes what another one has read. Much of the time goes into the kernel \
                and the scheduler of tasks, as it does in real servers.",
        reading: "Small differences are what a network service will see at most; a high number means that buffers which \
                  move from thread to thread are slow. It matters to asynchronous services.",
    },
    Row {
        id: "egraph",
        group: Group::Rust,
        threaded: false,
        about: "One thread rewrites expressions with egg: it collects thousands of equal expressions in hash tables and \
                vectors that only grow, throws everything away and goes on with the next one.",
        reading: "A high number means that growing tables or many small vectors are slow; high memory means that \
                  blocks left behind by growth are not used again. It matters to optimisers, solvers and query \
                  planners.",
    },
];
