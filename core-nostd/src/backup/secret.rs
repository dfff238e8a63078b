//! What is shared: a string of 16 to 32 bytes, as it is, encrypted, or as a point of a polynomial.

use zeroize::{Zeroize, ZeroizeOnDrop};

/// A secret of 16 to 32 bytes, of even length, as SLIP-39 shares them ("master secret"). Wiped when
/// dropped.
///
/// SLIP-39 also knows longer ones; nothing here is longer than a root seed.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Secret {
    bytes: [u8; Self::BYTES_MAX],
    /// In one byte, so that there are none between the fields, which nobody would wipe.
    len: u8,
}

impl Secret {
    /// The shortest secret, in bytes.
    pub const BYTES_MIN: usize = 16;
    /// The longest secret, in bytes.
    pub const BYTES_MAX: usize = 32;

    /// The secret of these bytes, which are the caller's to wipe; none if they are too few, too
    /// many or of odd number.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut secret = Self::zeros(bytes.len())?;
        secret.bytes_mut().copy_from_slice(bytes);
        Some(secret)
    }

    /// The bytes.
    #[must_use]
    pub fn expose_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len()).unwrap_or_default()
    }

    /// The secret that a root seed is.
    pub(super) fn of_seed(bytes: &[u8; Self::BYTES_MAX]) -> Self {
        Self {
            bytes: *bytes,
            len: 32,
        }
    }

    /// A secret of that many zeros, to be filled.
    pub(super) fn zeros(len: usize) -> Option<Self> {
        let fits = (Self::BYTES_MIN..=Self::BYTES_MAX).contains(&len) && len.is_multiple_of(2);
        let len = u8::try_from(len).ok().filter(|_| fits)?;
        let bytes = [0; Self::BYTES_MAX];
        Some(Self { bytes, len })
    }

    /// No secret at all: what a place for one holds before.
    pub(super) fn empty() -> Self {
        Self {
            bytes: [0; Self::BYTES_MAX],
            len: 0,
        }
    }

    /// As many zeros as this secret has bytes.
    pub(super) fn zeros_alike(&self) -> Self {
        Self {
            bytes: [0; Self::BYTES_MAX],
            len: self.len,
        }
    }

    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        let len = self.len();
        self.bytes.get_mut(..len).unwrap_or_default()
    }

    /// The bytes as two halves of equal length.
    pub(super) fn halves_mut(&mut self) -> (&mut [u8], &mut [u8]) {
        let half = self.len() / 2;
        self.bytes_mut()
            .split_at_mut_checked(half)
            .unwrap_or_default()
    }

    /// How many bytes it has.
    pub(super) fn len(&self) -> usize {
        usize::from(self.len)
    }
}
