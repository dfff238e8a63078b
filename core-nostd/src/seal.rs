//! Sealing what a device stores, and one pseudo-random function for its other needs.
//!
//! Sealing is AES-256-SIV (RFC 5297): deterministic, so that it needs no nonce that a power cut
//! could repeat, and bound to associated data.

use aes_siv::{KeyInit, siv::Aes256Siv};
use zeroize::{Zeroize, Zeroizing};

use crate::hash::{Absorb, Part, Prf, prf_bytes};

/// The synthetic IV of a sealed text, which authenticates it.
pub type Tag = [u8; 16];

/// Encrypts `text` in place under `key`, bound to `ad`: at most 126 strings, each with its place.
#[must_use]
pub fn seal(key: &[u8; 32], ad: &[&[u8]], text: &mut [u8]) -> Tag {
    siv_seal(&siv_key(key), ad, text)
}

/// Decrypts `text` in place; false, with `text` as it was, unless [`seal`] made it and `tag` with
/// the same key and data.
#[must_use]
pub fn open(key: &[u8; 32], ad: &[&[u8]], text: &mut [u8], tag: &Tag) -> bool {
    siv_open(&siv_key(key), ad, text, tag)
}

/// Fills `out` (at most 16 KiB) with a pseudo-random function of a list of strings: HMAC-SHA-512 in
/// counter mode. Cut to 16 bytes it is a MAC.
pub fn prf(key: &[u8; 32], parts: &[&[u8]], out: &mut [u8]) {
    Prf::new(key).fill(out, &|mac| {
        parts.iter().for_each(|part| mac.part(Part::Bytes(part)));
    });
}

/// [`seal`] under a key of AES-256-SIV itself.
pub(crate) fn siv_seal(key: &[u8; 64], ad: &[&[u8]], text: &mut [u8]) -> Tag {
    let mut cipher = Aes256Siv::new(&(*key).into());
    match cipher.encrypt_inout_detached(ad, (&mut *text).into()) {
        Ok(tag) => tag.into(),
        // More than 126 strings: nobody passes so many. Nothing is sealed, and nothing leaks.
        Err(_) => {
            text.zeroize();
            Tag::default()
        }
    }
}

/// [`open`] under a key of AES-256-SIV itself.
pub(crate) fn siv_open(key: &[u8; 64], ad: &[&[u8]], text: &mut [u8], tag: &Tag) -> bool {
    Aes256Siv::new(&(*key).into())
        .decrypt_inout_detached(ad, text.into(), &(*tag).into())
        .is_ok()
}

fn siv_key(key: &[u8; 32]) -> Zeroizing<[u8; 64]> {
    let mut siv_key = Zeroizing::new([0; 64]);
    prf_bytes(key, &[Part::Bytes(b"seal")], siv_key.as_mut());
    siv_key
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::Case;

    #[test]
    fn sealing_is_aes_256_siv_as_wycheproof_knows_it() {
        let cases = Case::file("wycheproof_aes_256_siv.json").cases("tests");
        assert_eq!(cases.iter().filter(|case| case.is_valid()).count(), 84);
        assert_eq!(cases.iter().filter(|case| !case.is_valid()).count(), 54);
        for case in cases {
            let name = case.name();
            let (key, tag) = (case.array("key"), case.array("tag"));
            // RFC 5297 section 3: the nonce is the last of the associated strings.
            let (aad, nonce) = (case.bytes("aad"), case.bytes("iv"));
            let (msg, sealed) = (case.bytes("msg"), case.bytes("ct"));

            let mut text = sealed.clone();
            let opened = siv_open(&key, &[&aad, &nonce], &mut text, &tag);
            assert_eq!(opened, case.is_valid(), "{name}");
            assert_eq!(
                text,
                if opened { &msg } else { &sealed }.as_slice(),
                "{name}"
            );

            let mut text = msg.clone();
            let computed = siv_seal(&key, &[&aad, &nonce], &mut text);
            assert_eq!(computed == tag, case.is_valid(), "{name}");
            if case.is_valid() {
                assert_eq!(text, sealed, "{name}");
                let swapped = siv_open(&key, &[&nonce, &aad], &mut text, &tag);
                assert_eq!(swapped, nonce == aad, "{name}: strings in the other order");
            }
        }
    }

    #[test]
    fn only_the_same_key_data_and_text_open() {
        let (key, ad): (_, [&[u8]; 2]) = ([7; 32], [b"one", b"two"]);
        let mut text = *b"a secret of this device";
        let tag = seal(&key, &ad, &mut text);
        let sealed = text;
        assert_ne!(&text, b"a secret of this device");

        let refused = |key: &[u8; 32], ad: &[&[u8]], sealed: &[u8; 23], tag: &Tag| {
            let mut text = *sealed;
            assert!(!open(key, ad, &mut text, tag));
            assert_eq!(&text, sealed, "a refused text is left as it was");
        };
        refused(&[8; 32], &ad, &sealed, &tag);
        refused(&key, &[b"onetwo"], &sealed, &tag);
        refused(&key, &[b"onet", b"wo"], &sealed, &tag);
        let mut other = sealed;
        other[22] ^= 1;
        refused(&key, &ad, &other, &tag);
        let mut other = tag;
        other[0] ^= 0x80;
        refused(&key, &ad, &sealed, &other);

        assert!(open(&key, &ad, &mut text, &tag));
        assert_eq!(&text, b"a secret of this device");
    }

    #[test]
    fn the_prf_tells_lists_apart_and_is_a_prefix_of_itself() {
        let of = |parts: &[&[u8]]| {
            let mut out = [0; 100];
            prf(&[1; 32], parts, &mut out);
            out
        };
        assert_ne!(of(&[b"ab"]), of(&[b"a", b"b"]));
        assert_ne!(of(&[b"ab"]), of(&[b"ab", b""]));
        let mut short = [0; 16];
        prf(&[1; 32], &[b"ab"], &mut short);
        assert_eq!(of(&[b"ab"])[..16], short);
    }
}
