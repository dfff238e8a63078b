//! What is found is right, everything in the window is found, and nothing else is.

use std::sync::{LazyLock, Mutex};

use core_nostd::ciphersuite::{Ffdhe2048Sha512, Ffdhe3072Sha512, Ristretto255Sha512};
use proptest::prelude::*;

use super::*;

fn table<S: Ciphersuite>(bits: u8) -> DiscreteLogTable<S> {
    DiscreteLogTable::build(TableBits::new(bits).expect("a legal size"), |_, _| ())
}

fn window(bits: u8) -> Window {
    Window::new(bits).expect("a legal window")
}

/// `m·G` by additions only, independent of how the group multiplies.
fn multiple_by_doubling<G: Group>(m: i64) -> G::Element {
    let magnitude = m.unsigned_abs();
    let sum = (0..64).rev().fold(G::identity(), |sum, bit| {
        let doubled = sum + sum;
        if magnitude >> bit & 1 == 1 {
            doubled + G::generator()
        } else {
            doubled
        }
    });
    if m < 0 { -sum } else { sum }
}

/// Every `|m| <= last` with a table much smaller than that.
fn check_all_amounts<S: Ciphersuite>(table_bits: u8, window_bits: u8, last: i64) {
    let table = table::<S>(table_bits);
    let (mut up, mut down) = (S::Group::identity(), S::Group::identity());
    let (one, minus_one) = (S::Group::generator(), -S::Group::generator());
    for m in 0..=last {
        assert_eq!(table.solve(&up, window(window_bits)), Ok(m));
        assert_eq!(table.solve(&down, window(window_bits)), Ok(-m));
        up = up + one;
        down = down + minus_one;
    }
}

#[test]
fn every_small_amount_is_found() {
    check_all_amounts::<Ristretto255Sha512>(1, 12, 1000);
    check_all_amounts::<Ristretto255Sha512>(4, 20, 300);
    check_all_amounts::<Ffdhe2048Sha512>(2, 10, 200);
    check_all_amounts::<Ffdhe3072Sha512>(2, 10, 30);
}

/// The window's ends are inside; one further is outside, as is anything else.
fn check_window_edges<S: Ciphersuite>(table_bits: u8, windows: impl IntoIterator<Item = u8>) {
    let table = table::<S>(table_bits);
    for window_bits in windows {
        let end = 1_i64 << window_bits;
        for m in [end - 1, end - 2, 1 - end, 2 - end, 1, 0, -1] {
            let m = m.clamp(1 - end, end - 1);
            let d = S::Group::mul_base_i64(m);
            assert_eq!(
                table.solve(&d, window(window_bits)),
                Ok(m),
                "2^{window_bits}"
            );
        }
        for m in [
            end,
            end + 1,
            -end,
            -end - 1,
            3 * end,
            1 << 62,
            i64::MIN,
            i64::MAX,
        ] {
            let d = S::Group::mul_base_i64(m);
            assert_eq!(
                table.solve(&d, window(window_bits)),
                Err(OutOfRange { window_bits })
            );
        }
    }
}

#[test]
fn the_window_is_searched_to_its_ends_and_no_further() {
    check_window_edges::<Ristretto255Sha512>(1, 1..=14);
    check_window_edges::<Ristretto255Sha512>(7, 1..=20);
    check_window_edges::<Ristretto255Sha512>(13, [12, 13, 14, 24, 27]);
    check_window_edges::<Ffdhe2048Sha512>(6, [1, 5, 6, 7, 8, 14]);
    check_window_edges::<Ffdhe3072Sha512>(6, [7, 14]);
}

/// Amounts at which a block, a giant step or a baby step begins or ends.
fn check_seams<S: Ciphersuite, C: Coordinates>(table_bits: u8) {
    let table = table::<S>(table_bits);
    let entries = 1_i64 << table_bits;
    let stride = 2 * entries - 1;
    let (reach, block) = (amount(C::REACH), amount(C::BLOCK_LEN));
    for blocks in [0, 1, 2, 5] {
        for giant_step in [blocks * block - reach, blocks * block, blocks * block + 1] {
            for step in [-entries, 1 - entries, -1, 0, 1, entries - 1, entries] {
                for m in [giant_step * stride + step, -giant_step * stride - step] {
                    let d = S::Group::mul_base_i64(m);
                    assert_eq!(table.solve(&d, window(30)), Ok(m));
                }
            }
        }
    }
}

#[test]
fn nothing_is_lost_between_blocks_and_giant_steps() {
    check_seams::<Ristretto255Sha512, Edwards25519>(1);
    check_seams::<Ristretto255Sha512, Edwards25519>(12);
    check_seams::<Ffdhe2048Sha512, Torus<Prime2048, _>>(9);
}

/// With one bucket and no fingerprint, every element seems to be a baby step; with equal keys, each
/// of the first steps seems to be the one.
fn check_colliding_keys<S: Ciphersuite, C: Coordinates>() {
    let bits = TableBits::new(4).expect("a legal size");
    let keys = baby_keys::<S, C>(bits.len(), |_, _| ());
    let filter = KeyFilter::with_shape(&keys, 0, 0);
    let table = DiscreteLogTable::<S>::with_filter(bits, filter);
    for m in [0, 1, -1, 15, -15, 16, 31, -31, 32, 100, -200, 255] {
        assert_eq!(table.solve(&S::Group::mul_base_i64(m), window(8)), Ok(m));
    }
    let outside = S::Group::mul_base_i64(256);
    let out_of_range = Err(OutOfRange { window_bits: 8 });
    assert_eq!(table.solve(&outside, window(8)), out_of_range);

    let first_steps = FirstSteps::of_keys(&[7, 9, 7, 7, u64::MAX]);
    let found: Vec<_> = first_steps.find(&[9, 8, 7, u64::MAX]).collect();
    assert_eq!(found, [(0, 1), (2, 0), (2, 2), (2, 3), (3, 4)]);
}

