//! `heapmap` from the outside, with a worker that makes its heap up.

mod common;

use std::fs;

use common::{Done, Place};

#[test]
fn a_picture_of_either_kind_is_written_where_asked() {
    let place = Place::new();
    let done = place.with_workers(&["heapmap"]).expect(0);
    let expected = "larson: 32.0 KiB in use of 64.0 KiB reserved: 50 % fragmentation\n";
    assert!(done.stdout.starts_with(expected), "{done:#?}");
    assert!(fs::read(place.path("heapmap-larson.png")).unwrap().starts_with(b"\x89PNG"));
    place.with_workers(&["heapmap", "--row", "cfrac", "--threads", "3", "-o", "map.svg"]).expect(0);
    let svg = fs::read_to_string(place.path("map.svg")).unwrap();
    for text in ["The heap of 1.2 at the end of cfrac", "32.0 KiB of 64.0 KiB in use", "50 % of 64.0 KiB"] {
        assert!(svg.contains(text), "{text}");
    }
    assert!(svg.contains("preset current · size calibrated · 3 threads"));
}

#[test]
fn mistakes_are_named_and_nothing_is_started() {
    let place = Place::new();
    for (arguments, part) in [
        (&["--row", "larsn"][..], "did you mean 'larson'?"),
        (&["--row", "larson*"], "one workload"),
        (&["--row", "redis"], "'redis' is a real program"),
        (&["-a", "mc"], "'mc' cannot show its heap; take one of: mi, mi-secure"),
        (&["-a", "nobody"], "'nobody' cannot show its heap"),
        (&["-o", "map.gif"], ".png or .svg"),
        (&["-o", "/nonexistent/map.png"], "/nonexistent/map.png: cannot write there"),
        (&["-o", "/proc/map.png"], "/proc/map.png: cannot write there"),
    ] {
        place.with_workers(&[&["heapmap"], arguments].concat()).complains(2, part);
    }
    assert_eq!(place.times_started("mi", "larson"), 0);
}

#[test]
fn a_missing_folder_for_temporary_files_is_named_with_what_to_do() {
    let place = Place::new();
    let mut heapmap = place.command(&["heapmap"]);
    heapmap.arg("--worker-dir").arg(place.workers()).env("TMPDIR", "/nonexistent");
    Done::from(heapmap.output().unwrap())
        .complains(1, "cannot create anything in /nonexistent; make room, or set TMPDIR: ");
}

#[test]
fn failing_workers_leave_no_picture() {
    let place = Place::new();
    place.worker("mi", "echo 'lost a block' >&2; exit 7");
    place.with_workers(&["heapmap"]).complains(1, "larson under mi: exit(7): lost a block");
    place.worker("mi", "holding=3");
    place.with_workers(&["heapmap"]).complains(1, "heap map cannot be read");
    fs::remove_file(place.workers().join("worker-mi")).unwrap();
    let done = place.with_workers(&["heapmap"]).expect(1);
    assert!(done.stderr.contains("worker-mi is not available: there is no "), "{done:#?}");
    let left: Vec<_> =
        fs::read_dir(place.path("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().contains("png")), "{left:?}");
}
