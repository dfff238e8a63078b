//! The slow oracle: exponential ElGamal and its tags on big integers, from the formulas.
//!
//! It shares no arithmetic and no derivation code with `core-nostd`: residues are [`BigUint`]s,
//! multiplication of an element is `modpow`, and keys are derived again from HMAC-SHA-512. Group:
//! ffdhe2048 (RFC 7919) with `g = 2`, in the subgroup of order `q = (p − 1)/2`.

use hmac::{Hmac, KeyInit, Mac};
use num_bigint::BigUint;
use sha2::Sha512;

/// ffdhe2048, from RFC 7919 appendix A.1.
const P: &str = "\
    FFFFFFFFFFFFFFFFADF85458A2BB4A9AAFDC5620273D3CF1D8B9C583CE2D3695\
    A9E13641146433FBCC939DCE249B3EF97D2FE363630C75D8F681B202AEC4617A\
    D3DF1ED5D5FD65612433F51F5F066ED0856365553DED1AF3B557135E7F57C935\
    984F0C70E0E68B77E2A689DAF3EFE8721DF158A136ADE73530ACCA4F483A797A\
    BC0AB182B324FB61D108A94BB2C8E3FBB96ADAB760D7F4681D4F42A3DE394DF4\
    AE56EDE76372BB190B07A7C8EE0A6D709E02FCE1CDF7E2ECC03404CD28342F61\
    9172FE9CE98583FF8E4F1232EEF28183C3FE3B1B4C6FAD733BB5FCBC2EC22005\
    C58EF1837D1683B2C6F34A26C1B2EFFA886B423861285C97FFFFFFFFFFFFFFFF";
/// The suite's number.
const SUITE: u64 = 2;
/// Bytes that are reduced to a uniform scalar: 16 more than `q` has.
const WIDE_LEN: usize = 272;
/// Bytes of a secret key or nonce.
const SHORT_LEN: usize = 32;

/// A field of a hash input: absent, a number, or bytes.
#[derive(Clone, Copy)]
enum Field<'a> {
    None,
    Number(u64),
    Bytes(&'a [u8]),
}

/// Where an entry stands, in plain values.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// The book.
    pub book: &'a [u8],
    /// The writer.
    pub writer: &'a [u8],
    /// The account.
    pub account: &'a [u8],
    /// Position in the chain.
    pub seq: u64,
    /// The account's previous position in the chain.
    pub prev: Option<u64>,
}

/// `c1, c2, tag, account_tag`.
pub type Entry = [BigUint; 4];

/// The group and the keys that come from one root seed.
pub struct Reference {
    /// The prime.
    pub p: BigUint,
    /// The order of the subgroup.
    pub q: BigUint,
    seed: [u8; 32],
}

impl Reference {
    /// The keys of `seed`.
    #[must_use]
    pub fn new(seed: [u8; 32]) -> Self {
        let p = BigUint::parse_bytes(P.as_bytes(), 16).expect("hex");
        let q = (&p - 1_u8) / 2_u8;
        Self { p, q, seed }
    }

    /// `g^e`.
    #[must_use]
    pub fn base(&self, e: &BigUint) -> BigUint {
        BigUint::from(2_u8).modpow(e, &self.p)
    }

    /// `m mod q`.
    #[must_use]
    pub fn signed(&self, m: i64) -> BigUint {
        if m < 0 {
            &self.q - m.unsigned_abs()
        } else {
            BigUint::from(m.unsigned_abs())
        }
    }

    /// The secret key of a book.
    #[must_use]
    pub fn x(&self, book: &[u8]) -> BigUint {
        let fields = [Field::Bytes(b"x"), Field::Number(SUITE), Field::Bytes(book)];
        short(&prf(&self.label("x"), &fields))
    }

    /// `(g^r, y^r · g^m)`.
    #[must_use]
    pub fn encrypt(&self, y: &BigUint, m: i64, r: &BigUint) -> [BigUint; 2] {
        [
            self.base(r),
            y.modpow(r, &self.p) * self.base(&self.signed(m)) % &self.p,
        ]
    }

    /// `c2 · c1^(−x) = g^m`.
    #[must_use]
    pub fn decrypt(&self, x: &BigUint, [c1, c2]: [&BigUint; 2]) -> BigUint {
        c2 * c1.modpow(&(&self.q - x), &self.p) % &self.p
    }

