//! The wait for a person: one press authorises one action. And the wait for time to pass.
//!
//! The answer is looked at twice, and the second time it is left in the engine for the action to
//! take: so a fault that makes the processor pass over one instruction is no consent.

use core::{hint::black_box, mem};

use core_nostd::wire::{Response, TokenError};
use embedded_hal::delay::DelayNs;

use crate::{
    engine::Engine,
    platform::{Clock, Platform, Presence, Prompt},
    serial::{Interrupted, Line},
};

/// How long a person has to answer, in milliseconds.
pub const PROMPT_TIMEOUT_MS: u64 = 30_000;

/// How often the host hears that presence is awaited, in milliseconds.
const WAITING_EVERY_MS: u64 = 1_000;

/// How often button and line are looked at, in milliseconds.
const POLL_EVERY_MS: u32 = 10;

/// A consent that nobody has taken yet.
const GIVEN: u32 = 0x59a3_c65e;

impl<P: Platform> Engine<P> {
    /// Asks the person and waits for the answer; a good answer returns.
    ///
    /// The frame buffer is used for what the host sends meanwhile.
    ///
    /// # Errors
    /// [`TokenError::AuditFull`], [`TokenError::Denied`], [`TokenError::PresenceTimeout`], and
    /// [`TokenError::Cancelled`], also when the host is gone.
    #[inline(never)]
    pub(crate) fn confirm(
        &mut self,
        line: &mut Line<P::Serial>,
        prompt: &Prompt<'_>,
    ) -> Result<(), TokenError> {
        self.consent = 0;
        // All that a person is asked for is an event, and only a wipe makes room for itself.
        if !matches!(prompt, Prompt::Wipe | Prompt::WipeForGood) {
            self.must_have_audit_room()?;
        }
        self.presence.ask(prompt);
        let answer = self.wait(line, PROMPT_TIMEOUT_MS, P::Presence::poll);
        if let Some(true) = self.presence.poll() {
            self.consent = black_box(GIVEN);
        }
        self.presence.done();
        match answer? {
            Some(true) => Ok(()),
            Some(false) => Err(TokenError::Denied),
            None => Err(TokenError::PresenceTimeout),
        }
    }

    /// Takes the consent that [`Self::confirm`] has left, once: what needs presence takes it before
    /// anything is done.
    ///
    /// # Errors
    /// [`TokenError::Denied`] if there is none.
    #[inline(never)]
    pub(crate) fn take_consent(&mut self) -> Result<(), TokenError> {
        if black_box(mem::take(&mut self.consent)) == GIVEN {
            Ok(())
        } else {
            Err(TokenError::Denied)
        }
    }

    /// Lets that time pass, like a wait for presence but for its end.
    ///
    /// # Errors
    /// [`TokenError::Cancelled`], also when the host is gone.
    #[inline(never)]
    pub(crate) fn wait_out(
        &mut self,
        line: &mut Line<P::Serial>,
        limit_ms: u64,
    ) -> Result<(), TokenError> {
        self.wait(line, limit_ms, |_| None).map(|_| ())
    }

    /// Waits for an answer, with `None` when the time is over. The host is told every second and
    /// may cancel.
    fn wait(
        &mut self,
        line: &mut Line<P::Serial>,
        limit_ms: u64,
        mut poll: impl FnMut(&mut P::Presence) -> Option<bool>,
    ) -> Result<Option<bool>, TokenError> {
        line.reader.clear();
        let start = self.clock.now_ms();
        let mut told = 0;
        loop {
            if let Some(answer) = poll(&mut self.presence) {
                return Ok(Some(answer));
            }
            let waited = self.clock.now_ms().saturating_sub(start);
            if waited >= limit_ms {
                return Ok(None);
            }
            line.glance().map_err(|Interrupted| TokenError::Cancelled)?;
            if waited / WAITING_EVERY_MS > told {
                told = waited / WAITING_EVERY_MS;
                let address = line.address.unwrap_or_else(|| line.session.nobody());
                line.tell(&address, &Response::Waiting)
                    .map_err(|_| TokenError::Cancelled)?;
            }
            self.clock.delay_ms(POLL_EVERY_MS);
        }
    }
}