#[test]
fn equal_fingerprints_and_keys_hide_no_solution_and_make_none() {
    check_colliding_keys::<Ristretto255Sha512, Edwards25519>();
    check_colliding_keys::<Ffdhe2048Sha512, Torus<Prime2048, _>>();
}

/// How many giant steps a search looked up, and how many it said there are.
fn giant_steps<S: Ciphersuite>(
    table: &DiscreteLogTable<S>,
    m: i64,
    window: Window,
) -> (Result<i64, OutOfRange>, u64, u64) {
    let reports = Mutex::new(Vec::new());
    let report = |done, total| reports.lock().expect("no panic").push((done, total));
    let d = S::Group::mul_base_i64(m);
    let found = table.solve_with_progress(&d, window, &report);
    let reports = reports.into_inner().expect("no panic");
    let (done, total) = *reports.iter().max().expect("at least one block");
    assert!(reports.iter().all(|report| report.1 == total));
    (found, done, total)
}

/// Outside the window a search ends after the giant steps that the window needs and less than a
/// block more to either side; inside, nearest totals come first.
fn check_bounded_work<S: Ciphersuite, C: Coordinates>(table_bits: u8, window_bits: u8) {
    let table = table::<S>(table_bits);
    let window = window(window_bits);
    let stride = 2 * (1_u64 << table_bits) - 1;
    let amounts = 2 * (1_u64 << window_bits) - 1;
    let needed = amounts.div_ceil(stride);
    let block_len = C::BLOCK_LEN as u64;
    for m in [
        1_i64 << window_bits,
        -(1 << window_bits),
        i64::MIN,
        i64::MAX,
    ] {
        let (found, done, total) = giant_steps(&table, m, window);
        assert_eq!(found, Err(OutOfRange { window_bits }));
        assert_eq!(done, total);
        assert!(
            (needed..needed + 2 * block_len).contains(&done),
            "{done} for {needed}"
        );
    }
    let (found, done, _) = giant_steps(&table, 1, window);
    assert_eq!((found, done), (Ok(1), block_len));
    let (found, done, total) = giant_steps(&table, window.largest(), window);
    assert!(found == Ok(window.largest()) && done <= total);
}

#[test]
fn a_search_looks_up_what_its_window_needs_and_no_more() {
    for (table_bits, window_bits) in [(1, 1), (1, 12), (8, 9), (8, 20), (14, 28)] {
        check_bounded_work::<Ristretto255Sha512, Edwards25519>(table_bits, window_bits);
    }
    check_bounded_work::<Ffdhe2048Sha512, Torus<Prime2048, _>>(8, 18);
    check_bounded_work::<Ffdhe3072Sha512, Torus<Prime3072, _>>(8, 16);
}

/// Nothing overflows at the widest window, and what lies near the middle of it is found at once.
#[test]
fn the_widest_window_can_be_searched_from_the_middle() {
    for bits in [1, 16] {
        let table = table::<Ristretto255Sha512>(bits);
        for m in [0, 1, -1, 65_000, -65_000] {
            let d = multiple_by_doubling::<<Ristretto255Sha512 as Ciphersuite>::Group>(m);
            assert_eq!(table.solve(&d, Window::MAX), Ok(m));
        }
    }
}

#[test]
fn tables_of_all_sizes_report_their_progress_to_the_end() {
    for bits in [1, 8, 9, 17] {
        let bits = TableBits::new(bits).expect("a legal size");
        let mut reports = Vec::new();
        let report = |done, total| reports.push((done, total));
        let table = DiscreteLogTable::<Ristretto255Sha512>::build(bits, report);
        assert!(reports.is_sorted() && reports.iter().all(|(_, total)| *total == bits.len()));
        assert_eq!(reports.last(), Some(&(bits.len(), bits.len())));
        assert_eq!(table.bits(), bits);
    }
}

static WIDE: LazyLock<DiscreteLogTable<Ristretto255Sha512>> = LazyLock::new(|| table(18));
static FINITE_FIELD: LazyLock<DiscreteLogTable<Ffdhe2048Sha512>> = LazyLock::new(|| table(14));

/// Whatever is decrypted, found or not, is what was put in.
fn check_round_trip<S: Ciphersuite>(table: &DiscreteLogTable<S>, m: i64, window_bits: u8) {
    let d = multiple_by_doubling::<S::Group>(m);
    assert_eq!(table.solve(&d, window(window_bits)), Ok(m));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn any_amount_below_2_32_is_found(m in -(1_i64 << 32) + 1..1 << 32) {
        check_round_trip(&*WIDE, m, 32);
    }

    #[test]
    fn any_amount_below_2_24_is_found_in_a_finite_field(m in -(1_i64 << 24) + 1..1 << 24) {
        check_round_trip(&*FINITE_FIELD, m, 24);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5))]

    #[test]
    fn any_amount_below_2_40_is_found(m in -(1_i64 << 40) + 1..1 << 40) {
        check_round_trip(&*WIDE, m, 40);
    }
}

#[test]
fn the_ends_of_2_40_are_found() {
    for m in [(1 << 40) - 1, 1 - (1 << 40)] {
        check_round_trip(&*WIDE, m, 40);
    }
    let outside = multiple_by_doubling::<<Ristretto255Sha512 as Ciphersuite>::Group>(1 << 40);
    assert_eq!(
        WIDE.solve(&outside, window(40)),
        Err(OutOfRange { window_bits: 40 })
    );
}
