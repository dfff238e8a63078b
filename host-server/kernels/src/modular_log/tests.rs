//! What is found is right, everything in the window is found, and doubt is refused.

use super::*;

fn odd(decimal: &str) -> Odd<BoxedUint> {
    let p = BoxedUint::from_str_radix_vartime(decimal, 10).expect("digits");
    Option::from(p.into_odd()).expect("an odd number")
}

fn window(bits: u8) -> Window {
    Window::new(bits).expect("a legal window")
}

fn log(p: &str, g: u64, bits: u8) -> Result<ModularLog, ModularLogError> {
    ModularLog::new(&odd(p), &BoxedUint::from(g), window(bits))
}

/// The prime 2^255 − 19.
const P255: &str = "57896044618658097711785492504343953926634992332820282019728792003956564819949";

/// The powers come one by one, each by one multiplication.
#[test]
fn every_amount_of_the_window_is_found_and_no_other() {
    let p = odd(P255);
    let params = BoxedMontyParams::new_vartime(p.clone());
    for bits in [1, 2, 5, 10] {
        let log = log(P255, 2, bits).expect("a large order");
        let base = residue(&BoxedUint::from(2_u8), &params);
        let inverse = Option::<BoxedMontyForm>::from(base.invert_vartime()).expect("a unit");
        let end = 1_i64 << bits;
        let (mut up, mut down) = (BoxedMontyForm::one(&params), BoxedMontyForm::one(&params));
        for m in 0..end + 50 {
            let expected = |m| {
                let inside = window(bits).contains(m);
                inside.then_some(m).ok_or(OutOfRange { window_bits: bits })
            };
            assert_eq!(log.solve(&up.retrieve()), expected(m), "{bits}");
            assert_eq!(log.solve(&down.retrieve()), expected(-m), "{bits}");
            up *= &base;
            down *= &inverse;
        }
    }
}

#[test]
fn the_edges_of_a_wide_window_are_found() {
    let log = log(P255, 2, 24).expect("a large order");
    let end = 1 << 24;
    for m in [end - 1, end - 2, 2 - end, 1 - end, 8_388_608, -8_388_609, 0] {
        assert_eq!(log.solve(&log.power(m).retrieve()), Ok(m));
    }
    for m in [end, -end, end + 1_000_000] {
        let missing = log.solve(&log.power(m).retrieve());
        assert_eq!(missing, Err(OutOfRange { window_bits: 24 }));
    }
    let zero = log.solve(&BoxedUint::zero());
    assert_eq!(zero, Err(OutOfRange { window_bits: 24 }), "0 is no power");
}

#[test]
fn a_base_whose_order_leaves_doubt_is_refused_with_it() {
    // Modulo 1009 the order of 11, a primitive root, is 1008.
    let order = |p, g, bits| log(p, g, bits).err();
    let small = |order| Some(ModularLogError::SmallOrder { order });
    assert_eq!(order("1009", 11, 9), small(1008));
    assert_eq!(order("1009", 11, 8), None);
    assert_eq!(order("1009", 1008, 8), small(2));
    assert_eq!(order("1009", 1, 8), small(1));
    assert_eq!(order(P255, 2, 24), None);
}

#[test]
fn the_last_order_that_is_refused_is_the_largest_difference_in_the_window() {
    // A primitive root modulo p has order p − 1, and exponents of this window differ by 1022.
    for (p, root, order) in [("1019", 2, 1018), ("1021", 10, 1020), ("1031", 14, 1030)] {
        let refused = log(p, root, 9).err();
        let doubt = order <= 2 * ((1 << 9) - 1);
        let expected = doubt.then_some(ModularLogError::SmallOrder { order });
        assert_eq!(refused, expected, "{p}");
    }
}

#[test]
fn a_base_without_an_inverse_is_refused() {
    for (p, g) in [("15", 5), ("1009", 0), ("1009", 1009)] {
        assert_eq!(log(p, g, 4).err(), Some(ModularLogError::NotInvertible));
    }
}

#[test]
fn a_composite_modulus_works_as_long_as_powers_are_distinct() {
    // 2^521 − 1 times 2^607 − 1; nothing here needs p to be prime.
    let one = BoxedUint::one_with_precision(1152);
    let factor = |bits: u32| one.shl_vartime(bits).expect("fits").wrapping_sub(&one);
    let p = factor(521).wrapping_mul(factor(607));
    let p = Option::from(p.into_odd()).expect("odd");
    let log = ModularLog::new(&p, &BoxedUint::from(3_u8), window(20)).expect("a large order");
    for m in [0, 1, -1, 99_999, -1_000_000] {
        assert_eq!(log.solve(&log.power(m).retrieve()), Ok(m));
    }
}
