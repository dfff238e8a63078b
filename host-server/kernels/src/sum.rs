//! Sums of many elements on all cores.

use std::thread;

use core_nostd::group::Group;

use crate::cores;

/// `Σ elements`; the identity if there are none.
///
/// Starts threads only where there is enough to add. Variable time in the number of elements.
#[must_use]
pub fn sum_elements<G: Group>(elements: &[G::Element]) -> G::Element {
    let piece_len = elements.len().div_ceil(cores()).max(PIECE_LEN_MIN);
    let mut pieces = elements.chunks(piece_len);
    let own = pieces.next().unwrap_or_default();
    thread::scope(|scope| {
        let others: Vec<_> = pieces
            .map(|piece| scope.spawn(|| add_up::<G>(piece)))
            .collect();
        others.into_iter().fold(add_up::<G>(own), |sum, piece| {
            sum + piece.join().expect("adding elements does not panic")
        })
    })
}

/// Fewer elements than this are added sooner than a thread is started (some 50 µs).
const PIECE_LEN_MIN: usize = 512;

fn add_up<G: Group>(elements: &[G::Element]) -> G::Element {
    elements
        .iter()
        .fold(G::identity(), |sum, element| sum + *element)
}

#[cfg(test)]
mod tests {
    use core_nostd::group::{ffdhe::Ffdhe2048, ristretto255::Ristretto255};

    use super::*;

    /// Elements 1·G, −2·G, 3·G, …, so that a lost, doubled or swapped one shows.
    fn check_sum_of_alternating_multiples<G: Group>(count: i64) {
        let value = |i: i64| if i % 2 == 0 { -i } else { i };
        let elements: Vec<_> = (1..=count).map(|i| G::mul_base_i64(value(i))).collect();
        let expected = G::mul_base_i64((1..=count).map(value).sum());
        assert_eq!(sum_elements::<G>(&elements), expected, "{count} elements");
    }

    #[test]
    fn sums_equal_the_sum_of_exponents_below_at_and_above_the_piece_length() {
        for count in [0, 1, 2, 511, 512, 513, 1024, 1025, 5000] {
            check_sum_of_alternating_multiples::<Ristretto255>(count);
        }
        for count in [0, 1, 513, 1025] {
            check_sum_of_alternating_multiples::<Ffdhe2048>(count);
        }
    }
}
