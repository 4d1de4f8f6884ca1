//! The workloads that the suite knows, found by their ids.

use std::sync::LazyLock;

use crate::config::{Config, Group, Workload};

/// All workloads, in the order of tables and charts.
///
/// # Panics
/// If the embedded configuration is invalid, which a test excludes.
pub fn workloads() -> &'static [Workload] {
    static WORKLOADS: LazyLock<Vec<Workload>> =
        LazyLock::new(|| Config::embedded().expect("a test reads the embedded configuration").workloads);
    &WORKLOADS
}

/// The workload named `id`. A program named on the command line is not among them.
pub fn find(id: &str) -> Option<&'static Workload> {
    workloads().iter().find(|workload| workload.id == id)
}

/// The workloads that are ports, run by workers.
pub fn ports() -> impl Iterator<Item = &'static Workload> + Clone {
    workloads().iter().filter(|workload| workload.group != Group::Real)
}

/// The group of a workload; one that the suite does not know is the user's own program.
pub fn group_of(id: &str) -> Group {
    find(id).map_or(Group::Real, |workload| workload.group)
}

#[cfg(test)]
mod tests {
    use workloads::operations::OPERATIONS;
    use workloads::registry::ROWS;

    use super::*;

    #[test]
    fn the_ports_are_those_that_workers_know() {
        let mut described: Vec<&str> = ports().map(|workload| workload.id.as_str()).collect();
        let mut known = [ROWS, OPERATIONS].concat();
        described.sort_unstable();
        known.sort_unstable();
        assert_eq!(described, known);
    }

    #[test]
    fn the_programs_are_those_that_can_be_prepared() {
        let real = workloads().iter().filter(|workload| workload.group == Group::Real);
        let known = crate::foreign::catalogue::PROGRAMS.iter().map(|program| program.id());
        assert!(real.map(|workload| workload.id.as_str()).eq(known));
    }

    #[test]
    fn every_workload_says_what_it_is_and_how_to_read_it() {
        for workload in workloads() {
            let prose = [&workload.about, &workload.reading, &workload.current];
            assert!(prose.iter().all(|prose| prose.trim().len() > 3), "{}", workload.id);
            assert!(!workload.tags.is_empty() && workload.patience > 0, "{}", workload.id);
        }
    }

    #[test]
    fn groups_stand_together_in_their_order() {
        let place = |group| Group::ALL.iter().position(|other| *other == group);
        assert!(workloads().is_sorted_by_key(|workload| place(workload.group)));
    }
}
