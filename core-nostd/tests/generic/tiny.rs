//! Suites of a few elements, in which a test can try everything. The code under test is the code
//! of the large ones: only the prime is another.

use core::convert::Infallible;

use core_nostd::{
    ciphersuite::{Ciphersuite, Element, SuiteId},
    group::{
        Group,
        ffdhe::{Ffdhe, SafePrime},
    },
    keys::{Nonce, SecretKey},
};
use crypto_bigint::{Odd, U64};
use rand_core::{TryCryptoRng, TryRng};

/// The squares modulo the safe prime `P`, which is 7 modulo 8. It goes by the name of a large
/// suite: labels have no place for another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tiny<const P: u64>;

impl<const P: u64> SafePrime<{ U64::LIMBS }> for Tiny<P> {
    const P: Odd<U64> = U64::from_u64(P).to_odd().expect_copied("a prime above 2");
    const SHORT_BITS: u32 = 32;
    type Bytes = [u8; 8];
    type WideBytes = [u8; 24];
}

impl<const P: u64> Ciphersuite for Tiny<P> {
    const ID: SuiteId = SuiteId::Ffdhe2048;
    type Group = Ffdhe<Self, { U64::LIMBS }>;
}

impl<const P: u64> Tiny<P> {
    /// The order of the group.
    pub const Q: u64 = {
        assert!(P % 8 == 7, "2 is a square");
        P / 2
    };

    /// `2^0, 2^1, … , 2^(q−1)` modulo `P`, by doubling: the whole group.
    pub fn powers() -> Vec<u64> {
        let next = |power: &u64| Some(power * 2 % P);
        let len = usize::try_from(Self::Q).expect("tiny");
        core::iter::successors(Some(1), next).take(len).collect()
    }

    /// `kG`.
    pub fn multiple(k: u64) -> Element<Self> {
        <Self as Ciphersuite>::Group::mul_base_i64(i64::try_from(k).expect("tiny"))
    }

    /// The residue that an element is.
    pub fn residue(element: &Element<Self>) -> u64 {
        u64::from_be_bytes(<Self as Ciphersuite>::Group::encode(element))
    }
}

/// The secret key `x`.
pub fn key<S: Ciphersuite>(x: u64) -> SecretKey<S> {
    SecretKey::random(&mut Given(x))
}

/// The nonce `r`.
pub fn nonce<S: Ciphersuite>(r: u64) -> Nonce<S> {
    Nonce::random(&mut Given(r))
}

/// A generator that draws this number, big-endian, whatever is asked for.
struct Given(u64);

impl TryRng for Given {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("the core draws bytes only")
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("the core draws bytes only")
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        out.fill(0);
        let digits = self.0.to_be_bytes().into_iter().rev();
        out.iter_mut()
            .rev()
            .zip(digits)
            .for_each(|(to, from)| *to = from);
        Ok(())
    }
}

impl TryCryptoRng for Given {}
