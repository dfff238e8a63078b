//! The checksum of a share: three words, a Reed-Solomon code over GF(1024) (SLIP-39, section
//! "Checksum").
//!
//! It finds any change of up to three words, unless the flag that chooses the customisation is
//! among it; of other changes it overlooks one in `2^30`.

use core::iter;

/// Words that the checksum takes.
pub(super) const WORDS: usize = 3;

/// The generator `(x − a)(x − a^2)(x − a^3)`, multiplied by each bit of the word that leaves the
/// register.
const GENERATOR: [u32; 10] = [
    0x00e0_e040,
    0x01c1_c080,
    0x0383_8100,
    0x0707_0200,
    0x0e0e_0009,
    0x1c0c_2412,
    0x3808_6c24,
    0x3090_fc48,
    0x21b1_f890,
    0x03f3_f120,
];

/// The words that make `data` a codeword.
pub(super) fn checksum(extendable: bool, data: impl Iterator<Item = u16>) -> [u16; WORDS] {
    let rest = remainder(extendable, data.chain([0; WORDS])) ^ 1;
    [rest >> 20, rest >> 10, rest].map(|word| (word & 0x3ff) as u16)
}

/// Whether `words`, whose last three are the checksum, are a codeword.
pub(super) fn is_codeword(extendable: bool, words: impl Iterator<Item = u16>) -> bool {
    remainder(extendable, words) == 1
}

/// `(x^k + customisation ‖ words) mod generator`, three words of ten bits. Its time depends on
/// the number of words alone.
fn remainder(extendable: bool, words: impl Iterator<Item = u16>) -> u32 {
    let customisation: &[u8] = if extendable {
        b"shamir_extendable"
    } else {
        b"shamir"
    };
    let customisation = customisation.iter().map(|byte| u16::from(*byte));
    customisation.chain(words).fold(1, |register, word| {
        let shifted = ((register & 0xf_ffff) << 10) ^ u32::from(word);
        let leaving = iter::successors(Some(register >> 20), |bits| Some(bits >> 1));
        leaving
            .zip(GENERATOR)
            .fold(shifted, |sum, (bits, multiple)| {
                sum ^ (multiple & (bits & 1).wrapping_neg())
            })
    })
}
