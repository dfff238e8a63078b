//! Strict decoding of postcard: one value, one encoding.
//!
//! Postcard itself reads a number with superfluous zeros behind it (`85 00` for 5). What could be
//! spelt in two ways could be made to look like two messages, so anything but the shortest form,
//! the one that is written here, is refused.

use postcard::{Deserializer, ser_flavors::Flavor};
use serde::{Deserialize, Serialize};

use super::Request;

/// The value that `bytes` encode, or nothing: nothing may follow it, and it must be encoded as
/// [`postcard::to_slice`] would.
#[must_use]
pub fn decode<'a, T: Deserialize<'a> + Serialize>(bytes: &'a [u8]) -> Option<T> {
    if measure::<T>(bytes)? != bytes.len() {
        return None;
    }
    read(bytes).ok()
}

/// Like [`decode`], but takes the value off the front and leaves what follows it. Where there is
/// none, `bytes` stays as it was.
#[must_use]
pub fn take<'a, T: Deserialize<'a> + Serialize>(bytes: &mut &'a [u8]) -> Option<T> {
    let (value, rest) = bytes.split_at_checked(measure::<T>(bytes)?)?;
    *bytes = rest;
    read(value).ok()
}

/// The request that `bytes` encode, as [`decode`] would give it. It is large: whoever has little
/// room should leave it where it is returned.
///
/// # Errors
/// Postcard's, of which none is better than another.
#[inline(never)]
pub fn request(bytes: &[u8]) -> postcard::Result<Request<'_>> {
    if measure::<Request<'_>>(bytes) != Some(bytes.len()) {
        return Err(postcard::Error::DeserializeBadEncoding);
    }
    read(bytes)
}

fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> postcard::Result<T> {
    T::deserialize(&mut Deserializer::from_bytes(bytes))
}

/// The length of the value at the front. A step of its own, because a value may be large, and on a
/// small stack it should not be there more often than it must.
#[inline(never)]
fn measure<'a, T: Deserialize<'a> + Serialize>(bytes: &'a [u8]) -> Option<usize> {
    let mut deserializer = Deserializer::from_bytes(bytes);
    let len = match &T::deserialize(&mut deserializer) {
        Ok(value) => postcard::serialize_with_flavor(value, Length(0)).ok()?,
        Err(_) => return None,
    };
    let rest = deserializer.finalize().ok()?;
    (bytes.len() == len.checked_add(rest.len())?).then_some(len)
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
