//! Hashing: one unambiguous encoding of structured inputs, and three functions over it.
//!
//! Every structured input is a list of [`Part`]s, each encoded with a tag byte and a fixed width or
//! a length, so that different lists never give the same bytes.

use hmac::{EagerHash, Hmac, KeyInit, Mac};
use sha2::{Digest, Sha512};
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

use crate::{
    ciphersuite::{Ciphersuite, Scalar, WideBytes},
    group::{ByteArray, Group},
};

/// One field of a structured hash input.
#[derive(Clone, Copy)]
pub(crate) enum Part<'a> {
    /// `00`: an optional position that is absent.
    None,
    /// `01 ‖ u64 big-endian`.
    U64(u64),
    /// `02 ‖ length as u32 big-endian ‖ bytes`.
    Bytes(&'a [u8]),
}

impl From<Option<u64>> for Part<'_> {
    fn from(position: Option<u64>) -> Self {
        position.map_or(Self::None, Self::U64)
    }
}

/// What bytes can be fed into.
pub(crate) trait Absorb {
    /// Appends raw bytes.
    fn absorb(&mut self, bytes: &[u8]);

    /// Appends one encoded part.
    fn part(&mut self, part: Part<'_>) {
        match part {
            Part::None => self.absorb(&[0]),
            Part::U64(value) => {
                self.absorb(&[1]);
                self.absorb(&value.to_be_bytes());
            }
            Part::Bytes(bytes) => {
                self.absorb(&[2]);
                // Inputs are messages of this crate, far below 4 GiB.
                let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
                self.absorb(&len.to_be_bytes());
                self.absorb(bytes);
            }
        }
    }

