//! Models of every word that two threads write; run with `--cfg loom`.
