//! Which allocators and workloads a command is about: globs in, ids out.

use anyhow::Result;
use globset::{Glob, GlobMatcher};

use crate::catalogue;
use crate::config::{Field, Group, Workload};
use crate::usage;

/// Rows that fail on purpose. They are measured only when named in full, to see that
/// the harness reports each kind of failure.
const PLANTED: &[&str] =
    &["planted-crash", "planted-hang", "planted-exit", "planted-wrong", "planted-memory"];

/// What to keep and what to drop of one kind of thing.
#[derive(Debug, Clone, Copy)]
pub struct Filter<'a> {
    /// The thing that is selected, for messages: `allocator` or `workload`.
    pub noun: &'a str,
    /// Keep only what matches one of these; everything when empty.
    pub keep: &'a [String],
    /// Drop what matches one of these.
    pub drop: &'a [String],
}

impl Filter<'_> {
    /// The ids that stay, in the order given. A glob without any match is an error.
    pub fn apply<'i>(&self, ids: impl Iterator<Item = &'i str> + Clone) -> Result<Vec<String>> {
        let keep = self.matchers(self.keep, ids.clone())?;
        let drop = self.matchers(self.drop, ids.clone())?;
        let selected: Vec<String> = ids
            .filter(|id| keep.is_empty() || keep.iter().any(|glob| glob.is_match(id)))
            .filter(|id| !drop.iter().any(|glob| glob.is_match(id)))
            .map(str::to_owned)
            .collect();
        if selected.is_empty() {
            return Err(usage!("the filters leave no {}; see 'bench-suite list'", self.noun));
        }
        Ok(selected)
    }

    fn matchers<'i>(
        &self,
        globs: &[String],
        ids: impl Iterator<Item = &'i str> + Clone,
    ) -> Result<Vec<GlobMatcher>> {
        let noun = self.noun;
        globs
            .iter()
            .map(|text| {
                let glob = Glob::new(text)
                    .map_err(|error| usage!("'{text}' is not a glob: {}", error.kind()))?
                    .compile_matcher();
                if ids.clone().any(|id| glob.is_match(id)) {
                    return Ok(glob);
                }
                Err(usage!("unknown {noun} '{text}'; {}", hint(text, ids.clone())))
            })
            .collect()
    }
}

/// The workloads that stay, in the order of tables and charts. With `tags`, only those that have one of them;
/// the name of a group is a tag as well. Single operations stay if they are named in full or have one of the tags.
pub fn workloads(keep: &[String], drop: &[String], tags: &[String]) -> Result<Vec<String>> {
    let labels =
        |row: &'static Workload| row.tags.iter().map(String::as_str).chain(std::iter::once(row.group.name()));
    let known = catalogue::workloads().iter().flat_map(labels);
    if let Some(tag) = tags.iter().find(|tag| known.clone().all(|known| known != tag.as_str())) {
        return Err(usage!("unknown tag '{tag}'; {}", hint(tag, known)));
    }
    let wanted = |row: &&'static Workload| {
        let tagged = tags.is_empty() || labels(row).any(|label| tags.iter().any(|tag| tag == label));
        let asked_for = || keep.contains(&row.id) || (row.group == Group::Operations && !tags.is_empty());
        tagged && (row.is_usual() || asked_for())
    };
    if let Some(text) =
        keep.iter().find(|text| !matches_any(text, catalogue::workloads().iter().filter(wanted)))
        && matches_any(text, catalogue::workloads().iter())
    {
        return Err(if tags.is_empty() {
            usage!(
                "'{text}' matches only single operations; name them in full, or take all with '-t operations'"
            )
        } else {
            usage!("no workload that matches '{text}' has the tag '{}'", tags.join("' or '"))
        });
    }
    let planted = PLANTED.iter().copied().filter(|id| keep.iter().any(|glob| glob == id));
    let rows = catalogue::workloads().iter().filter(wanted).map(|row| row.id.as_str());
    Filter { noun: "workload", keep, drop }.apply(rows.chain(planted))
}

/// Whether the name of one of the workloads matches a glob.
fn matches_any(text: &str, mut rows: impl Iterator<Item = &'static Workload>) -> bool {
    rows.any(|row| matches_glob(text, &row.id))
}

