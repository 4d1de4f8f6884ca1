//! Random operations in several threads and heaps, checked one by one.

mod support;

use proptest::prelude::*;
use support::script;

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 150,
        failure_persistence: None,
        // In milliseconds: a broken heap fails in another way each time.
        max_shrink_time: 60_000,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_bytes_are_a_script(bytes in prop::collection::vec(any::<u8>(), 1..4000)) {
        script::run(&bytes);
    }
}
