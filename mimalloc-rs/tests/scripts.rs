//! Random operations in several threads and heaps, checked one by one.

mod support;

use proptest::prelude::*;
use support::script;

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_a_script(bytes in prop::collection::vec(any::<u8>(), 1..4000)) {
        script::run(&bytes);
    }
}