    /// Appends several encoded parts.
    fn parts(&mut self, parts: &[Part<'_>]) {
        for part in parts {
            self.part(*part);
        }
    }
}

impl Absorb for Sha512 {
    fn absorb(&mut self, bytes: &[u8]) {
        self.update(bytes);
    }
}

impl Absorb for Hmac<Sha512> {
    fn absorb(&mut self, bytes: &[u8]) {
        self.update(bytes);
    }
}

/// SHA-512 of the encoded parts.
pub(crate) fn hash_parts(parts: &[Part<'_>]) -> [u8; 64] {
    let mut hash = Sha512::new();
    hash.parts(parts);
    hash.finalize().into()
}

/// A message that is made piece by piece: it calls its argument with one after the other.
pub type Pieces<'a> = dyn Fn(&mut dyn FnMut(&[u8])) + 'a;

/// The key of a pseudo-random function, wiped when dropped.
pub(crate) type PrfKey = Zeroizing<[u8; 32]>;

/// HMAC with the hash function `D`, keyed with `key`, ready for input.
pub(crate) fn mac<D: EagerHash>(key: &[u8]) -> Hmac<D> {
    // An HMAC key may have any length, so the error can't occur; a key block of zeros would be
    // wrong but not a panic.
    Hmac::new_from_slice(key).unwrap_or_else(|_| Hmac::new(&Default::default()))
}

/// A pseudo-random function with long output: the concatenation over `i = 0, 1, …` of
/// `HMAC-SHA-512(key, i ‖ encode(parts))`, cut to the length of `out` (counter mode of
/// NIST SP 800-108 section 4.1, but counting from 0, in 8 bits).
pub(crate) fn prf_bytes(key: &[u8; 32], parts: &[Part<'_>], out: &mut [u8]) {
    Prf::new(key).fill(out, &|mac| mac.parts(parts));
}

/// [`prf_bytes`] under one key: a second use of it costs half of the first.
pub(crate) struct Prf(Hmac<Sha512>);

impl Prf {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self(mac::<Sha512>(key))
    }

    /// [`prf_bytes`] of whatever `input` absorbs, which is called once for each block of output.
    #[inline(never)]
    pub(crate) fn fill(&self, out: &mut [u8], input: &dyn Fn(&mut Hmac<Sha512>)) {
        for (counter, chunk) in (0_u8..=u8::MAX).zip(out.chunks_mut(64)) {
            let mut mac = self.0.clone();
            mac.absorb(&[counter]);
            input(&mut mac);
            let block = Zeroizing::new(<[u8; 64]>::from(mac.finalize().into_bytes()));
            for (to, from) in chunk.iter_mut().zip(block.iter()) {
                *to = *from;
            }
        }
    }

    /// [`prf_scalar`].
    pub(crate) fn scalar<S: Ciphersuite>(&self, parts: &[Part<'_>]) -> Zeroizing<Scalar<S>> {
        let mut wide = Zeroizing::new(WideBytes::<S>::zeroed());
        self.fill(wide.as_mut(), &|mac| mac.parts(parts));
        Zeroizing::new(S::Group::reduce(&wide))
    }
}

/// [`prf_bytes`] reduced to a scalar uniform modulo `q`.
pub(crate) fn prf_scalar<S: Ciphersuite>(
    key: &[u8; 32],
    parts: &[Part<'_>],
) -> Zeroizing<Scalar<S>> {
    Prf::new(key).scalar::<S>(parts)
}

/// [`prf_bytes`] with a fixed number of bytes.
pub(crate) fn prf_array<const N: usize>(key: &[u8; 32], parts: &[Part<'_>]) -> [u8; N] {
    let mut out = [0; N];
    prf_bytes(key, parts, &mut out);
    out
}

/// `expand_message_xmd` of RFC 9380 section 5.3.1 with SHA-512. The message comes in
/// pieces, as `msg` gives them out, so does the tag `dst`.
///
/// A domain-separation tag longer than 255 bytes is hashed first (section 5.3.3). At most
/// 255 · 64 bytes of output are defined; what is beyond stays zero (no caller asks for it).
#[inline(never)]
pub(crate) fn expand_message_xmd(msg: &Pieces<'_>, dst: &[&[u8]], out: &mut [u8]) {
    let oversize: [u8; 64];
    let dst_len: usize = dst.iter().map(|piece| piece.len()).sum();
    let (dst, dst_len): (&[&[u8]], u8) = match u8::try_from(dst_len) {
        Ok(len) => (dst, len),
        Err(_) => {
            let mut hash = Sha512::new();
            hash.absorb(b"H2C-OVERSIZE-DST-");
            dst.iter().for_each(|piece| hash.absorb(piece));
            oversize = hash.finalize().into();
            (&[&oversize], 64)
        }
    };
    let finish = |mut hash: Sha512| -> [u8; 64] {
        dst.iter().for_each(|piece| hash.absorb(piece));
        hash.absorb(&[dst_len]);
        hash.finalize().into()
    };

    // Step 7: b_0 = H(Z_pad ‖ msg ‖ I2OSP(len_in_bytes, 2) ‖ 0 ‖ DST_prime).
    let mut hash = Sha512::new();
    hash.absorb(&[0; 128]);
    msg(&mut |piece| hash.absorb(piece));
    let len = u16::try_from(out.len()).unwrap_or(u16::MAX);
    hash.absorb(&len.to_be_bytes());
    hash.absorb(&[0]);
    let b_0 = finish(hash);

    // Steps 8 to 10: b_i = H((b_0 xor b_(i−1)) ‖ i ‖ DST_prime), with b_0 itself for i = 1.
    let mut b_i = [0; 64];
    for (i, chunk) in (1_u8..=u8::MAX).zip(out.chunks_mut(64)) {
        for (byte, zero) in b_i.iter_mut().zip(b_0) {
            *byte ^= zero;
        }
        let mut hash = Sha512::new();
        hash.absorb(&b_i);
        hash.absorb(&[i]);
        b_i = finish(hash);
        for (to, from) in chunk.iter_mut().zip(b_i) {
            *to = from;
        }
    }
}

/// Whether two byte strings of one fixed length are equal, in constant time.
pub(crate) fn equal<const N: usize>(a: &[u8; N], b: &[u8; N]) -> Choice {
    a.as_slice().ct_eq(b.as_slice())
}

#[cfg(test)]
mod tests {
    use std::vec;

    use super::*;
    use crate::vectors::Case;

    /// Checks one output, from arguments in one piece and from arguments in two.
    fn check_expansion(dst: &str, case: &Case) {
        let (dst, msg) = (dst.as_bytes(), case.text("msg").as_bytes());
        let expected = case.bytes("uniform_bytes");
        let mut out = vec![0; expected.len()];
        expand_message_xmd(&|absorb| absorb(msg), &[dst], &mut out);
        assert_eq!(out, expected);

        let (dst, msg) = (dst.split_at(dst.len() / 3), msg.split_at(msg.len() / 2));
        out.fill(0);
        let in_pieces = |absorb: &mut dyn FnMut(&[u8])| {
            absorb(msg.0);
            absorb(msg.1);
        };
        expand_message_xmd(&in_pieces, &[dst.0, dst.1], &mut out);
        assert_eq!(out, expected);
    }

    #[test]
    fn messages_expand_as_in_rfc_9380() {
        let file = Case::file("rfc9380_expand_message_xmd_sha512.json");
        let (tests, more) = (file.cases("tests"), file.cases("more"));
        assert_eq!((tests.len(), more.len()), (10, 12));
        tests
            .iter()
            .for_each(|case| check_expansion(file.text("dst"), case));
        more.iter()
            .for_each(|case| check_expansion(case.text("dst"), case));
    }

    #[test]
    fn hmac_agrees_with_wycheproof() {
        let cases = Case::file("wycheproof_hmac_sha512.json").cases("tests");
        assert_eq!(cases.iter().filter(|case| case.is_valid()).count(), 33);
        assert_eq!(cases.iter().filter(|case| !case.is_valid()).count(), 108);
        for case in cases {
            let mut mac = mac::<Sha512>(&case.bytes("key"));
            mac.absorb(&case.bytes("msg"));
            let computed: [u8; 64] = mac.finalize().into_bytes().into();
            let accepted = if case.bytes("tag").len() == 64 {
                equal(&computed, &case.array("tag"))
            } else {
                let cut: [u8; 32] = core::array::from_fn(|i| computed[i]);
                equal(&cut, &case.array("tag"))
            };
            assert_eq!(bool::from(accepted), case.is_valid(), "{}", case.name());
        }
    }
}
