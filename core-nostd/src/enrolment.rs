//! Enrolment: a treasury gives a writer its keys through hosts that see nothing of them.
//!
//! Diffie–Hellman with a commitment, in ristretto255, and a code that a person compares:
//!
//! ```text
//! treasury: a random, A = aG                          c = H("enrol-commit", A)         → c
//! writer:   b random, B = bG, w random                                                 → B, w
//! treasury:                                                                            → A
//! writer:   checks c                 t = H("enrol", c, A, B, w): code and context
//! both:     code = t mod 10^6        shown on both tokens, which a person compares
//!           K = HKDF(salt "TALLYSTICK-v1-enrol", ikm = ab·G, info = t)
//! treasury: AES-256-SIV under K of policy ‖ writer key ‖ shared keys                   → sealed
//! ```
//!
//! **Why six digits are enough.** Who only listens would have to compute `ab·G` from `aG` and
//! `bG`. Who sits between the two tokens runs one exchange with each and needs both to show the
//! same code. With the treasury he has to fix his `B'` and `w'` while he knows only the commitment
//! to `A`; with the writer he has to fix his own commitment, hence `A'`, before he knows `B` and
//! `w`. So in whichever order he goes about it, the last thing that decides whether the codes
//! agree is a value of 252 random bits that a token draws after his own choice is made: each draw
//! is one guess with a chance of one in a million, and nothing is gained by computing. What is
//! left is to limit the draws. Each of the treasury's takes a press of its button; the writer,
//! whose draws take none, makes only a few until its power is cut.
//! (The construction is that of ZRTP, RFC 6189, and of Bluetooth's numeric comparison.)
//!
//! Neither half may be the identity, so both sides contribute to the key. Halves are drawn for one
//! exchange and used up by it, so nothing of an earlier one can be played again.
//!
//! The order of calls is that of the types:
//!
//! ```
//! use core_nostd::{enrolment::{Grant, Join, Offer}, ids::WriterId, keys::RootSeed};
//! use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
//!
//! let (mut treasury_rng, mut writer_rng) =
//!     (ChaCha20Rng::from_seed([1; 32]), ChaCha20Rng::from_seed([2; 32]));
//! let seed = RootSeed::random(&mut treasury_rng);
//! let writer = WriterId([7; 16]);
//!
//! let offer = Offer::new(&mut treasury_rng);
//! let join = Join::new(&mut writer_rng, writer, offer.commitment());
//! let point = join.point();
//! let (a, treasury) = offer.reveal(&writer, &point).unwrap();
//! let writers = join.confirm(&a).unwrap();
//! assert_eq!(treasury.code(), writers.code());
//!
//! let grant = Grant::new([false; 3], &seed.writer_key(&writer), &seed.shared_keys());
//! let sealed = treasury.seal(&grant);
//! let opened = writers.open(&sealed).unwrap();
//! assert_eq!(opened.expose_keys(), grant.expose_keys());
//! ```

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::{
    ciphersuite::{Ciphersuite, Ristretto255Sha512},
    error::DecodeError,
    group::Group,
    hash::{Part, PrfKey, equal, hash_parts, prf_array},
    ids::{BookId, WriterId},
    keys::{Nonce, SHARED_KEYS_LEN, SharedKeys, WriterKey, hkdf},
    seal,
};

/// The suite of every enrolment.
type S = Ristretto255Sha512;
type G = <S as Ciphersuite>::Group;

/// A half of the exchange as it travels: the canonical encoding of an element.
pub type Point = [u8; 32];

/// Codes are below this number, and are shown with six digits.
pub const CODES: u32 = 1_000_000;

/// Length of a grant in bytes: a byte of policy, the writer's key and the shared ones.
const GRANT_LEN: usize = 1 + 32 + SHARED_KEYS_LEN;

/// Length of a sealed grant in bytes: the synthetic IV and the grant.
pub const SEALED_LEN: usize = 16 + GRANT_LEN;

/// Why an exchange can't go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExchangeError {
    /// The other half is no element, or the identity.
    Point(DecodeError),
    /// The treasury's half is not the one it was committed to. Somebody is in between.
    Commitment,
}

/// The code that both tokens show after an exchange, from what travels between them: the
/// commitment, both halves, and the writer's identifier. Whoever relays them may show it, too; who
/// compares looks at the tokens.
#[must_use]
pub fn code(commitment: &[u8; 32], treasurys: &Point, writers: &Point, writer: &WriterId) -> u32 {
    let exchange = Exchange {
        commitment: *commitment,
        treasury: *treasurys,
        joining: *writers,
        writer: *writer,
    };
    code_of(&exchange.context())
}

