//! A flash whose power can be made to fail in any operation, and what such an operation leaves.
//!
//! For tests and the emulator; an image for a board has nothing of it.
//!
//! A chip promises nothing about an operation that was cut short. In a torn write any of the bits
//! that were to be cleared may still be set. A torn erase leaves a page that is erased in one part,
//! old in another and undefined between the two, in any order, or undefined as a whole.

use embedded_storage::nor_flash::{ErrorType, NorFlash, ReadNorFlash};

use super::{NorError, NorModel};

/// A [`NorModel`] whose power can fail.
pub struct Failing<M, const PAGE: usize = 4096> {
    nor: NorModel<M, PAGE>,
    power: Power,
}

/// How much of the operation in which the power fails is still done.
///
/// The two with a number are drawn from it: the same number tears the same operation alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tear {
    /// Nothing: the power failed just before.
    Nothing,
    /// The first half of the bytes, so a word may be torn in two.
    Half,
    /// Everything, but the caller was not told: the power failed just after.
    Everything,
    /// Up to some word, which is torn: of a write any of its bits are done, of an erase it stands
    /// for a stretch of undefined words between an erased and an old one, in any order.
    Part(u32),
    /// Any bits of all of it.
    Bits(u32),
}

enum Power {
    On,
    FailsAfter(u32, Tear),
    Off,
}

impl<M: AsRef<[u8]> + AsMut<[u8]>, const PAGE: usize> Failing<M, PAGE> {
    /// A flash whose content is what `memory` holds now, with the power on.
    pub const fn new(memory: M) -> Self {
        Self {
            nor: NorModel::new(memory),
            power: Power::On,
        }
    }

    /// Lets the power fail in the write or erase that follows the next `operations` of them.
    ///
    /// From then on everything fails with [`NorError::PowerCut`], reads included, until
    /// [`Self::restore_power`].
    pub fn cut_power_after(&mut self, operations: u32, tear: Tear) {
        self.power = Power::FailsAfter(operations, tear);
    }

    /// Lets the power fail now.
    pub fn cut_power(&mut self) {
        self.power = Power::Off;
    }

    /// Switches the power on again; the content is what the cut left.
    pub fn restore_power(&mut self) {
        self.power = Power::On;
    }

    /// Whether the power has failed.
    pub fn is_off(&self) -> bool {
        matches!(self.power, Power::Off)
    }

    /// Every byte of the flash.
    pub fn bytes(&self) -> &[u8] {
        self.nor.bytes()
    }

    /// The memory itself.
    pub fn into_inner(self) -> M {
        self.nor.into_inner()
    }

    /// Counts one write or erase; how it is torn, if the power fails in it.
    fn spend(&mut self) -> Option<Tear> {
        match self.power {
            Power::FailsAfter(0, tear) => {
                self.power = Power::Off;
                return Some(tear);
            }
            Power::FailsAfter(left, tear) => self.power = Power::FailsAfter(left - 1, tear),
            Power::On | Power::Off => {}
        }
        None
    }

    fn must_be_on(&self) -> Result<(), NorError> {
        if self.is_off() {
            return Err(NorError::PowerCut);
        }
        Ok(())
    }
}

impl<M, const PAGE: usize> ErrorType for Failing<M, PAGE> {
    type Error = NorError;
}

impl<M: AsRef<[u8]> + AsMut<[u8]>, const PAGE: usize> ReadNorFlash for Failing<M, PAGE> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorError> {
        self.must_be_on()?;
        self.nor.read(offset, bytes)
    }

    fn capacity(&self) -> usize {
        self.nor.capacity()
    }
}

