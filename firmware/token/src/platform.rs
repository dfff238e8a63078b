//! What a token needs from the thing it runs on: five ports and four facts.
//!
//! A board, the QEMU image and the host emulator each implement [`Platform`] once; everything
//! else in this crate is the same code on all of them.

use core::{fmt, ops::Range};

use embedded_hal::delay::DelayNs;
use embedded_io::{Read, ReadReady, Write};
use embedded_storage::nor_flash::NorFlash;
use rand_core::TryCryptoRng;
use zeroize::Zeroizing;

/// The types of the five ports of a token, and what is fixed about the platform.
pub trait Platform {
    /// The byte stream to the host. `read` blocks until at least one byte is there; it returns
    /// `Ok(0)` or an error when the host is gone for good (a board's UART never does).
    type Serial: Read + ReadReady + Write;
    /// Random bytes, from a true random number generator where the board has one.
    type Entropy: TryCryptoRng;
    /// Flash that survives power cuts. Reads of any alignment, or `READ_SIZE` at most 4;
    /// `WRITE_SIZE` at most 4; `ERASE_SIZE` at most 4096.
    type Flash: NorFlash;
    /// The button, and a display or LED where there is one.
    type Presence: Presence;
    /// Time since power-on.
    type Clock: Clock;

    /// Whether [`Self::Entropy`] is the board's own true random number generator.
    const TRUE_RANDOM: bool;
    /// The byte range of the flash that belongs to the store: whole erase pages, at least 128 KiB.
    const STORE: Range<u32>;

    /// Stretches a PIN into the 32-byte key that seals the secrets of this token.
    ///
    /// The cost is the platform's: Argon2id on a host, PBKDF2 ([`crate::pbkdf2`]) where memory
    /// is short. `device_secret` is [`Ports::device_secret`]; `salt` is stored beside the sealed
    /// secrets.
    fn stretch_pin(pin: &[u8], salt: &[u8; 16], device_secret: &[u8; 32]) -> Zeroizing<[u8; 32]>;
}

/// The ports of one token, handed over at start.
pub struct Ports<P: Platform> {
    /// The byte stream to the host.
    pub serial: P::Serial,
    /// Random bytes.
    pub entropy: P::Entropy,
    /// Persistent storage.
    pub flash: P::Flash,
    /// Button and display.
    pub presence: P::Presence,
    /// Time since power-on.
    pub clock: P::Clock,
    /// A secret of this very device, from read-protected storage.
    pub device_secret: Zeroizing<[u8; 32]>,
    /// Ceremony mode: the button was held while power was applied.
    pub ceremony: bool,
}

/// A button and, where there is one, a display.
///
/// The host has no way to reach this port: what is shown here is what the token itself has
/// verified.
pub trait Presence {
    /// Shows a question and starts to listen for the answer to it; earlier presses do not count.
    fn ask(&mut self, prompt: &Prompt<'_>);
    /// The answer to the last [`Self::ask`]: `None` while there is none. Never blocks.
    fn poll(&mut self) -> Option<bool>;
    /// Ends the question (answered, cancelled or timed out).
    fn done(&mut self);
    /// Shows a verified result.
    fn show(&mut self, notice: &Notice<'_>);
}

/// A clock that only counts from power-on.
pub trait Clock: DelayNs {
    /// Milliseconds since power-on.
    fn now_ms(&mut self) -> u64;
}

/// What a press of the button would authorise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Prompt<'a> {
    /// Make a new root seed on this token.
    Provision,
    /// Open the total of a book.
    ReleaseTotal {
        /// The book's name.
        book: &'a str,
        /// Number of entries the total is the sum of.
        entries: u64,
    },
    /// Open the balance of one account.
    ReleaseBalance {
        /// The book's name.
        book: &'a str,
        /// The account's handle.
        account: &'a [u8; 32],
    },
    /// Open a sum of an open book, which the token can't verify.
    ReleaseOpen {
        /// The book's name.
        book: &'a str,
        /// Number of entries the host says it is the sum of.
        entries: u64,
    },
    /// Add an open book whose key was made elsewhere.
    ImportBook {
        /// The book's name.
        book: &'a str,
    },
    /// Erase every secret on this token.
    Wipe,
}

impl fmt::Display for Prompt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Provision => f.write_str("provision this token"),
            Self::ReleaseTotal { book, entries } => {
                write!(f, "open the total of book \"{book}\", {entries} entries")
            }
            Self::ReleaseBalance { book, account } => {
                let [a, b, c, d, ..] = account;
                write!(f, "open ONE BALANCE of book \"{book}\", account ")?;
                write!(f, "{a:02x}{b:02x}{c:02x}{d:02x}")
            }
            Self::ReleaseOpen { book, entries } => {
                write!(
                    f,
                    "open a sum of OPEN book \"{book}\", {entries} entries unverified"
                )
            }
            Self::ImportBook { book } => {
                write!(
                    f,
                    "import the key of OPEN book \"{book}\", which no backup will hold"
                )
            }
            Self::Wipe => f.write_str("WIPE this token"),
        }
    }
}

/// A result the token has verified itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice<'a> {
    /// The amount of the last release, checked against its ciphertext.
    Opened {
        /// The book's name.
        book: &'a str,
        /// ISO 4217 currency code.
        currency: &'a str,
        /// The amount in minor units.
        minor: i64,
        /// Number of decimals of the currency.
        scale: u8,
    },
}

impl fmt::Display for Notice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opened {
                book,
                currency,
                minor,
                scale,
            } => {
                let sign = if *minor < 0 { "-" } else { "" };
                let unit = 10_u64.saturating_pow(u32::from(*scale));
                let whole = minor.unsigned_abs() / unit;
                write!(f, "book \"{book}\": {currency} {sign}{whole}")?;
                if *scale > 0 {
                    let part = minor.unsigned_abs() % unit;
                    write!(f, ".{part:0width$}", width = usize::from(*scale))?;
                }
                Ok(())
            }
        }
    }
}
