//! The squares modulo a safe prime `p`, as pairs `(a, 1/a)`.
//!
//! An element and its negation, `a` and `1/a`, share the trace `a + 1/a`. It decides the pair, and
//!
//! ```text
//! 2·(ab + 1/(ab))  =  (a + 1/a)(b + 1/b) + (a − 1/a)(b − 1/b)
//! 2·(a/b + b/a)    =  (a + 1/a)(b + 1/b) − (a − 1/a)(b − 1/b)
//! ```
//!
//! so two multiplications give two keys. A key is taken from twice the trace in Montgomery form,
//! which is as unique as the number itself.

use std::marker::PhantomData;

use core_nostd::group::ffdhe::SafePrime;
use crypto_bigint::{
    Uint,
    modular::{ConstMontyForm, ConstMontyParams, FixedMontyParams},
};

use super::Coordinates;

/// Marker; see the module's description.
pub(in super::super) struct Torus<F, const LIMBS: usize>(PhantomData<F>);

/// An element and its inverse.
#[derive(Clone, Copy)]
pub(in super::super) struct Pair<F: SafePrime<LIMBS>, const LIMBS: usize> {
    element: Residue<F, LIMBS>,
    inverse: Residue<F, LIMBS>,
}

/// `a + 1/a` and `a − 1/a`.
#[derive(Clone, Copy)]
pub(in super::super) struct SumAndDifference<F: SafePrime<LIMBS>, const LIMBS: usize> {
    sum: Residue<F, LIMBS>,
    difference: Residue<F, LIMBS>,
}

type Residue<F, const LIMBS: usize> = ConstMontyForm<ModP<F>, LIMBS>;

impl<F: SafePrime<LIMBS>, const LIMBS: usize> Coordinates for Torus<F, LIMBS> {
    type Point = Pair<F, LIMBS>;
    type Comb = Vec<SumAndDifference<F, LIMBS>>;

    /// Short, because a comb takes as long as a block.
    const REACH: usize = 128;

    fn point(encoding: &[u8]) -> Self::Point {
        let element = Residue::new(&Uint::from_be_slice(encoding));
        let inverse = element.invert().expect_copied("a square modulo p is not 0");
        Pair { element, inverse }
    }

    fn add(a: &Self::Point, b: &Self::Point) -> Self::Point {
        Pair {
            element: a.element * b.element,
            inverse: a.inverse * b.inverse,
        }
    }

    fn negate(a: &Self::Point) -> Self::Point {
        Pair {
            element: a.inverse,
            inverse: a.element,
        }
    }

    fn comb(step: &Self::Point) -> Self::Comb {
        std::iter::successors(Some(*step), |multiple| Some(Self::add(multiple, step)))
            .take(Self::REACH)
            .map(SumAndDifference::of)
            .collect()
    }

    fn keys(centre: &Self::Point, comb: &Self::Comb, keys: &mut [u64]) {
        let centre = SumAndDifference::of(*centre);
        keys[Self::REACH] = key(&(centre.sum + centre.sum));
        for (j, multiple) in (1..).zip(comb) {
            let sums = centre.sum * multiple.sum;
            let differences = centre.difference * multiple.difference;
            keys[Self::REACH + j] = key(&(sums + differences));
            keys[Self::REACH - j] = key(&(sums - differences));
        }
    }
}

impl<F: SafePrime<LIMBS>, const LIMBS: usize> SumAndDifference<F, LIMBS> {
    fn of(pair: Pair<F, LIMBS>) -> Self {
        let Pair { element, inverse } = pair;
        Self {
            sum: element + inverse,
            difference: element - inverse,
        }
    }
}

/// Small powers of 2 and their inverses have long runs of equal bits in Montgomery form; two words
/// and a multiplication by 2^64 divided by the golden ratio spread them over the buckets.
fn key<F: SafePrime<LIMBS>, const LIMBS: usize>(trace: &Residue<F, LIMBS>) -> u64 {
    let words = trace.as_montgomery().to_words();
    let folded = words[0] ^ words[LIMBS / 2].rotate_left(32);
    let spread = folded.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    spread ^ spread >> 32
}

/// Arithmetic modulo the prime of a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct ModP<F>(PhantomData<F>);

impl<F: SafePrime<LIMBS>, const LIMBS: usize> ConstMontyParams<LIMBS> for ModP<F> {
    const LIMBS: usize = LIMBS;
    const PARAMS: FixedMontyParams<LIMBS> = FixedMontyParams::new_vartime(F::P);
}
