//! Everything of a token but its line and its buffers. What it does is in the modules named after
//! it: [`crate::vault`], [`crate::audit`], [`crate::books`], [`crate::foreign_keys`],
//! [`crate::posting`], [`crate::release`], [`crate::enrolment`], [`crate::writers`],
//! [`crate::presence`].

use core_nostd::wire::{Info, Status, TokenError, VERSION_CURRENT, VERSION_MIN};
use zeroize::Zeroizing;

use crate::{
    audit::Head,
    enrolment::Enrolment,
    entropy::{OperationRng, Source},
    limits::{FRAME_LEN, Limits},
    platform::{Platform, Ports},
    serial::Line,
    storage::Storage,
    suites,
    vault::Vault,
};

/// The state of a token and its ports, without the line.
pub(crate) struct Engine<P: Platform> {
    pub(crate) storage: Storage<P>,
    pub(crate) vault: Vault,
    pub(crate) audit: Head,
    /// Number of books in the store.
    pub(crate) books: u8,
    /// Number of writers in the store, without this token.
    pub(crate) writers: u8,
    pub(crate) enrolment: Enrolment,
    pub(crate) entropy: Source<P::Entropy>,
    pub(crate) presence: P::Presence,
    pub(crate) clock: P::Clock,
    pub(crate) device_secret: Zeroizing<[u8; 32]>,
    pub(crate) ceremony: bool,
    /// What the last question has come to; see [`crate::presence`].
    pub(crate) consent: u32,
    /// What has been verified of the last claim; see [`crate::release`].
    pub(crate) verdict: u32,
    /// Whether the store has been read since power-on.
    started: bool,
}

impl<P: Platform> Engine<P> {
    /// An engine that has not looked at its store, and the line.
    pub(crate) fn new(ports: Ports<P>) -> (Self, Line<P::Serial>) {
        let engine = Self {
            storage: Storage::new(ports.flash),
            vault: Vault::new(),
            audit: Head::default(),
            books: 0,
            writers: 0,
            enrolment: Enrolment::new(),
            entropy: Source::new(ports.entropy),
            presence: ports.presence,
            clock: ports.clock,
            device_secret: ports.device_secret,
            ceremony: ports.ceremony,
            consent: 0,
            verdict: 0,
            started: false,
        };
        (engine, Line::new(ports.serial))
    }

    /// Reads the store, once; before that no command is executed.
    ///
    /// # Errors
    /// [`TokenError::StorageFailed`]; the next command tries again.
    #[inline(never)]
    pub(crate) fn start(&mut self, work: &mut [u8]) -> Result<(), TokenError> {
        if !self.started {
            self.complete_wipe(work)?;
            self.load_vault(work)?;
            self.load_audit(work)?;
            self.count_books(work)?;
            self.count_writers(work)?;
            self.started = true;
        }
        Ok(())
    }

    /// Forgets everything that was read from the store.
    pub(crate) fn stop(&mut self) {
        self.vault = Vault::new();
        self.audit = Head::default();
        (self.books, self.writers) = (0, 0);
        self.enrolment.end();
        self.started = false;
    }

    /// What this token says of itself.
    pub(crate) fn info(&self) -> Info {
        let identity = self.vault.identity();
        Info {
            version_min: VERSION_MIN,
            version_max: VERSION_CURRENT,
            firmware: FIRMWARE,
            state: self.vault.state(),
            ceremony: self.ceremony,
            true_random: P::TRUE_RANDOM,
            writer: identity.map(|identity| identity.writer),
            policy: identity.map(|identity| identity.policy),
            tries_left: self.vault.tries_left(),
            books: self.books,
            frame_len_max: u16::try_from(FRAME_LEN).unwrap_or(u16::MAX),
            batch_len_max: u8::try_from(Limits::<P>::BATCH_LEN).unwrap_or(u8::MAX),
            suites: suites::bits(),
        }
    }

    /// The rest of what it says.
    pub(crate) fn status(&self) -> Status {
        Status {
            role: self.vault.identity().map(|identity| identity.role),
            writers: self.writers,
            audit_len: self.audit.events,
            audit_read: self.audit.read,
            audit_room: self.audit.room(),
            random_ok: self.entropy.is_good(),
        }
    }

    /// A generator for one operation.
    ///
    /// # Errors
    /// [`TokenError::EntropyFailed`].
    pub(crate) fn rng(&mut self) -> Result<OperationRng, TokenError> {
        self.entropy.operation()
    }
}

const FIRMWARE: [u8; 3] = [
    number(env!("CARGO_PKG_VERSION_MAJOR")),
    number(env!("CARGO_PKG_VERSION_MINOR")),
    number(env!("CARGO_PKG_VERSION_PATCH")),
];

const fn number(digits: &str) -> u8 {
    match u8::from_str_radix(digits, 10) {
        Ok(number) => number,
        Err(_) => u8::MAX,
    }
}
