//! National ids in the one spelling that accounts are named after.
//!
//! The same person must always reach the same account, so `ab-123.456` and `AB 123456` are one id.
//! An id is personal data: it has no `Debug`, is wiped when dropped and appears in no error.

use core::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

/// The fewest characters of an id, separators not counted.
pub const LEN_MIN: usize = 4;

/// The most characters of an id, separators not counted.
pub const LEN_MAX: usize = 32;

/// Length of [`Nid::padded`] in bytes.
pub const PADDED_LEN: usize = 1 + LEN_MAX;

/// A normalised national id: 4 to 32 characters of `A`-`Z` and `0`-`9`.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Nid([u8; PADDED_LEN]);

impl Nid {
    /// Brings a text into the normal form: trimmed, in capitals, without the separators space,
    /// `-`, `.`, `/` and `_`.
    ///
    /// # Errors
    /// [`NidError`]: any other character, and fewer than 4 or more than 32 that count.
    pub fn normalise(text: &str) -> Result<Self, NidError> {
        let mut nid = Self([0; PADDED_LEN]);
        let [len, slots @ ..] = &mut nid.0;
        let mut slots = slots.iter_mut();
        for character in text.trim().chars() {
            let byte = match character {
                'A'..='Z' | 'a'..='z' | '0'..='9' => character.to_ascii_uppercase(),
                ' ' | '-' | '.' | '/' | '_' => continue,
                _ => return Err(NidError::Character),
            };
            *slots.next().ok_or(NidError::TooLong)? = u8::try_from(byte).unwrap_or_default();
            *len = len.saturating_add(1);
        }
        if usize::from(*len) < LEN_MIN {
            return Err(NidError::TooShort);
        }
        Ok(nid)
    }

    /// The id behind an encoding made by [`Self::padded`], or nothing if it is not one.
    #[must_use]
    pub fn from_padded(padded: &[u8; PADDED_LEN]) -> Option<Self> {
        let nid = Self(*padded);
        let [len, slots @ ..] = padded;
        let (used, rest) = slots.split_at_checked(usize::from(*len))?;
        let normal = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
        let canonical = used.iter().all(normal) && rest.iter().all(|byte| *byte == 0);
        (used.len() >= LEN_MIN && canonical).then_some(nid)
    }

    /// One byte of length and 32 bytes of characters, filled up with zeros: as long for every id.
    /// The copy is the caller's to wipe.
    #[must_use]
    pub fn padded(&self) -> [u8; PADDED_LEN] {
        self.0
    }

    /// The normal form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let [len, slots @ ..] = &self.0;
        let used = slots.get(..usize::from(*len)).unwrap_or_default();
        core::str::from_utf8(used).unwrap_or_default()
    }
}

/// Why a text is not a national id. The text itself is personal data and not part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NidError {
    /// Fewer than [`LEN_MIN`] characters that count.
    TooShort,
    /// More than [`LEN_MAX`] characters that count.
    TooLong,
    /// A character that is no letter A to Z, digit or separator. Usually a letter with an accent.
    Character,
}

impl fmt::Display for NidError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort => write!(f, "an id has at least {LEN_MIN} letters and digits"),
            Self::TooLong => write!(f, "an id has at most {LEN_MAX} letters and digits"),
            Self::Character => f.write_str(
                "an id has only the letters A to Z, digits, and the separators space - . / _",
            ),
        }
    }
}

impl core::error::Error for NidError {}

#[cfg(test)]
mod tests {
    extern crate std;

    use proptest::prelude::*;
    use std::string::{String, ToString};

    use super::*;

    fn normal(text: &str) -> Result<String, NidError> {
        Nid::normalise(text).map(|nid| nid.as_str().to_string())
    }

    #[test]
    fn every_spelling_of_an_id_is_the_same_id() {
        for text in [
            "AB123456",
            "ab123456",
            "  aB-123.456\t",
            "a b/1_2 3-4.5/6",
            "-AB123456-",
        ] {
            assert_eq!(normal(text).as_deref(), Ok("AB123456"), "{text:?}");
        }
    }

    #[test]
    fn four_to_thirty_two_characters_count() {
        assert_eq!(normal("1-2-3"), Err(NidError::TooShort));
        assert_eq!(normal("- . / _"), Err(NidError::TooShort));
        assert_eq!(normal(""), Err(NidError::TooShort));
        assert_eq!(normal("1-2-3-4").as_deref(), Ok("1234"));
        let longest = "Z".repeat(LEN_MAX);
        assert_eq!(normal(&longest).as_deref(), Ok(longest.as_str()));
        assert_eq!(normal(&std::format!("{longest} 9")), Err(NidError::TooLong));
        assert_eq!(
            normal(&std::format!("{longest}--")).as_deref(),
            Ok(longest.as_str())
        );
    }

    #[test]
    fn other_characters_are_refused() {
        for text in [
            "AB12é4",
            "AB12\t34",
            "AB12,34",
            "ＡＢ１２",
            "AB12\u{a0}34",
            "AB12\0",
            "ßABC",
        ] {
            assert_eq!(normal(text), Err(NidError::Character), "{text:?}");
        }
    }

    #[test]
    fn the_padded_form_is_length_characters_and_zeros() {
        let nid = Nid::normalise("ab-12")
            .map_err(|error| error.to_string())
            .expect("an id");
        let mut expected = [0; PADDED_LEN];
        expected[..5].copy_from_slice(b"\x04AB12");
        assert_eq!(nid.padded(), expected);
        assert_eq!(
            Nid::from_padded(&expected).expect("an encoding").as_str(),
            "AB12"
        );
    }

    #[test]
    fn padded_forms_of_anything_else_are_refused() {
        type Change = fn(&mut [u8; PADDED_LEN]);
        let is_accepted = |change: Change| {
            let mut bytes = [0; PADDED_LEN];
            bytes[..6].copy_from_slice(b"\x05AB123");
            change(&mut bytes);
            Nid::from_padded(&bytes).is_some()
        };
        assert!(is_accepted(|_| ()));
        let changes: [Change; 9] = [
            |bytes| bytes[0] = 4,
            |bytes| bytes[0] = 6,
            |bytes| bytes[0] = 33,
            |bytes| bytes[0] = 255,
            |bytes| bytes[..6].copy_from_slice(b"\x03ABC\0\0"),
            |bytes| bytes[1] = b'a',
            |bytes| bytes[2] = b'-',
            |bytes| bytes[3] = 0xc3,
            |bytes| bytes[32] = 1,
        ];
        for (number, change) in changes.into_iter().enumerate() {
            assert!(!is_accepted(change), "change {number}");
        }
    }

    proptest! {
        #[test]
        fn normalising_is_idempotent_and_encodings_come_back(text in "[A-Za-z0-9 ./_-]{0,40}") {
            if let Ok(nid) = Nid::normalise(&text) {
                prop_assert_eq!(normal(nid.as_str()), Ok(nid.as_str().to_string()));
                let again = Nid::from_padded(&nid.padded()).expect("an encoding");
                prop_assert_eq!(again.as_str(), nid.as_str());
            }
        }
    }
}