/// Whether `text` is a glob that the name matches.
pub fn matches_glob(text: &str, id: &str) -> bool {
    Glob::new(text).is_ok_and(|glob| glob.compile_matcher().is_match(id))
}

/// What a workload is run by.
pub fn field_of(workload: &str) -> Field {
    match catalogue::find(workload) {
        Some(Workload { group: Group::Real, .. }) => Field::Programs,
        _ => Field::Workers,
    }
}

/// What to do about a name that is not among `ids`.
fn hint<'i>(text: &str, ids: impl Iterator<Item = &'i str>) -> String {
    match nearest(text, ids) {
        Some(id) => format!("did you mean '{id}'?"),
        None => "see 'bench-suite list'".to_owned(),
    }
}

/// The id most like `text`, if any is like it at all.
fn nearest<'i>(text: &str, ids: impl Iterator<Item = &'i str>) -> Option<&'i str> {
    ids.map(|id| (strsim::jaro_winkler(text, id), id))
        .filter(|(likeness, _)| *likeness > 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, id)| id)
}

#[cfg(test)]
mod tests {
    use workloads::operations::OPERATIONS;

    use super::*;

    fn strings(items: &[&str]) -> Vec<String> {
        items.iter().map(|s| (*s).to_owned()).collect()
    }

    #[test]
    fn globs_keep_and_drop() {
        assert_eq!(workloads(&strings(&["larson*"]), &[], &[]).unwrap(), ["larson", "larson-sized"]);
        assert_eq!(workloads(&strings(&["larson*"]), &strings(&["*sized"]), &[]).unwrap(), ["larson"]);
        let usual = catalogue::workloads().iter().filter(|row| row.is_usual()).count();
        assert_eq!(workloads(&[], &[], &[]).unwrap().len(), usual);
    }

    #[test]
    fn what_is_known_but_left_out_is_told_from_what_is_unknown() {
        let error = workloads(&strings(&["cfrac"]), &[], &strings(&["stress"])).unwrap_err().to_string();
        assert_eq!(error, "no workload that matches 'cfrac' has the tag 'stress'");
        let error = workloads(&strings(&["pair*"]), &[], &[]).unwrap_err().to_string();
        assert!(error.starts_with("'pair*' matches only single operations"), "{error}");
    }

    #[test]
    fn unknown_name_suggests_the_nearest() {
        let error = workloads(&strings(&["larsen"]), &[], &[]).unwrap_err().to_string();
        assert_eq!(error, "unknown workload 'larsen'; did you mean 'larson'?");
        let error = workloads(&[], &strings(&["zzz"]), &[]).unwrap_err().to_string();
        assert!(error.ends_with("see 'bench-suite list'"), "{error}");
    }

    #[test]
    fn nothing_left_is_an_error() {
        assert!(workloads(&strings(&["cfrac"]), &strings(&["c*"]), &[]).is_err());
    }

    #[test]
    fn planted_rows_need_their_full_name() {
        assert_eq!(workloads(&strings(&["planted-crash"]), &[], &[]).unwrap(), ["planted-crash"]);
        assert!(workloads(&strings(&["planted-*"]), &[], &[]).is_err());
    }

    #[test]
    fn single_operations_are_measured_on_request() {
        let selected = |keep: &[&str], tags: &[&str]| workloads(&strings(keep), &[], &strings(tags));
        assert!(!selected(&["*"], &[]).unwrap().contains(&"lifo".to_owned()));
        assert_eq!(selected(&["lifo"], &[]).unwrap(), ["lifo"]);
        assert_eq!(selected(&["pair-1*"], &["operations"]).unwrap(), ["pair-128", "pair-1024"]);
        assert!(selected(&[], &["operations"]).unwrap().iter().eq(OPERATIONS));
    }

    #[test]
    fn tags_and_groups_narrow_and_unknown_ones_are_named() {
        let tagged = |tag: &str| workloads(&[], &[], &strings(&[tag]));
        assert_eq!(tagged("false-sharing").unwrap()[..2], ["cache-scratch1", "cache-scratchN"]);
        assert!(tagged("stress").unwrap().contains(&"larson".to_owned()));
        let error = tagged("false-sharin").unwrap_err().to_string();
        assert_eq!(error, "unknown tag 'false-sharin'; did you mean 'false-sharing'?");
    }
}
