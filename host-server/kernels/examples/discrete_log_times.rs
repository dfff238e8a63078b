//! How long tables take to build and totals to decode on this machine.
//!
//! `cargo run --release -p host-kernels --example discrete_log_times [SUITE [TABLE_BITS]]`

use std::{
    env,
    hint::black_box,
    time::{Duration, Instant},
};

use core_nostd::{
    ciphersuite::{Ciphersuite, SuiteId, SuiteVisitor},
    group::Group,
};
use host_kernels::discrete_log::{DiscreteLogTable, TableBits, Window};

/// Amounts tried in each window, spread evenly from one end to the other.
const SAMPLES: i64 = 64;

fn main() {
    let mut arguments = env::args().skip(1);
    let suite = arguments
        .next()
        .map_or(Some(SuiteId::Ristretto255), |s| SuiteId::from_name(&s));
    let bits = arguments.next().map_or(Some(TableBits::DEFAULT), |bits| {
        bits.parse().ok().and_then(TableBits::new)
    });
    let (Some(suite), Some(bits)) = (suite, bits) else {
        eprintln!("usage: discrete_log_times [SUITE [TABLE_BITS]]");
        return;
    };
    suite.dispatch(Measure { bits });
}

struct Measure {
    bits: TableBits,
}

impl SuiteVisitor for Measure {
    type Output = ();

    fn visit<S: Ciphersuite>(self) {
        let start = Instant::now();
        let table = DiscreteLogTable::<S>::build(self.bits, |_, _| ());
        println!(
            "{}: 2^{} baby steps in {:?}",
            S::ID,
            self.bits.get(),
            start.elapsed()
        );
        for window_bits in [16, 32, 40] {
            let window = Window::new(window_bits).expect("below 48");
            let end = 1 << window_bits;
            let mut times: Vec<_> = (0..SAMPLES)
                .map(|i| 1 - end + (2 * end - 2) / (SAMPLES - 1) * i)
                .map(|m| time_to_solve(&table, m, window))
                .collect();
            times.sort();
            let mean = times.iter().sum::<Duration>() / u32::try_from(SAMPLES).expect("few");
            let outside = time_to_solve(&table, end, window);
            println!(
                "|m| < 2^{window_bits}: mean {mean:?}, median {:?}, largest {:?}, \
                 outside {outside:?}",
                times[times.len() / 2],
                times[times.len() - 1],
            );
        }
    }
}

fn time_to_solve<S: Ciphersuite>(table: &DiscreteLogTable<S>, m: i64, window: Window) -> Duration {
    let d = S::Group::mul_base_i64(m);
    let start = Instant::now();
    let found = table.solve(black_box(&d), window);
    let elapsed = start.elapsed();
    assert_eq!(found.ok(), window.contains(m).then_some(m));
    elapsed
}
