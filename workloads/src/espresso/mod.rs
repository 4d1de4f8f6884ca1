//! espresso: minimises two-level logic: cubes, lists of cubes and sparse matrices, each node a small
//! heap block, made and freed in the order of deep recursions.
//!
//! The unit of `--ops` is one pass over the function.

mod array;
mod complement;
mod components;
mod cost;
mod cover;
mod essential;
mod expand;
mod gasp;
mod inputs;
mod irredundant;
mod list;
mod lower;
mod minimise;
mod order;
mod outputs;
mod pass;
mod read;
mod reduce;
mod set;
mod space;
mod sparse;
mod split;
mod tautology;
mod unate;

#[cfg(test)]
mod tests;
