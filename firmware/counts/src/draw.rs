//! The secrets of one sample: extremes first, then random ones, the same in every run.

use core::convert::Infallible;

use core_nostd::{
    book::{BookKind, BookRules, CAP_MAX},
    cap::EntryAmount,
    ciphersuite::{Ciphersuite, Element, Scalar, ScalarBytes, SuiteId, WideBytes},
    ciphertext::Ciphertext,
    currency::Currency,
    group::{ByteArray, Group},
    ids::{BookId, Handle, Place, WriterId},
    keys::{Hedge, Nonce, PublicKey, RootSeed, SecretKey},
    proof::dleq::ProofNonce,
};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng, TryCryptoRng, TryRng, utils};

/// What is special about the secrets of the first samples.
#[derive(Clone, Copy)]
enum Extreme {
    Zero,
    One,
    /// Every bit of the bytes is set, from which keys and scalars are made; an amount is −1.
    Ones,
    /// A scalar is `q − 1`, or its last bits where it is short; an amount is the least there is.
    Last,
    /// Random, but an amount is the greatest there is.
    Greatest,
}

const EXTREMES: [Extreme; 5] = [
    Extreme::Zero,
    Extreme::One,
    Extreme::Ones,
    Extreme::Last,
    Extreme::Greatest,
];

/// Gives out the secrets of one sample. What is public is random in every sample.
pub struct Draw {
    /// Which sample, from 0.
    pub number: usize,
    rng: ChaCha8Rng,
}

impl Draw {
    /// How many samples come before the first that is all random.
    pub const EXTREMES: usize = EXTREMES.len();

