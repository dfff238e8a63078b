//! Decrypting LightPHE's ciphertexts on this host with the old private key, and what its numbers
//! are as amounts.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use clap::ValueEnum;
use crypto_bigint::{BoxedUint, modular::BoxedMontyParams};
use crypto_primes::{Flavor, is_prime};
use host_kernels::{
    discrete_log::Window,
    modular_log::{ModularLog, ModularLogError},
};
use indicatif::{ProgressBar, ProgressStyle};
use zeroize::Zeroizing;

use super::{
    ciphertexts::{Complaints, Row},
    key::{KeyFile, residue},
};
use crate::{
    failure::{Failure, Result},
    out::hint,
};

/// Rows that a core decrypts at a time.
const PIECE_LEN: usize = 16;
/// How many rows of zero are named.
const SHOWN_MAX: usize = 20;

/// What a decrypted number below zero stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Negatives {
    /// What it says: the ciphertexts are sums, or products with negative numbers
    AsDecrypted,
    /// One less: each ciphertext is one encryption of a negative number, which LightPHE makes
    /// one larger
    MinusOne,
}

/// A private key with which ciphertexts can be decrypted.
pub struct Opener {
    params: BoxedMontyParams,
    /// `p − 1 − x`: `c1` to this power is the inverse of `c1^x`.
    exponent: Zeroizing<BoxedUint>,
    log: ModularLog,
    window: Window,
}

impl Opener {
    /// Prepares to find every number in the window.
    pub fn new(key: &KeyFile, window: Window) -> Result<Self> {
        let refused = |why: &str| Failure::usage(format!("the key can't decrypt: {why}"));
        let Some(x) = &key.x else {
            return Err(refused("its private half is not in the file"));
        };
        let modulus = key.odd_modulus().filter(|_| is_prime(Flavor::Any, &key.p));
        let modulus = modulus.ok_or_else(|| refused("p is no odd prime"))?;
        if key.is_consistent() != Some(true) {
            return Err(refused(
                "y is not g^x, so the two halves are not of one key",
            ));
        }
        let spinner = ProgressBar::new_spinner().with_message("preparing to decrypt");
        spinner.enable_steady_tick(std::time::Duration::from_millis(200));
        let log = ModularLog::new(&modulus, &key.g, window);
        spinner.finish_and_clear();
        let log = log.map_err(|error| {
            let advice = match error {
                ModularLogError::SmallOrder { .. } => ". --window BITS makes the range narrower",
                _ => "",
            };
            refused(&format!("{error}{advice}"))
        })?;
        let params = BoxedMontyParams::new_vartime(modulus);
        // The order of every residue divides p − 1.
        let group_order = key.p.wrapping_sub(BoxedUint::one());
        let x = Zeroizing::new(x.rem(group_order.as_nz_vartime().expect("p is above 2")));
        Ok(Self {
            exponent: Zeroizing::new(group_order.wrapping_sub(&*x)),
            params,
            log,
            window,
        })
    }

    /// Whether a part of a ciphertext is between 0 and `p`.
    pub fn is_residue(&self, part: &BoxedUint) -> bool {
        let is_zero = bool::from(part.is_zero());
        !is_zero && part.cmp_vartime(self.params.modulus().as_ref()).is_lt()
    }

    /// The numbers in these rows, as LightPHE would give them but signed; `None` where there is
    /// none in the window. On all cores.
    pub fn open(&self, rows: &[Row]) -> Vec<Option<i64>> {
        let bar = ProgressBar::new(rows.len() as u64);
        let style = "decrypting {bar:30} {pos}/{len} rows, {eta} left";
        bar.set_style(ProgressStyle::with_template(style).expect("the template is a constant"));
        let mut numbers = vec![None; rows.len()];
        let done = AtomicU64::new(0);
        let lanes = thread::available_parallelism().map_or(1, Into::into);
        let mut work: Vec<Vec<_>> = (0..lanes).map(|_| Vec::new()).collect();
        let pieces = rows.chunks(PIECE_LEN).zip(numbers.chunks_mut(PIECE_LEN));
        for (i, piece) in pieces.enumerate() {
            work[i % lanes].push(piece);
        }
        thread::scope(|scope| {
            for lane in work {
                let (bar, done) = (&bar, &done);
                scope.spawn(move || {
                    for (rows, numbers) in lane {
                        for (row, number) in rows.iter().zip(numbers) {
                            *number = self.open_one(row);
                            bar.set_position(done.fetch_add(1, Ordering::Relaxed) + 1);
                        }
                    }
                });
            }
        });
        bar.finish_and_clear();
        numbers
    }

    /// `m` from `c2·c1^(−x) = g^m`.
    fn open_one(&self, row: &Row) -> Option<i64> {
        let mask = residue(&row.c1, &self.params).pow(&self.exponent);
        let opened = residue(&row.c2, &self.params).mul(&mask);
        self.log.solve(&opened.retrieve()).ok()
    }

    /// The numbers as they were meant, if that is certain for each.
    pub fn settle(
        &self,
        numbers: Vec<Option<i64>>,
        negatives: Option<Negatives>,
    ) -> Result<Vec<i64>> {
        let mut complaints = Complaints::default();
        let mut zeros = Vec::new();
        let mut negative_found = false;
        let mut settled = Vec::with_capacity(numbers.len());
        for (row, number) in (0..).zip(numbers) {
            let Some(number) = number else {
                let bits = self.window.get();
                complaints.add(
                    row,
                    format_args!(
                        "it holds nothing between -2^{bits} and 2^{bits}: a fraction, part of a \
                         tensor, a larger number, or encrypted under another key"
                    ),
                );
                continue;
            };
            if number == 0 {
                zeros.push(row);
            }
            settled.push(match negatives {
                Some(Negatives::MinusOne) if number < 0 => number - 1,
                None if number < 0 => {
                    negative_found = true;
                    complaints.add(row, format_args!("it decrypts to {number}, below zero"));
                    continue;
                }
                _ => number,
            });
        }
        complaints.into_result(if negative_found { NEGATIVES } else { "" })?;
        warn_of(&zeros);
        Ok(settled)
    }
}

/// What to do about negative numbers.
const NEGATIVES: &str = "LightPHE makes an encrypted −n into −n + 1, so a number below zero is one \
    too large if the row is one encryption of it, and right if it came from a product. Say which \
    with --negatives minus-one or --negatives as-decrypted; in a sum of several nobody can tell, \
    so bring the single ciphertexts if you have them";

/// −1 is encrypted as 0 is.
fn warn_of(zeros: &[u64]) {
    if zeros.is_empty() {
        return;
    }
    let shown: Vec<_> = zeros.iter().take(SHOWN_MAX).map(u64::to_string).collect();
    let more = if zeros.len() > SHOWN_MAX { ", …" } else { "" };
    hint(&format!(
        "warning: what decrypts to 0 is taken for 0, but LightPHE encrypts −1 as 0 too: rows \
         {}{more}",
        shown.join(", ")
    ));
}

#[cfg(test)]
mod tests;
