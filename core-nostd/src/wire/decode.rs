//! Strict decoding of postcard: one value, one encoding.
//!
//! Postcard itself reads a number with superfluous zeros behind it (`85 00` for 5). What could be
//! spelt in two ways could be made to look like two messages, so anything but the shortest form,
//! the one that is written here, is refused.

use postcard::ser_flavors::Flavor;
use serde::{Deserialize, Serialize};

/// The value that `bytes` encode, or nothing: nothing may follow it, and it must be encoded as
/// [`postcard::to_slice`] would.
#[must_use]
pub fn decode<'a, T: Deserialize<'a> + Serialize>(mut bytes: &'a [u8]) -> Option<T> {
    let value = take(&mut bytes)?;
    bytes.is_empty().then_some(value)
}

/// Like [`decode`], but takes the value off the front and leaves what follows it. Where there is
/// none, `bytes` stays as it was.
#[must_use]
pub fn take<'a, T: Deserialize<'a> + Serialize>(bytes: &mut &'a [u8]) -> Option<T> {
    let (value, rest) = postcard::take_from_bytes::<T>(bytes).ok()?;
    let len = postcard::serialize_with_flavor(&value, Length(0)).ok()?;
    if bytes.len() != len.checked_add(rest.len())? {
        return None;
    }
    *bytes = rest;
    Some(value)
}

/// Counts bytes. A number is the only thing postcard reads in more than one form, and every other
/// form is longer than the one it writes.
struct Length(usize);

impl Flavor for Length {
    type Output = usize;

    fn try_push(&mut self, _: u8) -> postcard::Result<()> {
        self.try_extend(&[0])
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(())
    }

    fn finalize(self) -> postcard::Result<usize> {
        Ok(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Request;

    #[test]
    fn a_number_has_one_spelling() {
        assert_eq!(decode(&[5]), Some(5_u64));
        assert_eq!(decode(&[0x80, 1]), Some(128_u64));
        for long in [&[0x85, 0][..], &[0x80, 0x81, 0], &[0x80, 0x80, 0]] {
            assert_eq!(decode::<u64>(long), None, "{long:x?}");
        }
    }

    #[test]
    fn the_number_of_a_command_has_one_spelling() {
        assert!(decode(&[3]) == Some(Request::Lock));
        assert!(decode::<Request<'_>>(&[0x83, 0]).is_none());
    }

    #[test]
    fn nothing_may_follow_a_value() {
        assert_eq!(decode::<u8>(&[5, 0]), None);
        assert_eq!(decode::<u8>(&[]), None);
    }

    #[test]
    fn values_are_taken_one_by_one() {
        let mut bytes: &[u8] = &[5, 0x80, 1, 0x85, 0];
        assert_eq!(take(&mut bytes), Some(5_u64));
        assert_eq!(take(&mut bytes), Some(128_u64));
        assert_eq!(take::<u64>(&mut bytes), None);
        assert_eq!(bytes, [0x85, 0], "what is refused stays");
    }
}
