//! The rules of a book, and the identifier that binds them.

use core::fmt;

use crate::{
    ciphersuite::SuiteId,
    currency::Currency,
    hash::{Part, hash_parts},
    ids::BookId,
};

/// Longest name of a book, in bytes of UTF-8.
pub const NAME_LEN_MAX: usize = 48;
/// Least number of entries between two cuts unless the rules say otherwise.
pub const MIN_ENTRIES_DEFAULT: u32 = 16;
/// Largest `min_entries` of a book.
pub const MIN_ENTRIES_MAX: u32 = 1 << 20;
/// Largest cap of a book: sums of fewer than 2^15 entries at this cap still fit an `i64`, and no
/// sum at all comes near the order of a group (see [`crate::cap`]).
pub const CAP_MAX: u64 = 1 << 48;

/// Who may write into a book, and who vouches for its sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[repr(u8)]
pub enum BookKind {
    /// Entries come from tokens and carry tags; a token opens only sums it has verified.
    Authenticated = 1,
    /// The classic scheme: anybody with the public key encrypts, nothing is tagged.
    Open = 2,
}

impl BookKind {
    /// The name used in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Authenticated => "authenticated",
            Self::Open => "open",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Authenticated, Self::Open]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

/// Everything that is fixed about a book when it is created. Its identifier is a hash of all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BookRules<'a> {
    /// The suite of its keys and ciphertexts.
    pub suite: SuiteId,
    /// Authenticated or open.
    pub kind: BookKind,
    /// The one currency of its amounts.
    pub currency: Currency,
    /// Largest absolute amount of one entry, in minor units: 1 to [`CAP_MAX`].
    pub cap: u64,
    /// `k`: least number of entries between two cuts, 1 to [`MIN_ENTRIES_MAX`].
    pub min_entries: u32,
    /// Its name: 1 to [`NAME_LEN_MAX`] bytes, no control characters.
    pub name: &'a str,
}

/// Why rules are not those of a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RulesError {
    /// The name is empty, longer than [`NAME_LEN_MAX`], or has control characters.
    Name,
    /// The cap is 0 or above [`CAP_MAX`].
    Cap,
    /// `min_entries` is 0 or above [`MIN_ENTRIES_MAX`].
    MinEntries,
}

impl fmt::Display for RulesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => write!(
                f,
                "a book's name has 1 to {NAME_LEN_MAX} bytes, no control characters"
            ),
            Self::Cap => write!(f, "the cap of an entry is 1 to {CAP_MAX} minor units"),
            Self::MinEntries => write!(f, "between two cuts lie 1 to {MIN_ENTRIES_MAX} entries"),
        }
    }
}

impl core::error::Error for RulesError {}

impl BookRules<'_> {
    /// Checks the bounds of every field.
    ///
    /// # Errors
    /// One [`RulesError`] for each bound.
    pub fn check(&self) -> Result<(), RulesError> {
        let name_ok = (1..=NAME_LEN_MAX).contains(&self.name.len())
            && !self.name.chars().any(char::is_control);
        if !name_ok {
            return Err(RulesError::Name);
        }
        if !(1..=CAP_MAX).contains(&self.cap) {
            return Err(RulesError::Cap);
        }
        if !(1..=MIN_ENTRIES_MAX).contains(&self.min_entries) {
            return Err(RulesError::MinEntries);
        }
        Ok(())
    }

    /// `H(suite, kind, currency, scale, cap, k, name)`, SHA-512 cut to 32 bytes: nobody can present
    /// the same book with other rules.
    #[must_use]
    pub fn id(&self) -> BookId {
        let digest = hash_parts(&[
            Part::Bytes(b"TALLYSTICK-v1-book"),
            Part::U64(u64::from(self.suite as u8)),
            Part::U64(u64::from(self.kind as u8)),
            Part::Bytes(self.currency.code().as_bytes()),
            Part::U64(u64::from(self.currency.scale())),
            Part::U64(self.cap),
            Part::U64(u64::from(self.min_entries)),
            Part::Bytes(self.name.as_bytes()),
        ]);
        let mut id = [0; BookId::LEN];
        for (to, from) in id.iter_mut().zip(digest) {
            *to = from;
        }
        BookId(id)
    }
}
