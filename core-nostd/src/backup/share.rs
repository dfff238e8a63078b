//! A share, and its form in words (SLIP-39, section "Format of the share mnemonic").
//!
//! ```text
//! identifier 15 bits │ extendable 1 │ iteration exponent 4 │                   2 words
//! group index 4 │ group threshold − 1 4 │ group count − 1 4 │
//!     member index 4 │ member threshold − 1 4 │                                2 words
//! zeros │ value, 8 bits a byte, to a multiple of 10 bits │                     13 to 26 words
//! checksum 30 bits                                                             3 words
//! ```

use core::{fmt, iter};

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{cipher::Envelope, error::ShareError, rs1024, secret::Secret, words};

/// Words before the value.
const HEADER_WORDS: usize = 4;

/// One of the shares that bring a secret back: 20 words for 16 bytes, 33 for 32. Wiped when
/// dropped.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Share {
    pub(super) envelope: Envelope,
    pub(super) group_index: u8,
    pub(super) group_threshold: u8,
    pub(super) group_count: u8,
    pub(super) member_index: u8,
    pub(super) member_threshold: u8,
    pub(super) value: Secret,
}

impl Share {
    /// The most words a share has.
    pub const WORDS_MAX: usize = 33;

    /// The most bytes its text has, spaces included: words have at most eight letters.
    pub const TEXT_MAX: usize = 9 * Self::WORDS_MAX - 1;

    /// How many bytes the words of a share of a root seed take as numbers.
    pub const SEED_BYTES: usize = 2 * Self::WORDS_MAX;

    /// Reads a share from its words, in either case, with any white space around them.
    ///
    /// # Errors
    /// Those of [`ShareError`], in the order in which a person would look for the fault.
    pub fn from_words(text: &str) -> Result<Self, ShareError> {
        let mut buffer = Zeroizing::new([0; Self::WORDS_MAX]);
        let mut count = 0;
        for word in text.split_ascii_whitespace() {
            let place = buffer.get_mut(count).ok_or(ShareError::Length)?;
            count += 1;
            let number = u8::try_from(count).unwrap_or(u8::MAX);
            *place = words::index(word).ok_or(ShareError::UnknownWord(number))?;
        }
        Self::from_indices(buffer.get(..count).unwrap_or_default())
    }

