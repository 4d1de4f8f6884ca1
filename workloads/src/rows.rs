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
        id: "espresso",
        group: Group::Programs,
        threaded: false,
        about: "Minimises a logic function of 16 inputs and 40 outputs: cubes, lists of cubes and elements of \
                sparse matrices, each a heap block of a few dozen bytes, nested in lifetime like the recursions \
                that make them, with arrays that grow by realloc among them. It models compilers, solvers and \
                other programs that build and drop small structures all the time.",
        reading: "A high number means that blocks of two or three small sizes are slow to allocate and free, or \
                  lie so far apart that walking through lists of them misses the cache. Less than half a megabyte \
                  is live, so memory is about the allocator's own needs. It matters to every program with \
                  trees and lists on one thread.",
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
];
