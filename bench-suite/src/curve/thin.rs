//! Fewer points with the same shape.

use super::Point;

/// The points without those whose neighbours have the same height: a line through the rest is the same.
pub(super) fn without_plateaus(points: &[Point]) -> Vec<Point> {
    let inside = |at: usize| {
        let neighbours = at.checked_sub(1).and_then(|before| points.get(before)).zip(points.get(at + 1));
        neighbours
            .is_some_and(|(one, other)| one.bytes == points[at].bytes && other.bytes == points[at].bytes)
    };
    (0..points.len()).filter(|at| !inside(*at)).map(|at| points[at]).collect()
}

/// At most `most` of the points: both ends, and the lowest and the highest of each stretch between.
pub fn thinned(points: &[Point], most: usize) -> Vec<Point> {
    let (Some((first, rest)), true) = (points.split_first(), points.len() > most.max(4)) else {
        return points.to_vec();
    };
    let (last, inner) = rest.split_last().expect("more than four points have two ends");
    let stretches = (most.max(4) - 2) / 2;
    let mut kept = vec![*first];
    for stretch in inner.chunks(inner.len().div_ceil(stretches)) {
        let by_height = |at: &usize| stretch[*at].bytes;
        let lowest = (0..stretch.len()).min_by_key(by_height).expect("a stretch has points");
        let highest = (0..stretch.len()).max_by_key(by_height).expect("a stretch has points");
        kept.push(stretch[lowest.min(highest)]);
        if lowest != highest {
            kept.push(stretch[lowest.max(highest)]);
        }
    }
    kept.push(*last);
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn points(heights: &[u64]) -> Vec<Point> {
        heights.iter().enumerate().map(|(at, &bytes)| Point { ms: at as f64, bytes }).collect()
    }

    proptest! {
        #[test]
        fn extremes_and_ends_stay(heights in prop::collection::vec(0_u64..1000, 1..3000), most in 4_usize..100) {
            let all = points(&heights);
            let kept = thinned(&all, most);
            prop_assert!(kept.len() <= most.max(4).min(all.len()));
            prop_assert_eq!((kept.first(), kept.last()), (all.first(), all.last()));
            let height = |point: &Point| point.bytes;
            prop_assert_eq!(kept.iter().map(height).max(), all.iter().map(height).max());
            prop_assert_eq!(kept.iter().map(height).min(), all.iter().map(height).min());
            prop_assert!(kept.is_sorted_by(|a, b| a.ms < b.ms));
            prop_assert!(kept.iter().all(|point| all[point.ms as usize] == *point));
        }

        #[test]
        fn lines_through_plateaus_stay(heights in prop::collection::vec(0_u64..3, 0..200)) {
            let all = points(&heights);
            let kept = without_plateaus(&all);
            for point in &all {
                let before = kept.iter().rfind(|kept| kept.ms <= point.ms).expect("the first point stays");
                let after = kept.iter().find(|kept| kept.ms >= point.ms).expect("the last point stays");
                prop_assert!(before == after || before.bytes == point.bytes && after.bytes == point.bytes);
            }
        }
    }

    #[test]
    fn a_needle_is_kept() {
        let mut heights = vec![5; 100_000];
        heights[54_321] = 77;
        heights[98_765] = 1;
        let kept = thinned(&points(&heights), 2000);
        assert!(
            kept.len() <= 2000 && kept.iter().any(|p| p.bytes == 77) && kept.iter().any(|p| p.bytes == 1)
        );
        assert_eq!(without_plateaus(&points(&heights)).len(), 2 + 3 + 3);
    }
}