    /// One entry, each tag multiplied out as the definition has it: `c1^α · c2^β · g^Δmask`.
    #[must_use]
    pub fn entry(&self, place: &Place<'_>, m: i64, r: &BigUint) -> Entry {
        let y = self.base(&self.x(place.book));
        let [c1, c2] = self.encrypt(&y, m, r);
        let tag = self.tag(place.book, [&c1, &c2], &self.book_step(place));
        let account_tag = self.account_tag(
            place.book,
            place.account,
            [&c1, &c2],
            &self.account_step(place),
        );
        [c1, c2, tag, account_tag]
    }

    /// `c1^α · c2^β · g^mask`.
    #[must_use]
    pub fn tag(&self, book: &[u8], [c1, c2]: [&BigUint; 2], mask: &BigUint) -> BigUint {
        let scope = [Field::Number(SUITE), Field::Bytes(book)];
        let [alpha, beta] = ["alpha", "beta"].map(|label| self.scalar(label, &scope));
        c1.modpow(&alpha, &self.p) * c2.modpow(&beta, &self.p) * self.base(mask) % &self.p
    }

    /// `c1^α' · c2^β' · g^mask`.
    #[must_use]
    pub fn account_tag(
        &self,
        book: &[u8],
        account: &[u8],
        [c1, c2]: [&BigUint; 2],
        mask: &BigUint,
    ) -> BigUint {
        let scope = [
            Field::Number(SUITE),
            Field::Bytes(book),
            Field::Bytes(account),
        ];
        let [alpha, beta] =
            ["alpha-account", "beta-account"].map(|label| self.scalar(label, &scope));
        c1.modpow(&alpha, &self.p) * c2.modpow(&beta, &self.p) * self.base(mask) % &self.p
    }

    /// `f(w, to) − f(w, from)`.
    #[must_use]
    pub fn segment(&self, book: &[u8], writer: &[u8], from: u64, to: u64) -> BigUint {
        let f = |position| {
            let scope = [
                Field::Number(SUITE),
                Field::Bytes(book),
                Field::Bytes(writer),
            ];
            self.scalar("mask", &[&scope[..], &[Field::Number(position)]].concat())
        };
        (f(to) + &self.q - f(from)) % &self.q
    }

    /// `g(w, a, to) − g(w, a, from)`.
    #[must_use]
    pub fn account_segment(
        &self,
        [book, writer, account]: [&[u8]; 3],
        from: Option<u64>,
        to: Option<u64>,
    ) -> BigUint {
        let g = |position: Option<u64>| {
            let scope = [book, writer, account].map(Field::Bytes);
            let position = position.map_or(Field::None, Field::Number);
            let fields = [&[Field::Number(SUITE)], &scope[..], &[position]].concat();
            self.scalar("mask-account", &fields)
        };
        (g(to) + &self.q - g(from)) % &self.q
    }

    fn book_step(&self, place: &Place<'_>) -> BigUint {
        self.segment(place.book, place.writer, place.seq, place.seq + 1)
    }

    fn account_step(&self, place: &Place<'_>) -> BigUint {
        let scope = [place.book, place.writer, place.account];
        self.account_segment(scope, place.prev, Some(place.seq))
    }

    fn scalar(&self, label: &str, fields: &[Field<'_>]) -> BigUint {
        BigUint::from_bytes_be(&prf(&self.label(label), fields)) % &self.q
    }

    /// HKDF-SHA-512 (RFC 5869) with one block of output, cut to 32 bytes.
    fn label(&self, label: &str) -> Vec<u8> {
        let prk = hmac(b"TALLYSTICK-v1", &self.seed);
        hmac(&prk, &[label.as_bytes(), &[1]].concat())[..32].to_vec()
    }
}

/// The integer below 2^256 that wide bytes stand for as a secret key or nonce.
#[must_use]
pub fn short(wide: &[u8]) -> BigUint {
    BigUint::from_bytes_be(&wide[wide.len() - SHORT_LEN..])
}

fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha512>::new_from_slice(key).expect("a key of any length");
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

/// HMAC in counter mode over the encoded fields.
fn prf(key: &[u8], fields: &[Field<'_>]) -> Vec<u8> {
    let mut input = Vec::new();
    for field in fields {
        match field {
            Field::None => input.push(0),
            Field::Number(number) => {
                input.push(1);
                input.extend(number.to_be_bytes());
            }
            Field::Bytes(bytes) => {
                input.push(2);
                input.extend(u32::try_from(bytes.len()).expect("short").to_be_bytes());
                input.extend(*bytes);
            }
        }
    }
    let blocks = (0..=u8::MAX).map(|i| hmac(key, &[&[i], &input[..]].concat()));
    blocks.flatten().take(WIDE_LEN).collect()
}
