//! The serial protocol between a token and its host, version 1.
//!
//! One request is in flight at a time. A message is a [postcard] encoding of [`Request`]
//! or [`Response`], carried in a [frame] with protocol version, session nonce, request
//! identifier and checksum. Enums only grow; the bytes of each version are frozen in tests.
//!
//! These types carry bytes; the types of the rest of this crate carry validity.

pub mod audit;
mod decode;
pub mod error;
pub mod frame;
pub mod request;
pub mod response;
mod verify;

pub use audit::AuditEvent;
pub use decode::{decode, request as decode_request, take};
pub use error::TokenError;
pub use frame::{FrameError, FrameHeader, SessionNonce, VERSION_CURRENT, VERSION_MIN};
pub use request::{Closing, Posting, Request, Rules};
pub use response::{
    BookInfo, Info, Policy, Response, Role, SignedEntry, Standing, State, StatementRecord, Status,
    WriterInfo, scope,
};

/// Most postings in one batch. A token announces its own, possibly smaller, number.
pub const BATCH_LEN_MAX: usize = 16;
/// Most writers of one book.
pub const WRITERS_MAX: usize = 16;
/// Longest name of a writer, in bytes.
pub const WRITER_NAME_LEN_MAX: usize = 32;
/// Largest [iteration exponent](crate::backup::Share::iteration_exponent) of shares that a token
/// restores from: 160,000 iterations, a quarter of a minute on a Cortex-M4 at 64 MHz. Each step
/// more takes twice as long. Shares made here have 0, those of others usually 1.
pub const ITERATION_EXPONENT_MAX: u8 = 4;
/// Most books on one token.
pub const BOOKS_MAX: usize = 64;
/// Largest frame of an image with the finite-field suites, in bytes, delimiter included.
pub const FRAME_LEN_MAX: usize = 4096;
/// Largest frame of an image with ristretto255 alone, in bytes, delimiter included.
pub const FRAME_LEN_SMALL: usize = 2048;

/// A list of at most [`WRITERS_MAX`] items, one for each writer.
pub type PerWriter<T> = heapless::Vec<T, WRITERS_MAX>;
