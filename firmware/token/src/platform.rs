//! What a token needs from the thing it runs on: five ports and four facts.
//!
//! A board, the QEMU image and the host emulator each implement [`Platform`] once; everything
//! else in this crate is the same code on all of them.

use core::{fmt, ops::Range};

use core_nostd::{pbkdf2::pbkdf2, wire::Policy};
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
    /// `WRITE_SIZE` at most 4. A word may be written twice, the second time with zeros.
    type Flash: NorFlash;
    /// The button, and a display or LED where there is one.
    type Presence: Presence;
    /// Time since power-on.
    type Clock: Clock;

    /// Whether [`Self::Entropy`] is the board's own true random number generator.
    const TRUE_RANDOM: bool;
    /// The byte range of the flash that belongs to the store: whole erase pages, at least 128 KiB.
    const STORE: Range<u32>;

    /// How often [`Self::stretch_pin`] goes round: with PBKDF2 some 25,000 instructions each.
    ///
    /// It belongs to a flash: with another cost, every PIN of that flash is a wrong one. What any
    /// cost is worth stands at [`Self::stretch_pin`].
    const PIN_COST: u32;

    /// Stretches a PIN into the 32-byte key that seals the secrets of this token: PBKDF2
    /// ([`crate::pbkdf2`]) unless the platform has the memory for something better.
    /// `device_secret` is [`Ports::device_secret`]; `salt` is stored beside the sealed secrets.
    ///
    /// PBKDF2 protects a PIN from nobody who has copied the flash *and* the device secret: at a
    /// cost of 1000, which is 0.4 s on a microcontroller, a graphics card tries the million PINs
    /// of six digits in seconds. Without the device secret the copy can't be searched at all, and
    /// at the port there are eight tries. Those two protect it; the cost is for what they leave.
    #[must_use]
    fn stretch_pin(pin: &[u8], salt: &[u8; 16], device_secret: &[u8; 32]) -> Zeroizing<[u8; 32]> {
        pbkdf2(pin, &[salt, device_secret], Self::PIN_COST)
    }
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
    /// Erase every secret on this token. Asked first.
    Wipe,
    /// The same. Asked second: one press by mistake must not do it.
    WipeForGood,
    /// Change what this token may open.
    SetPolicy {
        /// What it may open from then on.
        policy: Policy,
    },
    /// Go on under a new writer identifier.
    NewWriter,
    /// Make shares of the root seed, which pass through the host.
    Backup {
        /// How many of them bring it back.
        threshold: u8,
        /// How many are made.
        shares: u8,
    },
    /// Become the treasury whose root seed the host has brought.
    Restore,
    /// Begin to enrol a writer.
    OfferEnrolment,
    /// Enrol the writer that shows the same code.
    Enrol {
        /// Below a million, to be shown with six digits.
        code: u32,
        /// What people call the writer.
        name: &'a str,
    },
    /// Become a writer of the treasury that shows the same code.
    Join {
        /// Below a million, to be shown with six digits.
        code: u32,
    },
    /// List a writer without an enrolment.
    AdmitWriter {
        /// The writer's identifier.
        writer: &'a [u8; 16],
        /// What people call it.
        name: &'a str,
    },
    /// Close the chains of a writer for ever.
    RevokeWriter {
        /// What people call it.
        name: &'a str,
    },
    /// Reveal the NID of an account.
    RevealNid {
        /// The book's name.
        book: &'a str,
        /// The account's handle.
        account: &'a [u8; 32],
    },
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
            Self::WipeForGood => f.write_str("WIPE this token FOR GOOD, once more to be sure"),
            Self::SetPolicy { policy } => {
                let Policy {
                    totals,
                    balances,
                    open_sums,
                } = *policy;
                let yes = |allowed| if allowed { "yes" } else { "no" };
                write!(f, "allow totals: {}, ", yes(totals))?;
                write!(
                    f,
                    "BALANCES: {}, open sums: {}",
                    yes(balances),
                    yes(open_sums)
                )
            }
            Self::NewWriter => f.write_str("retire this token's chains and begin new ones"),
            Self::Backup { threshold, shares } => {
                write!(
                    f,
                    "show the host {shares} SHARES OF THE SEED, any {threshold} enough"
                )
            }
            Self::Restore => f.write_str("restore the seed that the host has brought"),
            Self::OfferEnrolment => f.write_str("begin to enrol a writer"),
            Self::Enrol { code, name } => {
                write!(f, "enrol writer \"{name}\" if it shows {code:06}")
            }
            Self::Join { code } => write!(f, "join the treasury if it shows {code:06}"),
            Self::AdmitWriter { writer, name } => {
                let [a, b, c, d, ..] = writer;
                write!(f, "admit writer {a:02x}{b:02x}{c:02x}{d:02x} as \"{name}\"")
            }
            Self::RevokeWriter { name } => write!(f, "REVOKE writer \"{name}\""),
            Self::RevealNid { book, account } => {
                let [a, b, c, d, ..] = account;
                write!(f, "reveal ONE NAME of book \"{book}\", account ")?;
                write!(f, "{a:02x}{b:02x}{c:02x}{d:02x}")
            }
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
