//! Random bytes from the chip's own generator, whose three health tests stay on (RP2350 datasheet:
//! TRNG).
//!
//! Driven here rather than by `embassy-rp` 0.10, whose driver waits for ever, or panics, when one
//! of these tests fails; by chance alone the second fails once in some hundred kilobytes.
//! Here a block that fails is thrown away, and a generator that keeps failing is an error.

use core::fmt;

use embassy_rp::{
    Peri,
    pac::{
        TRNG,
        trng::regs::{RngIcr, TrngDebugControl},
    },
    peripherals,
};
use firmware_token::{Clock as _, Zeroizing};
use rand_core::{TryCryptoRng, TryRng, utils};

use crate::clock::Clock;

/// Cycles between two samples of the ring oscillator. The datasheet has 20 to 25 for a block in
/// some 2 ms; more of them make each bit better.
const SAMPLE_CYCLES: u32 = 100;

/// Inverters in the ring: the datasheet has 0 or 1.
const RING: u8 = 1;

/// So many blocks in a row may fail their tests.
const ATTEMPTS: u32 = 16;

/// A block that takes longer has failed as well.
const BLOCK_MS_MAX: u64 = 200;

/// Bytes the generator makes at once.
const BLOCK_LEN: usize = 24;

/// The chip's generator.
pub struct Entropy {
    _trng: Peri<'static, peripherals::TRNG>,
    clock: Clock,
}

/// The generator fails its health tests. Likely cause: a damaged chip, or somebody at its supply.
#[derive(Clone, Copy, Debug)]
pub struct Unhealthy;

impl Entropy {
    /// Takes the generator, which `embassy_rp::init` has switched on.
    pub fn new(trng: Peri<'static, peripherals::TRNG>, clock: Clock) -> Self {
        Self { _trng: trng, clock }
    }

    /// A block that has passed the tests.
    fn block(&mut self) -> Result<[u8; BLOCK_LEN], Unhealthy> {
        for _ in 0..ATTEMPTS {
            Self::begin();
            if self.is_good() {
                return Ok(Self::take());
            }
        }
        Err(Unhealthy)
    }

    /// Starts a block, whatever has become of the last one.
    fn begin() {
        TRNG.trng_sw_reset()
            .write(|reset| reset.set_trng_sw_reset(true));
        // The reset takes a moment, for which reading it again is enough.
        let _ = TRNG.trng_sw_reset().read();
        TRNG.rng_icr().write_value(RngIcr(u32::MAX));
        TRNG.trng_config()
            .write(|config| config.set_rnd_src_sel(RING));
        TRNG.sample_cnt1().write_value(SAMPLE_CYCLES);
        // Nothing is bypassed: von Neumann balancer, repetition of 16 bits, autocorrelation.
        TRNG.trng_debug_control().write_value(TrngDebugControl(0));
        TRNG.rnd_source_enable()
            .write(|source| source.set_rnd_src_en(true));
    }

    /// Waits for the block. False if it is not to be used.
    fn is_good(&mut self) -> bool {
        let start = self.clock.now_ms();
        loop {
            let status = TRNG.rng_isr().read();
            if status.autocorr_err() || status.crngt_err() || status.vn_err() {
                return false;
            }
            if status.ehr_valid() {
                return true;
            }
            if self.clock.now_ms().saturating_sub(start) > BLOCK_MS_MAX {
                return false;
            }
        }
    }

    /// Reads the block and stops the ring. Reading the last word erases them all.
    fn take() -> [u8; BLOCK_LEN] {
        let words = [
            TRNG.ehr_data0(),
            TRNG.ehr_data1(),
            TRNG.ehr_data2(),
            TRNG.ehr_data3(),
            TRNG.ehr_data4(),
            TRNG.ehr_data5(),
        ];
        let mut block = [0; BLOCK_LEN];
        for (bytes, word) in block.chunks_exact_mut(4).zip(words) {
            bytes.copy_from_slice(&word.read().to_le_bytes());
        }
        TRNG.rnd_source_enable()
            .write(|source| source.set_rnd_src_en(false));
        block
    }
}

impl TryRng for Entropy {
    type Error = Unhealthy;

    fn try_next_u32(&mut self) -> Result<u32, Unhealthy> {
        utils::next_word_via_fill(self)
    }

    fn try_next_u64(&mut self) -> Result<u64, Unhealthy> {
        utils::next_word_via_fill(self)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Unhealthy> {
        for chunk in bytes.chunks_mut(BLOCK_LEN) {
            let block = Zeroizing::new(self.block()?);
            for (to, from) in chunk.iter_mut().zip(block.iter()) {
                *to = *from;
            }
        }
        Ok(())
    }
}

impl TryCryptoRng for Entropy {}

impl fmt::Display for Unhealthy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the random number generator fails its health tests")
    }
}

impl core::error::Error for Unhealthy {}