    /// The secrets of sample `number`.
    pub fn new(number: usize) -> Self {
        let seed = 0x7a11_0000 + number as u64;
        Self {
            number,
            rng: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    /// An amount.
    pub fn amount(&mut self) -> i64 {
        let random = self.rng.next_u64().cast_signed();
        match self.extreme() {
            None => random,
            Some(Extreme::Zero) => 0,
            Some(Extreme::One) => 1,
            Some(Extreme::Ones) => -1,
            Some(Extreme::Last) => i64::MIN,
            Some(Extreme::Greatest) => i64::MAX,
        }
    }

    /// The rules of a book with the highest cap there is.
    pub fn rules(&self) -> BookRules<'static> {
        BookRules {
            suite: SuiteId::Ristretto255,
            kind: BookKind::Authenticated,
            currency: Currency::from_code("EUR").expect("an active code"),
            cap: CAP_MAX,
            min_entries: 16,
            name: "counts",
        }
    }

    /// An amount that the cap of [`Self::rules`] admits, the extremes being the most it does.
    pub fn minor(&mut self) -> i64 {
        let most = CAP_MAX.cast_signed();
        match self.extreme() {
            None => self.amount() % (most + 1),
            Some(_) => self.amount().clamp(-most, most),
        }
    }

    /// The amount of an entry.
    pub fn entry_amount(&mut self) -> EntryAmount {
        let minor = self.minor();
        let admitted = self.rules().admit(minor);
        admitted.expect("it is within the cap")
    }

    /// The key of a pseudo-random function.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        match self.extreme() {
            Some(Extreme::Zero) => [0; N],
            Some(Extreme::One) => core::array::from_fn(|i| u8::from(i == 0)),
            Some(Extreme::Ones | Extreme::Last) => [0xff; N],
            Some(Extreme::Greatest) | None => self.public(),
        }
    }

    /// A root seed.
    pub fn seed(&mut self) -> RootSeed {
        RootSeed::from_bytes(&self.bytes())
    }

    /// The secret of a device that its nonces are made from.
    pub fn hedge(&mut self) -> Hedge {
        Hedge::from_bytes(&self.bytes())
    }

    /// A scalar.
    pub fn scalar<S: Ciphersuite>(&mut self) -> Scalar<S> {
        S::Group::reduce(&self.wide::<S>())
    }

    /// A secret key `x` that was made elsewhere and may have any length, as its bytes. Never zero,
    /// which would be refused: two instead.
    pub fn foreign_key<S: Ciphersuite>(&mut self) -> ScalarBytes<S> {
        let x = match self.extreme() {
            Some(Extreme::Zero) => S::Group::scalar_from_i64(2),
            _ => self.scalar::<S>(),
        };
        S::Group::encode_scalar(&x)
    }

    /// A secret key `x`.
    pub fn key<S: Ciphersuite>(&mut self) -> SecretKey<S> {
        SecretKey::random(&mut Given(self.wide::<S>().as_ref()))
    }

    /// A nonce of an encryption.
    pub fn nonce<S: Ciphersuite>(&mut self) -> Nonce<S> {
        Nonce::random(&mut Given(self.wide::<S>().as_ref()))
    }

    /// A nonce of a proof.
    pub fn proof_nonce<S: Ciphersuite>(&mut self) -> ProofNonce<S> {
        ProofNonce::from_uniform_bytes(&self.wide::<S>())
    }

    /// A public key.
    pub fn public_key<S: Ciphersuite>(&mut self) -> PublicKey<S> {
        SecretKey::random(&mut self.rng).public_key()
    }

    /// An element.
    pub fn element<S: Ciphersuite>(&mut self) -> Element<S> {
        *self.public_key::<S>().element()
    }

    /// A ciphertext.
    pub fn ciphertext<S: Ciphersuite>(&mut self) -> Ciphertext<S> {
        Ciphertext {
            c1: self.element::<S>(),
            c2: self.element::<S>(),
        }
    }

    /// The place of an entry that has one before it.
    pub fn place(&mut self) -> Place {
        Place {
            book: BookId(self.public()),
            writer: WriterId(self.public()),
            seq: 7,
            account: Handle(self.public()),
            prev: Some(3),
        }
    }

    /// Bytes that are no secret, and random in every sample.
    pub fn public<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.rng.fill_bytes(&mut bytes);
        bytes
    }

    /// A generator that is random in every sample.
    pub fn rng(&mut self) -> ChaCha8Rng {
        ChaCha8Rng::from_rng(&mut self.rng)
    }

    fn extreme(&self) -> Option<Extreme> {
        EXTREMES.get(self.number).copied()
    }

    /// Bytes that reduce to the scalar of this sample, also where the last ones alone count.
    fn wide<S: Ciphersuite>(&mut self) -> WideBytes<S> {
        let mut wide = WideBytes::<S>::zeroed();
        match self.extreme() {
            Some(Extreme::Zero) => {}
            Some(Extreme::One) => encode::<S>(S::Group::scalar_from_i64(1), wide.as_mut()),
            Some(Extreme::Ones) => wide.as_mut().fill(0xff),
            Some(Extreme::Last) => encode::<S>(S::Group::scalar_from_i64(-1), wide.as_mut()),
            Some(Extreme::Greatest) | None => self.rng.fill_bytes(wide.as_mut()),
        }
        wide
    }
}

/// Writes a scalar into more bytes than it has: to the front where the group is little-endian, to
/// the back where it is big-endian.
fn encode<S: Ciphersuite>(scalar: Scalar<S>, wide: &mut [u8]) {
    let one = S::Group::encode_scalar(&S::Group::scalar_from_i64(1));
    let little_endian = one.as_ref().first() == Some(&1);
    let scalar = S::Group::encode_scalar(&scalar);
    let scalar = scalar.as_ref();
    let at = if little_endian {
        0
    } else {
        wide.len() - scalar.len()
    };
    wide[at..][..scalar.len()].copy_from_slice(scalar);
}

/// A generator that gives out these very bytes, so that a key can be made what a test wants.
struct Given<'a>(&'a [u8]);

impl TryRng for Given<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        utils::next_word_via_fill(self)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        utils::next_word_via_fill(self)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        let (now, later) = self.0.split_at(bytes.len());
        bytes.copy_from_slice(now);
        self.0 = later;
        Ok(())
    }
}

impl TryCryptoRng for Given<'_> {}
