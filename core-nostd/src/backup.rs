//! Backup of a secret as words on paper: SLIP-39, Shamir's secret sharing for mnemonic codes.
//!
//! ```text
//! secret ── encrypted under a passphrase ── n points of a polynomial ── words with a checksum
//! ```
//!
//! Any `m` of the `n` shares bring the secret back, in any program that knows SLIP-39; fewer are of
//! no use. Shares are made in one group and without a passphrase: there is no check that tells a
//! wrong one, which would bring back another seed. Shares of others are read as they are, with
//! groups and passphrases.
//!
//! ```
//! # use core_nostd::{backup::{Quorum, Share}, keys::RootSeed};
//! # use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
//! # let mut rng = ChaCha20Rng::seed_from_u64(1);
//! let seed = RootSeed::random(&mut rng);
//! let mut sheets = [const { String::new() }; 3];
//! for (share, sheet) in seed.split(Quorum::new(2, 3)?, &mut rng).zip(&mut sheets) {
//!     share.write_words(sheet)?; // 33 words
//! }
//! let shares = [Share::from_words(&sheets[2])?, Share::from_words(&sheets[0])?];
//! let restored = RootSeed::from_shares(&shares)?;
//! assert_eq!(restored.expose_bytes(), seed.expose_bytes());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What is done to secret bytes takes the same time and touches the same memory whatever they are,
//! but for writing words, which have different lengths. Whoever sees the words has the share: where
//! they pass through a host, the host has it.

mod cipher;
mod error;
mod gf256;
mod rs1024;
mod secret;
mod shamir;
mod share;
mod words;

use rand_core::CryptoRng;

use crate::keys::RootSeed;
use cipher::Envelope;
use shamir::Points;

pub use error::{CombineError, QuorumError, ShareError};
pub use secret::Secret;
pub use share::Share;
pub use words::WORD_LIST;

/// The most shares of a group, and the most groups.
pub const SHARES_MAX: u8 = 16;

/// `m` of `n`: how many shares are made, and how many of them bring the secret back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quorum {
    threshold: u8,
    shares: u8,
}

impl Quorum {
    /// `threshold` of `shares`: 1 of 1, or `2 <= threshold <= shares <= 16`.
    ///
    /// # Errors
    /// Those of [`QuorumError`].
    pub const fn new(threshold: u8, shares: u8) -> Result<Self, QuorumError> {
        if shares == 0 || shares > SHARES_MAX {
            return Err(QuorumError::Shares);
        }
        if threshold == 0 || threshold > shares {
            return Err(QuorumError::Threshold);
        }
        if threshold == 1 && shares > 1 {
            return Err(QuorumError::OneOfMany);
        }
        Ok(Self { threshold, shares })
    }

    /// How many shares bring the secret back.
    #[must_use]
    pub const fn threshold(self) -> u8 {
        self.threshold
    }

    /// How many shares are made.
    #[must_use]
    pub const fn shares(self) -> u8 {
        self.shares
    }
}

/// Makes the shares of one backup, from the first to the last. Wiped when dropped.
#[must_use = "it makes a share only when asked for the next"]
pub struct Split {
    envelope: Envelope,
    quorum: Quorum,
    polynomial: Points,
    next: u8,
}

impl Iterator for Split {
    type Item = Share;

    fn next(&mut self) -> Option<Share> {
        if self.next == self.quorum.shares {
            return None;
        }
        let share = Share {
            envelope: self.envelope,
            group_index: 0,
            group_threshold: 1,
            group_count: 1,
            member_index: self.next,
            member_threshold: self.quorum.threshold,
            value: self.polynomial.at(self.next)?,
        };
        self.next += 1;
        Some(share)
    }
}

/// Shares a secret. Costs 10,000 iterations of PBKDF2-HMAC-SHA-256, 55 million instructions on
/// a Cortex-M4.
///
/// They are not "extendable" in the sense of SLIP-39, so that programs older than that flag read
/// them too.
pub fn split(secret: &Secret, quorum: Quorum, rng: &mut impl CryptoRng) -> Split {
    let envelope = Envelope {
        identifier: (rng.next_u32() & 0x7fff) as u16,
        extendable: false,
        iteration_exponent: 0,
    };
    let mut encrypted = secret.zeros_alike();
    encrypted.bytes_mut().copy_from_slice(secret.expose_bytes());
    envelope.encrypt(&mut encrypted, "");
    Split {
        envelope,
        quorum,
        polynomial: shamir::share(encrypted, quorum.threshold, rng),
        next: 0,
    }
}

