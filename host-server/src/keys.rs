//! API keys: who may ask the server for what.
//!
//! A key is 256 random bits, shown once, when it is made. What is stored is their SHA-256: nobody
//! finds 256 random bits from it, however fast the hash is, so the slow hashes that passwords need
//! would only cost time. Whoever reads the database learns no key; who may write to it can add
//! one, as they can change everything else in it.

use std::{collections::BTreeSet, fmt};

use core_nostd::ids::WriterId;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

pub mod command;

/// The word that stands for the open books in the place of a writer.
const OPEN: &str = "open";
/// What the text of every key begins with, so that scanners for leaked secrets find it.
pub const TEXT_PREFIX: &str = "tally_";
/// Longest name of a key in bytes.
pub const NAME_LEN_MAX: usize = 64;
/// Most writers that one key may post as.
pub const WRITERS_MAX: usize = 64;

/// A key itself. No `Debug`, no `Clone`; wiped when dropped.
pub struct Secret(Zeroizing<[u8; 32]>);

impl Secret {
    /// A new key, from the system's randomness.
    ///
    /// # Errors
    /// The system has none.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = Zeroizing::new([0; 32]);
        getrandom::fill(bytes.as_mut_slice())?;
        Ok(Self(bytes))
    }

    /// Parses what [`Self::expose_text`] gives.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = Zeroizing::new([0; 32]);
        let digits = text.strip_prefix(TEXT_PREFIX)?;
        hex::decode_to_slice(digits, bytes.as_mut_slice()).ok()?;
        Some(Self(bytes))
    }

    /// The key as its holder keeps it: `tally_` and 64 hexadecimal digits.
    #[must_use]
    pub fn expose_text(&self) -> Zeroizing<String> {
        let digits = Zeroizing::new(hex::encode(self.0.as_slice()));
        Zeroizing::new([TEXT_PREFIX, &digits].concat())
    }

    /// What the server keeps of it: SHA-256.
    #[must_use]
    pub fn hash(&self) -> KeyHash {
        KeyHash(Sha256::digest(self.0.as_slice()).into())
    }
}

/// The SHA-256 of a key.
#[derive(Clone, Copy)]
pub struct KeyHash(pub [u8; 32]);

impl KeyHash {
    /// The name of the key: the first half.
    #[must_use]
    pub fn id(&self) -> KeyId {
        let mut id = [0; KeyId::LEN];
        id.copy_from_slice(&self.0[..KeyId::LEN]);
        KeyId(id)
    }
}

impl PartialEq for KeyHash {
    /// In constant time.
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for KeyHash {}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyHash({}…)", self.id())
    }
}

/// The public name of a key, 128 bits. In open books it is the writer of what the key posts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyId(pub [u8; Self::LEN]);

impl KeyId {
    /// Length in bytes.
    pub const LEN: usize = WriterId::LEN;

    /// Parses 32 hexadecimal digits.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        WriterId::from_hex(text).map(|WriterId(bytes)| Self(bytes))
    }

    /// The chain of an open book that this key appends to.
    #[must_use]
    pub fn as_writer(&self) -> WriterId {
        WriterId(self.0)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_writer().fmt(f)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// What a key may do. A scope gives what it names and no other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes {
    /// Read everything that is stored.
    pub read: bool,
    /// Post entries and cuts of these writers, and read what that needs.
    pub post: BTreeSet<WriterId>,
    /// Post entries of open books, as the writer that has the key's id.
    pub post_open: bool,
    /// Use the attached token: postings and releases in clear.
    pub teller: bool,
    /// Make and revoke keys, create books.
    pub admin: bool,
}

impl Scopes {
    /// Scopes by their words: `read`, `post:` and a writer, `post:open`, `teller`, `admin`.
    ///
    /// # Errors
    /// A sentence: one of them is none of these.
    pub fn parse(words: &[String]) -> Result<Self, String> {
        let mut scopes = Self::default();
        for word in words {
            let (verb, writer) = word.split_once(':').unwrap_or((word, ""));
            match (verb, WriterId::from_hex(writer)) {
                ("read", None) if writer.is_empty() => scopes.read = true,
                ("teller", None) if writer.is_empty() => scopes.teller = true,
                ("admin", None) if writer.is_empty() => scopes.admin = true,
                ("post", Some(writer)) => _ = scopes.post.insert(writer),
                ("post", None) if writer == OPEN => scopes.post_open = true,
                ("post", None) => {
                    return Err(format!(
                        "`{writer}` is no writer: that has 32 hexadecimal digits, as `tally token \
                         info` shows them (or it is the word {OPEN}, for open books)"
                    ));
                }
                _ => {
                    return Err(format!(
                        "`{word}` is no scope: these are read, post:WRITER, post:{OPEN}, teller \
                         and admin"
                    ));
                }
            }
        }
        Ok(scopes)
    }

