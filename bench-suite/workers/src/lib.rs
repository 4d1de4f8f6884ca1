//! What every worker binary shares: command line, identity proof, one JSON line.