impl<M: AsRef<[u8]> + AsMut<[u8]>, const PAGE: usize> NorFlash for Failing<M, PAGE> {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = PAGE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorError> {
        self.must_be_on()?;
        self.nor.erasable(from, to)?;
        let tear = self.spend();
        let stored = self.nor.erasable(from, to)?;
        let Some(tear) = tear else {
            stored.fill(0xff);
            return Ok(());
        };
        tear.erase(stored);
        Err(NorError::PowerCut)
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorError> {
        self.must_be_on()?;
        self.nor.writable(offset, bytes)?;
        let Some(tear) = self.spend() else {
            return self.nor.write(offset, bytes);
        };
        tear.write(self.nor.writable(offset, bytes)?, bytes);
        Err(NorError::PowerCut)
    }
}

impl Tear {
    /// What becomes of `stored` when a write of `bytes` to it is torn.
    fn write(self, stored: &mut [u8], bytes: &[u8]) {
        let len = stored.len();
        let whole = match self {
            Self::Nothing | Self::Bits(_) => 0,
            Self::Half => len / 2,
            Self::Everything => len,
            Self::Part(seed) => Noise(seed).below(len / WORD) * WORD,
        };
        let torn = match self {
            Self::Part(_) => whole..whole + WORD,
            Self::Bits(_) => 0..len,
            _ => 0..0,
        };
        let mut noise = self.noise();
        for (at, (old, new)) in stored.iter_mut().zip(bytes).enumerate() {
            // A set bit of the mask is not written.
            let mask = match at {
                _ if at < whole => 0,
                _ if torn.contains(&at) => noise.byte(),
                _ => 0xff,
            };
            *old &= new | mask;
        }
    }

    /// What becomes of `stored` when its erase is torn.
    fn erase(self, stored: &mut [u8]) {
        let len = stored.len();
        let mut noise = self.noise();
        match self {
            Self::Nothing => {}
            Self::Half => stored.split_at_mut(len / 2).0.fill(0xff),
            Self::Everything => stored.fill(0xff),
            Self::Part(_) => {
                let (a, b) = (
                    noise.below(len / WORD) * WORD,
                    noise.below(len / WORD) * WORD,
                );
                let (before, behind) = match noise.below(4) {
                    0 => (Some(0xff), None),
                    1 => (None, Some(0xff)),
                    2 => (Some(0xff), Some(0xff)),
                    _ => (None, None),
                };
                for (at, byte) in stored.iter_mut().enumerate() {
                    *byte = match at {
                        _ if at < a.min(b) => before.unwrap_or(*byte),
                        _ if at < a.max(b) => noise.byte(),
                        _ => behind.unwrap_or(*byte),
                    };
                }
            }
            // Some bits are set already or, as a chip may clear them all before it sets them, even
            // cleared.
            Self::Bits(seed) if seed % 4 == 0 => {
                stored.iter_mut().for_each(|byte| *byte &= noise.byte());
            }
            Self::Bits(_) => stored.iter_mut().for_each(|byte| *byte |= noise.byte()),
        }
    }