    /// What [`Self::parse`] reads.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        let posts = self.post.iter().map(|writer| format!("post:{writer}"));
        let flags = [
            (self.read, "read"),
            (self.post_open, "post:open"),
            (self.teller, "teller"),
            (self.admin, "admin"),
        ];
        let flags = flags.iter().filter(|(on, _)| *on);
        flags
            .map(|(_, word)| (*word).to_owned())
            .chain(posts)
            .collect()
    }

    /// Whether there is anything the key may do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it may post anything.
    #[must_use]
    pub fn may_post(&self) -> bool {
        self.post_open || !self.post.is_empty()
    }
}

/// A key as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// The SHA-256 of the key.
    pub hash: KeyHash,
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub scopes: Scopes,
    /// When it was made: milliseconds since 1970.
    pub created_ms: u64,
    /// When it was revoked, if it was.
    pub revoked_ms: Option<u64>,
}

impl ApiKey {
    /// A new key and what is to be stored of it.
    ///
    /// # Errors
    /// A sentence: the name or the scopes are out of bounds, or there is no randomness.
    pub fn new(name: &str, scopes: Scopes, created_ms: u64) -> Result<(Secret, Self), String> {
        if name.is_empty()
            || name.chars().count() > NAME_LEN_MAX
            || name.chars().any(char::is_control)
        {
            return Err(format!(
                "the name of a key has 1 to {NAME_LEN_MAX} characters and no control characters"
            ));
        }
        if scopes.is_empty() {
            return Err("the key could do nothing: give it read, post, teller or admin".to_owned());
        }
        if scopes.post.len() > WRITERS_MAX {
            return Err(format!("a key posts as at most {WRITERS_MAX} writers"));
        }
        let secret = Secret::random().map_err(|error| format!("no randomness: {error}"))?;
        let key = Self {
            hash: secret.hash(),
            name: name.to_owned(),
            scopes,
            created_ms,
            revoked_ms: None,
        };
        Ok((secret, key))
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.hash.id()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_and_only_as_it_was_written() {
        let secret = Secret::random().expect("randomness");
        let text = secret.expose_text();
        assert_eq!(text.len(), TEXT_PREFIX.len() + 64);
        let read = Secret::parse(&text).expect("a key");
        assert!(read.hash() == secret.hash());
        for wrong in [
            &text[1..],
            &text[..text.len() - 1],
            "",
            "tally_",
            &[&*text, "0"].concat(),
        ] {
            assert!(Secret::parse(wrong).is_none());
        }
        assert!(Secret::random().expect("randomness").hash() != secret.hash());
    }

    #[test]
    fn the_hash_is_sha_256_of_the_bytes() {
        // FIPS 180-4: SHA-256 of 32 zero bytes.
        let secret = Secret::parse(&format!("{TEXT_PREFIX}{}", "0".repeat(64))).expect("a key");
        let hash = "66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925";
        assert_eq!(hex::encode(secret.hash().0), hash);
        assert_eq!(secret.hash().id().to_string(), hash[..32]);
    }

    #[test]
    fn scopes_read_back_from_their_words() {
        let all = ["read", "post:open", "teller", "admin", "post:", "post:"];
        let mut all = all.map(str::to_owned);
        all[4] += &"0a".repeat(16);
        all[5] += &"0b".repeat(16);
        let scopes = Scopes::parse(&all).expect("scopes");
        assert_eq!(scopes.words(), all);
        assert_eq!(scopes.post.len(), 2);
        for word in ["", "post", "post:", "post:0a", "read:x", "root", " read"] {
            let parsed = Scopes::parse(&[word.to_owned()]);
            assert!(parsed.is_err(), "{word}");
        }
    }

    #[test]
    fn a_key_has_a_name_and_something_to_do() {
        let read = Scopes {
            read: true,
            ..Scopes::default()
        };
        assert!(ApiKey::new("auditor", read.clone(), 0).is_ok());
        for name in ["", "two\nlines", &"x".repeat(NAME_LEN_MAX + 1)] {
            assert!(ApiKey::new(name, read.clone(), 0).is_err());
        }
        assert!(ApiKey::new("idle", Scopes::default(), 0).is_err());
    }
}
