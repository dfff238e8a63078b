//! Coordinates in which stepping through a group is cheap.
//!
//! A baby step and a giant step need the same thing: a short key of each of the elements
//! `C − R·T, …, C − T, C, C + T, …, C + R·T` around a centre. Two facts make that cheap. First,
//! every group here has a coordinate that an element and its negation share, as `cos(−a) = cos a`;
//! with it as the key, one stored baby step answers for `b·G` and `−b·G`. Second, `C + jT` and
//! `C − jT` share most of their arithmetic, as `cos(a ± b) = cos a cos b ∓ sin a sin b`.

pub(super) mod edwards25519;
mod field25519;
pub(super) mod torus;

/// See the module's description.
pub(super) trait Coordinates {
    /// An element.
    type Point: Copy + Send + Sync;
    /// `T, 2T, …, R·T`, prepared for [`Self::keys`].
    type Comb: Send + Sync;

    /// `R`: how far a block reaches to either side of its centre.
    const REACH: usize;

    /// The elements of a block, the centre being the one at index `R`.
    const BLOCK_LEN: usize = 2 * Self::REACH + 1;

    /// The element of a canonical encoding, which is known to be one.
    fn point(encoding: &[u8]) -> Self::Point;
    /// `a + b`.
    fn add(a: &Self::Point, b: &Self::Point) -> Self::Point;
    /// `−a`.
    fn negate(a: &Self::Point) -> Self::Point;
    /// The comb of step `T`.
    fn comb(step: &Self::Point) -> Self::Comb;
    /// Writes the key of `centre + (i − R)·T` to `keys[i]`, with `T` the step of `comb`, for each
    /// of the [`Self::BLOCK_LEN`] elements of a block. Equal elements have equal keys, and so have
    /// an element and its negation; others differ unless 64 bits happen to agree.
    fn keys(centre: &Self::Point, comb: &Self::Comb, keys: &mut [u64]);
}
