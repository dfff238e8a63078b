//! Identifiers: of books, writers, accounts, and of positions in a chain.

use core::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "wire", derive(serde::Serialize, serde::Deserialize))]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// Length in bytes.
            pub const LEN: usize = $len;

            /// Parses lower- or upper-case hexadecimal of exactly twice the length.
            #[must_use]
            pub fn from_hex(text: &str) -> Option<Self> {
                let mut id = [0; $len];
                let digits = text.as_bytes();
                if digits.len() != 2 * $len {
                    return None;
                }
                for (byte, pair) in id.iter_mut().zip(digits.chunks_exact(2)) {
                    for digit in pair {
                        let value = char::from(*digit).to_digit(16)?;
                        *byte = (*byte << 4) | u8::try_from(value).ok()?;
                    }
                }
                Some(Self(id))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

id! {
    /// A book: the hash of its rules ([`crate::book::BookRules::id`]).
    BookId, 32
}

id! {
    /// A writer: 128 random bits that a token draws for itself. In an open book, the identifier
    /// of the credential that posts.
    WriterId, 16
}

id! {
    /// An account of one book: a pseudo-random function of the book and the holder's NID
    /// ([`crate::keys::SharedKeys::handle`]).
    Handle, 32
}

/// Where an entry stands: its chain (`book`, `writer`), its position `seq` in it, and its account's
/// previous position in the same chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The book.
    pub book: BookId,
    /// The writer whose chain it is.
    pub writer: WriterId,
    /// Position in the chain: 0, 1, 2, …
    pub seq: u64,
    /// The account.
    pub account: Handle,
    /// Position of this account's previous entry in this chain; always below `seq`.
    pub prev: Option<u64>,
}
