//! Controls: what everybody knows to take variable time, written as one would write it first. If a
//! report called these constant, its other lines would mean nothing.

use core_nostd::{ciphersuite::Ciphersuite, group::Group};

use crate::count::Report;

/// Double and add, up to the highest bit that is set, adding only where a bit is.
pub fn measure_multiplication<S: Ciphersuite>(report: &Report) {
    report.operation(
        "control-double-and-add",
        |d| (d.element::<S>(), d.bytes::<8>()),
        |(element, scalar)| {
            let mut sum = S::Group::identity();
            let mut left = u64::from_be_bytes(scalar);
            let mut power = element;
            while left > 0 {
                if left & 1 == 1 {
                    sum = sum + power;
                }
                power = power + power;
                left >>= 1;
            }
            sum
        },
    );
}

/// Byte after byte, up to the first that differs.
pub fn measure_comparison(report: &Report) {
    report.operation(
        "control-compare",
        |d| {
            let mac: [u8; 16] = d.public();
            let mut guess = mac;
            guess[d.number % 16] ^= 1;
            (mac, guess)
        },
        |(mac, guess)| mac.iter().eq(&guess),
    );
}