    fn noise(self) -> Noise {
        match self {
            Self::Part(seed) | Self::Bits(seed) => Noise(seed ^ 0x5bd1_e995),
            _ => Noise(0),
        }
    }
}

/// Bytes in a word.
const WORD: usize = 4;

/// Numbers that look random, the same for the same seed. The low bits of a seed say how dense the
/// set bits of its bytes are.
struct Noise(u32);

impl Noise {
    /// splitmix32.
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9);
        let z = (self.0 ^ (self.0 >> 16)).wrapping_mul(0x85eb_ca6b);
        let z = (z ^ (z >> 13)).wrapping_mul(0xc2b2_ae35);
        z ^ (z >> 16)
    }

    fn byte(&mut self) -> u8 {
        let [a, b, c, how] = self.next().to_le_bytes();
        match how % 4 {
            0 => a & b & c,
            1 => a | b | c,
            2 if a < 128 => 0,
            2 => 0xff,
            _ => a,
        }
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() as usize).checked_rem(bound).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAPACITY: usize = 2 * 4096;

    type Flash = Failing<[u8; CAPACITY]>;

    fn cut(memory: [u8; CAPACITY], tear: Tear) -> Flash {
        let mut flash = Flash::new(memory);
        flash.cut_power_after(0, tear);
        flash
    }

    fn word(flash: &mut Flash, offset: u32) -> [u8; 4] {
        let mut bytes = [0; 4];
        flash
            .read(offset, &mut bytes)
            .expect("the test reads inside the flash");
        bytes
    }

    #[test]
    fn the_power_fails_in_the_operation_asked_for() {
        for (tear, kept) in [
            (Tear::Nothing, [0xff; 8]),
            (Tear::Half, [0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]),
            (Tear::Everything, [0; 8]),
        ] {
            let mut flash = Flash::new([0xff; CAPACITY]);
            flash.cut_power_after(1, tear);
            flash.write(0, &[0; 4]).unwrap();
            assert_eq!(flash.write(8, &[0; 8]), Err(NorError::PowerCut));
            assert!(flash.is_off());
            assert_eq!(flash.erase(0, 4096), Err(NorError::PowerCut));
            assert_eq!(flash.write(64, &[0; 4]), Err(NorError::PowerCut));
            assert_eq!(flash.read(0, &mut [0]), Err(NorError::PowerCut));
            flash.restore_power();
            assert_eq!(word(&mut flash, 0), [0; 4]);
            assert_eq!(word(&mut flash, 64), [0xff; 4]);
            assert_eq!(&flash.bytes()[8..16], kept);
        }
    }

    #[test]
    fn misuse_is_refused_before_the_power_fails() {
        let mut flash = cut([0; CAPACITY], Tear::Everything);
        assert_eq!(flash.write(2, &[0; 4]), Err(NorError::NotAligned));
        assert_eq!(flash.write(0, &[1; 4]), Err(NorError::NotErased));
        assert_eq!(flash.erase(0, 4095), Err(NorError::NotAligned));
        assert_eq!(flash.erase(4096, 3 * 4096), Err(NorError::OutOfBounds));
        assert!(!flash.is_off());
        assert_eq!(flash.into_inner(), [0; CAPACITY]);
    }

    #[test]
    fn a_torn_write_clears_some_of_its_bits_and_no_others() {
        let new: [u8; 64] = core::array::from_fn(|i| 0x35 ^ u8::try_from(i).unwrap());
        let mut torn_words = 0;
        for seed in 0..200 {
            for tear in [Tear::Part(seed), Tear::Bits(seed)] {
                let mut flash = cut([0xff; CAPACITY], tear);
                assert_eq!(flash.write(128, &new), Err(NorError::PowerCut));
                let bytes = *flash.bytes().split_at(128).1.first_chunk::<64>().unwrap();
                assert!(bytes.iter().zip(new).all(|(torn, new)| torn & new == new));
                let rest = |range: core::ops::Range<usize>| {
                    flash.bytes()[range].iter().all(|byte| *byte == 0xff)
                };
                assert!(rest(0..128) && rest(192..CAPACITY));
                // Of a part the words before are whole and those behind untouched.
                let mut words = bytes.chunks(4).zip(new.chunks(4));
                let Tear::Part(_) = tear else { continue };
                words.by_ref().take_while(|(torn, new)| torn == new).count();
                assert!(words.all(|(torn, _)| torn == [0xff; 4]));
                torn_words += bytes
                    .chunks(4)
                    .zip(new.chunks(4))
                    .filter(|(torn, new)| torn != new && *torn != [0xff; 4])
                    .count();
            }
        }
        assert!(torn_words > 100, "{torn_words}");
    }

    #[test]
    fn a_torn_erase_may_leave_anything_in_its_page_only() {
        let mut shapes = [false; 4];
        for seed in 0..200 {
            for tear in [Tear::Part(seed), Tear::Bits(seed)] {
                let mut flash = cut([0xa5; CAPACITY], tear);
                assert_eq!(flash.erase(4096, 8192), Err(NorError::PowerCut));
                assert!(flash.bytes()[..4096].iter().all(|byte| *byte == 0xa5));
                let ends = |at: usize| flash.bytes()[at] == 0xff;
                shapes[usize::from(ends(4096)) + 2 * usize::from(ends(8191))] = true;
                let again = cut([0xa5; CAPACITY], tear).erase(4096, 8192);
                assert_eq!(again, Err(NorError::PowerCut));
            }
        }
        assert_eq!(
            shapes, [true; 4],
            "old, erased, and half of each either way"
        );
        let mut flash = cut([0; CAPACITY], Tear::Half);
        assert_eq!(flash.erase(0, 4096), Err(NorError::PowerCut));
        assert!(flash.bytes()[..2048].iter().all(|byte| *byte == 0xff));
        assert!(flash.bytes()[2048..].iter().all(|byte| *byte == 0));
    }
}
