//! The heavy arithmetic of a host: sums of many elements, and small discrete logarithms.
//!
//! Nothing here holds a key. What a [`DiscreteLogTable`](discrete_log::DiscreteLogTable) finds is
//! a total that a token has already agreed to open, so nothing here is constant time either.
//!
//! ```
//! use core_nostd::{ciphersuite::Ristretto255Sha512, group::{Group, ristretto255::Ristretto255}};
//! use host_kernels::discrete_log::{DiscreteLogTable, TableBits, Window};
//!
//! let bits = TableBits::new(10).expect("ten is in range");
//! let table = DiscreteLogTable::<Ristretto255Sha512>::build(bits, |_done, _total| ());
//! let opened = Ristretto255::mul_base_i64(-1250);
//! assert_eq!(table.solve(&opened, Window::new(32).expect("in range")), Ok(-1250));
//! ```
#![deny(unsafe_code)]

use std::{num::NonZero, thread};

pub mod discrete_log;
pub mod modular_log;
pub mod sum;

/// How many threads are worth starting for work that never waits.
fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}