/// The treasury's side, before it knows the writer's half. Wiped when dropped.
pub struct Offer {
    secret: Nonce<S>,
    point: Point,
}

impl Offer {
    /// Draws `a`.
    pub fn new(rng: &mut impl CryptoRng) -> Self {
        let (secret, point) = half(rng);
        Self { secret, point }
    }

    /// `H("enrol-commit", A)`. It hides `A`, which has 252 random bits, and allows no other.
    #[must_use]
    pub fn commitment(&self) -> [u8; 32] {
        commitment(&self.point)
    }

    /// Takes the writer's half and gives `A` away.
    ///
    /// # Errors
    /// [`ExchangeError::Point`]; the offer is gone then too.
    pub fn reveal(
        self,
        writer: &WriterId,
        writers_point: &Point,
    ) -> Result<(Point, Agreed), ExchangeError> {
        let exchange = Exchange {
            commitment: self.commitment(),
            treasury: self.point,
            joining: *writers_point,
            writer: *writer,
        };
        let agreed = exchange.agree(self.secret, writers_point)?;
        Ok((self.point, agreed))
    }
}

/// The writer's side, before it knows the treasury's half. Wiped when dropped.
pub struct Join {
    secret: Nonce<S>,
    point: Point,
    writer: WriterId,
    commitment: [u8; 32],
}

impl Join {
    /// Draws `b`, in answer to a commitment. `writer` is the identifier that the token has drawn
    /// for itself.
    pub fn new(rng: &mut impl CryptoRng, writer: WriterId, commitment: [u8; 32]) -> Self {
        let (secret, point) = half(rng);
        Self {
            secret,
            point,
            writer,
            commitment,
        }
    }

    /// `B`.
    #[must_use]
    pub fn point(&self) -> Point {
        self.point
    }

    /// Takes the treasury's half.
    ///
    /// # Errors
    /// [`ExchangeError`]; the exchange is over then.
    pub fn confirm(self, treasurys_point: &Point) -> Result<Agreed, ExchangeError> {
        if !bool::from(equal(&commitment(treasurys_point), &self.commitment)) {
            return Err(ExchangeError::Commitment);
        }
        let exchange = Exchange {
            commitment: self.commitment,
            treasury: *treasurys_point,
            joining: self.point,
            writer: self.writer,
        };
        exchange.agree(self.secret, treasurys_point)
    }
}

/// What both sides know after the exchange, if nobody was in between. Wiped when dropped.
pub struct Agreed {
    key: PrfKey,
    code: u32,
    writer: WriterId,
}

impl Agreed {
    /// What both tokens show: below [`CODES`].
    #[must_use]
    pub fn code(&self) -> u32 {
        self.code
    }

    /// The writer that joins.
    #[must_use]
    pub fn writer(&self) -> WriterId {
        self.writer
    }

    /// Seals a grant, once a person has found the codes the same. The same grant always seals to
    /// the same bytes.
    #[must_use]
    pub fn seal(&self, grant: &Grant) -> [u8; SEALED_LEN] {
        let mut text = Zeroizing::new(*grant.0);
        let tag = seal::seal(&self.key, &[LABEL], text.as_mut_slice());
        let mut sealed = [0; SEALED_LEN];
        if let Some((head, tail)) = sealed.split_at_mut_checked(tag.len()) {
            head.copy_from_slice(&tag);
            tail.copy_from_slice(text.as_slice());
        }
        sealed
    }

    /// Opens a grant; none unless the other side of this very exchange has sealed it.
    #[must_use]
    pub fn open(&self, sealed: &[u8]) -> Option<Grant> {
        let (tag, text) = sealed.split_first_chunk()?;
        let mut grant = Grant(Zeroizing::new(text.try_into().ok()?));
        let opened = seal::open(&self.key, &[LABEL], grant.0.as_mut_slice(), tag);
        (opened && grant.policy_byte() < 1 << 3).then_some(grant)
    }
}

/// What a treasury gives a writer: what it may open, its own key, the shared keys. Wiped when
/// dropped.
pub struct Grant(Zeroizing<[u8; GRANT_LEN]>);