    /// Writes the words, with a space between them: at most [`TEXT_MAX`](Self::TEXT_MAX) bytes.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_words(&self, out: &mut impl fmt::Write) -> fmt::Result {
        for (place, index) in self.words().enumerate() {
            if place > 0 {
                out.write_char(' ')?;
            }
            words::write(index, out)?;
        }
        Ok(())
    }

    /// Reads a share from the numbers of its words, that is their places in the list, each as 16
    /// bits big-endian. Who has nothing to do with people needs no list of words.
    ///
    /// # Errors
    /// Those of [`ShareError`]; [`ShareError::UnknownWord`] for a number beyond the list.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ShareError> {
        let (words, []) = bytes.as_chunks::<2>() else {
            return Err(ShareError::Length);
        };
        let mut buffer = Zeroizing::new([0; Self::WORDS_MAX]);
        let buffer = buffer.get_mut(..words.len()).ok_or(ShareError::Length)?;
        for ((place, word), number) in buffer.iter_mut().zip(words).zip(1..) {
            *place = u16::from_be_bytes(*word);
            if usize::from(*place) >= words::COUNT {
                return Err(ShareError::UnknownWord(number));
            }
        }
        Self::from_indices(buffer)
    }

    /// Writes the numbers of the words to the start of `out` and returns how many bytes they take:
    /// [`SEED_BYTES`](Self::SEED_BYTES) for a root seed. None if there is no room.
    #[must_use]
    pub fn write_bytes(&self, out: &mut [u8]) -> Option<usize> {
        let mut len = 0;
        for word in self.words() {
            let room = out.get_mut(len..)?.first_chunk_mut()?;
            *room = word.to_be_bytes();
            len += room.len();
        }
        Some(len)
    }

    /// 15 bits that all shares of a backup have in common: with other public fields they are its
    /// first two words.
    #[must_use]
    pub fn identifier(&self) -> u16 {
        self.envelope.identifier
    }

    /// `e`: combining the shares costs `10,000 · 2^e` iterations of PBKDF2-HMAC-SHA-256, up to
    /// 15. Shares made here have 0; a device may want to refuse hours of work.
    #[must_use]
    pub fn iteration_exponent(&self) -> u8 {
        self.envelope.iteration_exponent
    }

    /// How many shares of this one's group bring the secret back.
    #[must_use]
    pub fn member_threshold(&self) -> u8 {
        self.member_threshold
    }

    /// Which share of its group this is, from 0.
    #[must_use]
    pub fn member_index(&self) -> u8 {
        self.member_index
    }

    /// The share of these words, as places in the list.
    fn from_indices(words: &[u16]) -> Result<Self, ShareError> {
        let (header, rest) = words
            .split_first_chunk::<HEADER_WORDS>()
            .ok_or(ShareError::Length)?;
        let header = header
            .iter()
            .fold(0, |bits, word| bits << 10 | u64::from(*word));
        let value_words = rest.len().saturating_sub(rs1024::WORDS);
        let value_bits = 10 * value_words;
        let padding = value_bits % 16;
        let value = Secret::zeros(value_bits / 16 * 2).filter(|_| padding <= 8);
        let mut value = value.ok_or(ShareError::Length)?;

        let extendable = header >> 24 & 1 == 1;
        if !rs1024::is_codeword(extendable, words.iter().copied()) {
            return Err(ShareError::Checksum);
        }
        let mut bits = rest.iter().take(value_words).map(|word| u32::from(*word));
        let first = bits.next().unwrap_or_default();
        if first >> (10 - padding) != 0 {
            return Err(ShareError::Padding);
        }
        let bytes = regroup::<10, 8>(bits, first, 10 - padding);
        for (to, from) in value.bytes_mut().iter_mut().zip(bytes) {
            *to = (from & 0xff) as u8;
        }

        let nibble = |shift: u32| (header >> shift & 0xf) as u8;
        let share = Self {
            envelope: Envelope {
                identifier: (header >> 25 & 0x7fff) as u16,
                extendable,
                iteration_exponent: nibble(20),
            },
            group_index: nibble(16),
            group_threshold: nibble(12) + 1,
            group_count: nibble(8) + 1,
            member_index: nibble(4),
            member_threshold: nibble(0) + 1,
            value,
        };
        if share.group_threshold > share.group_count {
            return Err(ShareError::GroupThreshold);
        }
        Ok(share)
    }

    /// All words, as places in the list.
    fn words(&self) -> impl Iterator<Item = u16> {
        let checksum = rs1024::checksum(self.envelope.extendable, self.data());
        self.data().chain(checksum)
    }

    /// The words before the checksum, as places in the list.
    fn data(&self) -> impl Iterator<Item = u16> {
        let nibbles = [
            self.envelope.iteration_exponent,
            self.group_index,
            self.group_threshold.wrapping_sub(1),
            self.group_count.wrapping_sub(1),
            self.member_index,
            self.member_threshold.wrapping_sub(1),
        ];
        let start = u64::from(self.envelope.identifier) << 1 | u64::from(self.envelope.extendable);
        let header = nibbles
            .iter()
            .fold(start, |bits, nibble| bits << 4 | u64::from(nibble & 0xf));
        let header = [30, 20, 10, 0].map(|shift: u32| (header >> shift & 0x3ff) as u16);

        let bytes = self
            .value
            .expose_bytes()
            .iter()
            .map(|byte| u32::from(*byte));
        let padding = (10 - 8 * self.value.len() % 10) % 10;
        let value = regroup::<8, 10>(bytes, 0, padding);
        header
            .into_iter()
            .chain(value.map(|word| (word & 0x3ff) as u16))
    }
}

/// Cuts a stream of bits, most significant first, into groups of `TO` bits: first the `bits` low
/// bits of `held`, then the groups of `FROM` bits of `values`. An incomplete last group is dropped.
fn regroup<const FROM: usize, const TO: usize>(
    mut values: impl Iterator<Item = u32>,
    mut held: u32,
    mut bits: usize,
) -> impl Iterator<Item = u32> {
    iter::from_fn(move || {
        while bits < TO {
            held = held << FROM | values.next()?;
            bits += FROM;
        }
        bits -= TO;
        let group = held >> bits;
        held ^= group << bits;
        Some(group)
    })
}
