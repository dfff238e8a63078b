//! The host as a platform of the token: the operating system's random numbers and clock, Argon2id.

use std::marker::PhantomData;
use std::ops::Range;
use std::thread;
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Params, Version};
use firmware_token::{Clock, DelayNs, Platform, Zeroizing};
use getrandom::SysRng;

use crate::flash::{self, FileFlash};
use crate::presence::Person;
use crate::serial::Serial;

/// The host, with PINs stretched at cost `C`.
pub struct HostPlatform<C>(PhantomData<C>);

/// What it costs to try a PIN.
///
/// The cost belongs to a state file: with another one, every PIN of that file is a wrong one.
pub trait PinCost: 'static {
    /// Memory that Argon2id fills, in KiB; at least 8.
    const MEMORY_KIB: u32;
    /// How often it fills it.
    const PASSES: u32;
}

/// For people: 19 MiB, twice; some 20 ms. (OWASP's first choice for servers.)
pub enum Interactive {}

impl PinCost for Interactive {
    const MEMORY_KIB: u32 = 19 * 1024;
    const PASSES: u32 = 2;
}

/// For tests that unlock a thousand times: the least Argon2id can do, hence no protection.
pub enum TestOnly {}

impl PinCost for TestOnly {
    const MEMORY_KIB: u32 = 8;
    const PASSES: u32 = 1;
}

impl<C: PinCost> Platform for HostPlatform<C> {
    type Serial = Serial;
    type Entropy = SysRng;
    type Flash = FileFlash;
    type Presence = Person;
    type Clock = HostClock;

    /// An emulator is no hardware token, however good the host's generator is.
    const TRUE_RANDOM: bool = false;
    const STORE: Range<u32> = flash::STORE;
    const PIN_COST: u32 = C::PASSES;

    /// Argon2id: a host has the memory.
    fn stretch_pin(pin: &[u8], salt: &[u8; 16], device_secret: &[u8; 32]) -> Zeroizing<[u8; 32]> {
        let mut key = Zeroizing::new([0; 32]);
        // Unwrap safety: the costs are constants in Argon2's range, and pin, salt, secret and key
        // are of lengths it takes; it fails for nothing else.
        let params = Params::new(C::MEMORY_KIB, Self::PIN_COST, 1, Some(key.len()));
        let params = params.expect("the cost of a PIN is in Argon2's range");
        Argon2::new_with_secret(device_secret, Algorithm::Argon2id, Version::V0x13, params)
            .and_then(|argon2| argon2.hash_password_into(pin, salt, &mut *key))
            .expect("Argon2 takes inputs of these lengths");
        key
    }
}

/// The time since the emulator was started.
pub struct HostClock {
    start: Instant,
    waits: bool,
    skipped_ms: u64,
}

impl HostClock {
    /// The clock on the wall.
    #[must_use]
    pub fn real() -> Self {
        Self {
            start: Instant::now(),
            waits: true,
            skipped_ms: 0,
        }
    }

    /// A clock that jumps over every delay instead of waiting, for tests.
    #[must_use]
    pub fn skipping() -> Self {
        Self {
            start: Instant::now(),
            waits: false,
            skipped_ms: 0,
        }
    }
}

impl Clock for HostClock {
    fn now_ms(&mut self) -> u64 {
        let elapsed = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        elapsed.saturating_add(self.skipped_ms)
    }
}

impl DelayNs for HostClock {
    fn delay_ns(&mut self, ns: u32) {
        self.delay_ms(ns.div_ceil(1_000_000));
    }

    fn delay_ms(&mut self, ms: u32) {
        if self.waits {
            thread::sleep(Duration::from_millis(u64::from(ms)));
        } else {
            self.skipped_ms = self.skipped_ms.saturating_add(u64::from(ms));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_input_and_the_cost_make_another_key() {
        let stretch = HostPlatform::<TestOnly>::stretch_pin;
        let key = stretch(b"1234", &[1; 16], &[2; 32]);
        assert_eq!(key, stretch(b"1234", &[1; 16], &[2; 32]));
        assert_ne!(key, stretch(b"1235", &[1; 16], &[2; 32]));
        assert_ne!(key, stretch(b"1234", &[3; 16], &[2; 32]));
        assert_ne!(key, stretch(b"1234", &[1; 16], &[4; 32]));
        assert_ne!(
            key,
            HostPlatform::<Interactive>::stretch_pin(b"1234", &[1; 16], &[2; 32])
        );
        assert_ne!(*stretch(b"", &[1; 16], &[2; 32]), [0; 32]);
    }

    #[test]
    fn a_skipping_clock_counts_the_delays_it_skips() {
        let mut clock = HostClock::skipping();
        let before = clock.now_ms();
        clock.delay_ms(u32::MAX);
        assert!(clock.now_ms() >= before + u64::from(u32::MAX));
    }
}