/// The secret of these shares, in any order: exactly as many groups, and of each group exactly as
/// many members, as are needed. Costs `10,000 · 2^e` iterations, with the
/// [exponent](Share::iteration_exponent) of the shares.
///
/// The passphrase is `""` if none was used. A wrong one gives another secret without an error.
///
/// # Errors
/// Those of [`CombineError`].
pub fn combine(shares: &[Share], passphrase: &str) -> Result<Secret, CombineError> {
    let first = shares.first().ok_or(CombineError::NoShares)?;
    if !passphrase.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Err(CombineError::Passphrase);
    }
    shares
        .iter()
        .try_for_each(|share| check_alike(first, share))?;
    for (place, share) in shares.iter().enumerate() {
        let before = shares.iter().take(place);
        before
            .into_iter()
            .try_for_each(|other| check_pair(other, share))?;
    }

    let group = |index: u8| {
        shares
            .iter()
            .filter(move |share| share.group_index == index)
    };
    let given = count((0..SHARES_MAX).filter(|index| group(*index).next().is_some()));
    let needed = first.group_threshold;
    if given != needed {
        return Err(CombineError::GroupsGiven { needed, given });
    }
    let members = (0..SHARES_MAX).filter_map(|index| Some((index, group(index).next()?)));
    for (index, member) in members.clone() {
        let (needed, given) = (member.member_threshold, count(group(index)));
        if given != needed {
            return Err(CombineError::SharesGiven { needed, given });
        }
    }

    let mut groups = Points::new();
    for (index, member) in members {
        let points = group(index).map(|share| (share.member_index, &share.value));
        let value = shamir::recover(points, member.member_threshold);
        groups.push(index, value.ok_or(CombineError::Digest)?);
    }
    let secret = shamir::recover(groups.iter(), first.group_threshold);
    let mut secret = secret.ok_or(CombineError::Digest)?;
    first.envelope.decrypt(&mut secret, passphrase);
    Ok(secret)
}

impl RootSeed {
    /// Makes shares of this seed, of 33 words each; see [`split`].
    pub fn split(&self, quorum: Quorum, rng: &mut impl CryptoRng) -> Split {
        split(&Secret::of_seed(self.expose_bytes()), quorum, rng)
    }

    /// The seed of these shares, which were made without a passphrase; see [`combine`].
    ///
    /// # Errors
    /// Those of [`CombineError`], among them [`CombineError::NotASeed`].
    pub fn from_shares(shares: &[Share]) -> Result<Self, CombineError> {
        let secret = combine(shares, "")?;
        let bytes = secret.expose_bytes().try_into();
        bytes
            .map(Self::from_bytes)
            .map_err(|_| CombineError::NotASeed)
    }
}

/// What all shares of a secret have in common.
fn check_alike(a: &Share, b: &Share) -> Result<(), CombineError> {
    if a.envelope.identifier != b.envelope.identifier {
        return Err(CombineError::Identifier);
    }
    if a.envelope.extendable != b.envelope.extendable {
        return Err(CombineError::Extendable);
    }
    if a.envelope.iteration_exponent != b.envelope.iteration_exponent {
        return Err(CombineError::IterationExponent);
    }
    if a.group_threshold != b.group_threshold {
        return Err(CombineError::GroupThreshold);
    }
    if a.group_count != b.group_count {
        return Err(CombineError::GroupCount);
    }
    if a.value.len() != b.value.len() {
        return Err(CombineError::Length);
    }
    Ok(())
}

/// What two shares of a group have in common, and what they have not.
fn check_pair(a: &Share, b: &Share) -> Result<(), CombineError> {
    if a.group_index != b.group_index {
        return Ok(());
    }
    if a.member_threshold != b.member_threshold {
        return Err(CombineError::MemberThreshold);
    }
    if a.member_index == b.member_index {
        return Err(CombineError::DuplicateMember);
    }
    Ok(())
}

fn count(items: impl Iterator) -> u8 {
    u8::try_from(items.count()).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

    use super::*;

    fn shares(threshold: u8, shares: u8, seed: u64) -> Vec<Share> {
        let secret = Secret::of_seed(&[0x11; 32]);
        let quorum = Quorum::new(threshold, shares).expect("a quorum");
        split(&secret, quorum, &mut ChaCha20Rng::seed_from_u64(seed)).collect()
    }

    /// What comes out when all shares say that fewer are needed than are.
    fn combine_fewer(mut shares: Vec<Share>, threshold: u8) -> Result<Secret, CombineError> {
        shares.truncate(usize::from(threshold));
        shares
            .iter_mut()
            .for_each(|share| share.member_threshold = threshold);
        combine(&shares, "")
    }

    #[test]
    fn fewer_shares_that_claim_to_be_enough_have_a_wrong_digest() {
        for threshold in 3..=SHARES_MAX {
            for fewer in 2..threshold {
                let refused = combine_fewer(shares(threshold, SHARES_MAX, 1), fewer).err();
                assert_eq!(
                    refused,
                    Some(CombineError::Digest),
                    "{fewer} of {threshold}"
                );
            }
        }
    }

    #[test]
    fn one_share_that_claims_to_be_enough_is_another_secret() {
        for threshold in 2..=SHARES_MAX {
            let secret = combine_fewer(shares(threshold, SHARES_MAX, 2), 1).ok();
            let secret = secret.expect("a single share has no digest");
            assert_ne!(secret.expose_bytes(), [0x11; 32]);
        }
    }

    #[test]
    fn a_share_of_another_backup_with_the_same_identifier_has_a_wrong_digest() {
        let (mut a, mut b) = (shares(2, 3, 3), shares(2, 3, 4));
        assert!(combine(&a[..2], "").is_ok());
        b[1].envelope = a[0].envelope;
        a[1] = b.swap_remove(1);
        assert_eq!(combine(&a[..2], "").err(), Some(CombineError::Digest));
    }

    #[test]
    fn a_changed_bit_of_a_value_is_a_wrong_digest() {
        for bit in 0..256 {
            let mut shares = shares(2, 2, 5);
            shares[1].value.bytes_mut()[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                combine(&shares, "").err(),
                Some(CombineError::Digest),
                "{bit}"
            );
        }
    }
}
