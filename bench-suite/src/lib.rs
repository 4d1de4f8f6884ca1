//! The benchmark harness: from flags and a plan to samples of every allocator, and from samples to tables, charts and
//! judgements.
//!
//! # The rooms
//!
//! Each knows only of those above it, and of those before it in its line.
//!
//! | room | what it answers |
//! |---|---|
//! | [`error`], [`tell`], [`cancel`] | how a command ends, what people are told meanwhile, and whether they want it to stop |
//! | `temporary`, [`files`], `jsonl`, `shell` | files that go away, that are written at once, that grow; lines for a shell |
//! | [`fingerprint`], `pace`, [`noise`] | where a run is made, how fast that computes, and what else happens there |
//! | [`stats`] | plain numbers in, plain numbers out |
//! | [`status`] | how an execution ended |
//! | [`config`], [`catalogue`], [`select`] | which allocators and workloads there are, and which of them are meant |
//! | [`plan`] | what a run does, and in which order |
//! | [`workers`] | from allocators to programs that can be started |
//! | [`exec`] | one execution of one cell |
//! | [`foreign`] | the same of programs of the system, and which of the two a plan needs |
//! | [`sample`], [`again`] | what is kept of an execution, and when another takes its place |
//! | [`record`], [`results`], [`journal`] | what is known of a run, where it is kept, and its samples there |
//! | [`session`], [`progress`] | from cell to cell through a plan, and how far that is |
//! | [`curve`] | memory over time, in a pass of its own |
//! | [`summary`], [`digest`] | what a run comes to, and how that follows from its samples |
//! | [`gate`] | whether that is as good as it was |
//! | [`heap`] | what a heap holds |
//! | [`plot`], [`report`], [`table`], [`export`] | what a run comes to, for readers and for other programs; a heap as a picture |
//! | [`conclusion`] | all that is made from the samples of a run |
//! | [`campaign`] | a run from its first folder to its last file |
//! | [`cli`] | the command line |

pub mod again;
pub mod campaign;
pub mod cancel;
pub mod catalogue;
pub mod cli;
pub mod conclusion;
pub mod config;
pub mod curve;
pub mod digest;
pub mod error;
pub mod exec;
pub mod export;
pub mod files;
pub mod fingerprint;
pub mod foreign;
pub mod gate;
pub mod heap;
pub mod journal;
mod jsonl;
pub mod noise;
mod pace;
pub mod plan;
pub mod plot;
pub mod progress;
pub mod record;
pub mod report;
pub mod results;
pub mod sample;
pub mod select;
pub mod session;
mod shell;
pub mod stats;
pub mod status;
pub mod summary;
pub mod table;
pub mod tell;
mod temporary;
pub mod workers;
