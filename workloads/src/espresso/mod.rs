//! espresso: minimises two-level logic: cubes, lists of cubes and sparse matrices, each node a small
//! heap block, made and freed in the order of deep recursions.
//!
//! The unit of `--ops` is one pass over the function.

mod array;
mod complement;
mod cover;
mod inputs;
mod list;
mod order;
mod read;
mod set;
mod space;
mod split;
mod unate;

#[cfg(test)]
mod tests;
