//! Modules know of each other as the crate's documentation says.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

type Edges = BTreeSet<(String, String)>;

/// The names in backticks in a cell of a table.
fn names(cell: &str) -> Vec<String> {
    let names = cell.split('`').skip(1).step_by(2);
    names.filter(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '_')).map(str::to_owned).collect()
}

/// The rows of the tables of so many columns in the documentation of the crate.
fn rows(lib: &str, columns: usize) -> impl Iterator<Item = Vec<Vec<String>>> {
    let lines = lib.lines().filter_map(|line| line.strip_prefix("//! |"));
    lines
        .map(|line| line.trim_end_matches('|').split('|').map(names).collect::<Vec<_>>())
        .filter(move |cells| cells.len() == columns)
}

/// What the code of a file names behind `crate::`, without its tests and comments.
fn named(code: &str) -> BTreeSet<String> {
    let code = code.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let code: String = code.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
    let after = code.split("crate::").skip(1);
    after.map(|rest| rest.chars().take_while(|&c| c.is_ascii_lowercase() || c == '_').collect()).collect()
}

/// Which room names which, in all files below `folder`.
fn edges(folder: &Path, room: Option<&str>, found: &mut Edges) {
    for entry in fs::read_dir(folder).expect("the sources").map(|entry| entry.expect("an entry").path()) {
        let name = entry.file_stem().expect("a name").to_str().expect("a plain name").to_owned();
        let room = room.unwrap_or(&name);
        if entry.is_dir() {
            edges(&entry, Some(room), found);
        } else if entry.extension().is_some_and(|ending| ending == "rs") && name != "lib" && name != "tests" {
            let code = fs::read_to_string(&entry).expect("a source");
            found.extend(named(&code).into_iter().map(|other| (room.to_owned(), other)));
        }
    }
}

#[test]
fn rooms_know_of_others_as_the_documentation_says() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let lib = fs::read_to_string(sources.join("lib.rs")).expect("lib.rs");
    let floors: BTreeMap<_, _> = rows(&lib, 2)
        .enumerate()
        .flat_map(|(floor, cells)| cells[0].clone().into_iter().map(move |room| (room, floor)))
        .collect();
    let said: Edges = rows(&lib, 3)
        .flat_map(|cells| {
            let pairs = |room: &String| {
                cells[1].iter().map(|other| (room.clone(), other.clone())).collect::<Vec<_>>()
            };
            cells[0].iter().flat_map(pairs).collect::<Vec<_>>()
        })
        .collect();
    let mut found = Edges::new();
    edges(&sources, None, &mut found);
    for room in found.iter().map(|(room, _)| room) {
        assert!(floors.contains_key(room), "{room} is in no table");
    }
    let goes_up = |(room, other): &&(String, String)| {
        room != other && floors.get(other).is_some_and(|floor| floor < &floors[room])
    };
    let found: Edges = found.iter().filter(goes_up).cloned().collect();
    assert_eq!(found, said);
}