impl Grant {
    /// `may_open` are totals, balances and open sums. A writer, which has no secret key of any
    /// book, can open none of them whatever it says.
    #[must_use]
    pub fn new(may_open: [bool; 3], key: &WriterKey, shared: &SharedKeys) -> Self {
        let mut bytes = Zeroizing::new([0; GRANT_LEN]);
        let policy = (0..).zip(may_open);
        let policy = policy.fold(0, |bits, (i, may)| bits | u8::from(may) << i);
        let (head, tail) = bytes.split_at_mut(1 + 32);
        let known = [policy].into_iter().chain(*key.expose_bytes());
        for (to, from) in head.iter_mut().zip(known) {
            *to = from;
        }
        if let Some(tail) = tail.first_chunk_mut() {
            shared.expose_into(tail);
        }
        Self(bytes)
    }

    /// Whether the writer may open totals, balances and open sums.
    #[must_use]
    pub fn may_open(&self) -> [bool; 3] {
        [0, 1, 2].map(|i| self.policy_byte() >> i & 1 == 1)
    }

    /// The writer's key and the shared ones, for sealing only.
    #[must_use]
    pub fn expose_keys(&self) -> &[u8] {
        self.0.get(1..).unwrap_or_default()
    }

    fn policy_byte(&self) -> u8 {
        let [policy, ..] = *self.0;
        policy
    }
}

impl WriterKey {
    /// Vouches for a book: `PRF(writer key; "grant", suite, book, Y)`. The writer believes only its
    /// treasury, which alone has this key too.
    #[must_use]
    pub fn grant_mac(&self, book: &BookId, public_key: &Point) -> [u8; 32] {
        let parts = [
            Part::Bytes(b"grant"),
            Part::U64(u64::from(S::ID as u8)),
            Part::Bytes(&book.0),
            Part::Bytes(public_key),
        ];
        prf_array(self.expose_bytes(), &parts)
    }

    /// Whether this writer's treasury vouches for a book, in constant time.
    #[must_use]
    pub fn is_granted(&self, book: &BookId, public_key: &Point, mac: &[u8; 32]) -> bool {
        equal(&self.grant_mac(book, public_key), mac).into()
    }
}

/// Names the use of a key.
const LABEL: &[u8] = b"TALLYSTICK-v1-enrol";

/// Everything that both sides have seen.
struct Exchange {
    commitment: [u8; 32],
    treasury: Point,
    joining: Point,
    writer: WriterId,
}

impl Exchange {
    /// Code and key, from one's own secret and the other half.
    fn agree(&self, secret: Nonce<S>, other: &Point) -> Result<Agreed, ExchangeError> {
        let other = G::decode_non_identity(other).map_err(ExchangeError::Point)?;
        let shared = Zeroizing::new(G::encode(&G::mul_short(&other, secret.short())));
        let context = self.context();
        let mut key = PrfKey::default();
        // 32 bytes are far below HKDF's limit, so the error can't occur.
        let _ = hkdf(LABEL, shared.as_slice(), &context, key.as_mut());
        Ok(Agreed {
            key,
            code: code_of(&context),
            writer: self.writer,
        })
    }

    fn context(&self) -> [u8; 64] {
        hash_parts(&[
            Part::Bytes(b"enrol"),
            Part::Bytes(&self.commitment),
            Part::Bytes(&self.treasury),
            Part::Bytes(&self.joining),
            Part::Bytes(&self.writer.0),
        ])
    }
}

/// The first 64 bits, big-endian, modulo [`CODES`]: no code is likelier than another by more than
/// 2^-44. They are public, and the key is not made from them alone.
fn code_of(context: &[u8; 64]) -> u32 {
    let [a, b, c, d, e, f, g, h, ..] = *context;
    let number = u64::from_be_bytes([a, b, c, d, e, f, g, h]) % u64::from(CODES);
    u32::try_from(number).unwrap_or_default()
}

fn commitment(point: &Point) -> [u8; 32] {
    let mut commitment = [0; 32];
    let digest = hash_parts(&[Part::Bytes(b"enrol-commit"), Part::Bytes(point)]);
    for (to, from) in commitment.iter_mut().zip(digest) {
        *to = from;
    }
    commitment
}

/// A secret of one exchange, and the half that is made of it.
fn half(rng: &mut impl CryptoRng) -> (Nonce<S>, Point) {
    let secret = Nonce::random(rng);
    let point = G::encode(&G::mul_base_short(secret.short()));
    (secret, point)
}
