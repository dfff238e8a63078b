//! Frames: where a message begins and ends on a byte stream, and whether it arrived whole.
//!
//! ```text
//! COBS( version u8 ‖ session [8] ‖ id u32 LE ‖ message … ‖ CRC-32/ISO-HDLC u32 LE ) ‖ 00
//! ```
//!
//! The checksum covers everything before it. Both directions are alike. Nothing here does I/O:
//! bytes are pushed in and come out of slices, so token and host share it.

use core::fmt;

use crc::{CRC_32_ISO_HDLC, Crc};

use super::TokenError;

/// Oldest protocol version of this crate.
pub const VERSION_MIN: u8 = 1;
/// Newest protocol version of this crate.
pub const VERSION_CURRENT: u8 = 1;

/// Chosen by the client for each session, so that bytes meant for another client are told apart.
pub type SessionNonce = [u8; 8];

const CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);
const HEADER_LEN: usize = 1 + 8 + 4;
const CRC_LEN: usize = 4;

/// What a frame says of its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// Protocol version.
    pub version: u8,
    /// The session.
    pub session: SessionNonce,
    /// Which request this is, or answers.
    pub id: u32,
}

/// Why bytes are not a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameError {
    /// COBS or checksum is wrong, or it is too short.
    Damaged,
    /// Longer than the buffer.
    TooLong,
    /// Of a version this side does not speak.
    Version,
}

impl From<FrameError> for TokenError {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::Damaged => Self::BadFrame,
            FrameError::TooLong => Self::FrameTooLong,
            FrameError::Version => Self::UnsupportedVersion {
                min: VERSION_MIN,
                max: VERSION_CURRENT,
            },
        }
    }
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Damaged => "the frame is damaged",
            Self::TooLong => "the frame is too long",
            Self::Version => "the frame is of another protocol version",
        })
    }
}

impl core::error::Error for FrameError {}

/// Longest message that fits a frame of `frame_len` bytes, delimiter included.
#[must_use]
pub const fn message_len_max(frame_len: usize) -> usize {
    // COBS adds one byte, and one more for each 254.
    let raw = frame_len.saturating_sub(2) - frame_len.saturating_sub(2) / 255;
    raw.saturating_sub(HEADER_LEN + CRC_LEN + 1)
}

/// Writes one frame, delimiter included, to the start of `out` and returns its length.
///
/// # Errors
/// [`FrameError::TooLong`] if `out` is too short.
pub fn encode(header: &FrameHeader, message: &[u8], out: &mut [u8]) -> Result<usize, FrameError> {
    encode_with(header, out, |body| body.push(message))
}

/// [`encode`] for a message that is made piece by piece, straight into the frame.
///
/// # Errors
/// [`FrameError::TooLong`] if `out` is too short, and what `message` returns.
pub fn encode_with(
    header: &FrameHeader,
    out: &mut [u8],
    message: impl FnOnce(&mut FrameBody<'_>) -> Result<(), FrameError>,
) -> Result<usize, FrameError> {
    let Some((delimiter_room, out)) = out.split_last_mut() else {
        return Err(FrameError::TooLong);
    };
    let room = out.len();
    let mut body = FrameBody {
        encoder: cobs::CobsEncoder::new(out),
        digest: CRC.digest(),
    };
    body.push(&[header.version])?;
    body.push(&header.session)?;
    body.push(&header.id.to_le_bytes())?;
    message(&mut body)?;
    let FrameBody {
        mut encoder,
        digest,
    } = body;
    encoder
        .push(&digest.finalize().to_le_bytes())
        .map_err(|_| FrameError::TooLong)?;
    let len = encoder.finalize();
    if len > room {
        return Err(FrameError::TooLong);
    }
    // The delimiter goes behind the last byte, which may have been the last there is room for.
    *out.get_mut(len).unwrap_or(delimiter_room) = 0;
    Ok(len + 1)
}

/// The message of a frame that is being written; see [`encode_with`].
pub struct FrameBody<'a> {
    encoder: cobs::CobsEncoder<'a>,
    digest: crc::Digest<'static, u32>,
}

impl FrameBody<'_> {
    /// Appends a piece of the message.
    ///
    /// # Errors
    /// [`FrameError::TooLong`] if the frame is full.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), FrameError> {
        self.digest.update(piece);
        self.encoder.push(piece).map_err(|_| FrameError::TooLong)
    }
}

/// Collects bytes until a frame is whole. `N` is the largest frame, delimiter included.
///
/// Whatever comes in, a fault costs at most one frame: reading goes on after the next delimiter.
pub struct FrameReader<const N: usize> {
    buffer: [u8; N],
    len: usize,
    overflow: bool,
    done: bool,
}

impl<const N: usize> Default for FrameReader<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> FrameReader<N> {
    /// An empty reader.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            buffer: [0; N],
            len: 0,
            overflow: false,
            done: false,
        }
    }

    /// Takes one byte. Returns true when it ends a frame, which [`Self::frame`] then gives out;
    /// empty frames (delimiters in a row) are passed over, so that a client can send some to
    /// resynchronise.
    pub fn push(&mut self, byte: u8) -> bool {
        if self.done {
            self.clear();
        }
        if byte == 0 {
            self.done = self.len > 0 || self.overflow;
            return self.done;
        }
        match self.buffer.get_mut(self.len).filter(|_| self.len + 1 < N) {
            Some(slot) => {
                *slot = byte;
                self.len += 1;
            }
            None => self.overflow = true,
        }
        false
    }

    /// Decodes the frame that [`Self::push`] has just ended, in place. Call it once for each frame.
    ///
    /// # Errors
    /// [`FrameError`].
    pub fn frame(&mut self) -> Result<(FrameHeader, &[u8]), FrameError> {
        if self.overflow {
            return Err(FrameError::TooLong);
        }
        let damaged = FrameError::Damaged;
        let encoded = self.buffer.get_mut(..self.len).ok_or(damaged)?;
        self.len = cobs::decode_in_place(encoded).map_err(|_| damaged)?;
        let raw = self.buffer.get(..self.len).ok_or(damaged)?;
        let (covered, crc) = raw.split_last_chunk::<CRC_LEN>().ok_or(damaged)?;
        if CRC.checksum(covered) != u32::from_le_bytes(*crc) {
            return Err(damaged);
        }
        let ([version], rest) = covered.split_first_chunk::<1>().ok_or(damaged)?;
        let (session, rest) = rest.split_first_chunk::<8>().ok_or(damaged)?;
        let (id, message) = rest.split_first_chunk::<4>().ok_or(damaged)?;
        let header = FrameHeader {
            version: *version,
            session: *session,
            id: u32::from_le_bytes(*id),
        };
        if !(VERSION_MIN..=VERSION_CURRENT).contains(version) {
            return Err(FrameError::Version);
        }
        Ok((header, message))
    }

    /// The message that [`Self::frame`] has given out, once more.
    #[must_use]
    pub fn message(&self) -> &[u8] {
        let end = self.len.saturating_sub(CRC_LEN);
        self.buffer.get(HEADER_LEN..end).unwrap_or_default()
    }

    /// Forgets what was collected and wipes it.
    pub fn clear(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.buffer[..]);
        self.len = 0;
        self.overflow = false;
        self.done = false;
    }

    /// The buffer, to build the answer in once the request is used up.
    pub fn scratch(&mut self) -> &mut [u8; N] {
        self.clear();
        &mut self.buffer
    }
}
