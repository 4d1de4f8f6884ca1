//! Sparse matrices of zeroes and ones, every one and every row and column a heap block, and the search for
//! few columns that touch all rows.

mod chain;
mod dominance;
mod gimpel;
mod independent;
mod matrix;
mod minimum;
mod row;

pub(super) use dominance::drop_dominated_rows;
pub(super) use matrix::{Matrix, ROWS};
pub(super) use minimum::minimum_cover;
