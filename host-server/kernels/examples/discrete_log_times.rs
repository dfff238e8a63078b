//! How long tables take to build and totals to decode on this machine.
//!
//! `cargo run --release -p host-kernels --example discrete_log_times [SUITE [TABLE_BITS]]`; with
//! `taskset -c 0` before the program, on one core. Each time is the shortest of some repetitions:
//! what else runs on the machine only adds to it.

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
const SAMPLES: i64 = 16;
/// How often each is tried.
const REPETITIONS: usize = 15;

fn main() {
    let mut arguments = env::args().skip(1);
    let suite = arguments
        .next()
        .map_or(Some(SuiteId::Ristretto255), |s| SuiteId::from_name(&s));
    let bits = arguments.next().map_or_else(
        || suite.map(TableBits::default_for),
        |bits| bits.parse().ok().and_then(TableBits::new),
    );
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
        let windows = match S::ID {
            SuiteId::Ristretto255 => [16, 32, 40],
            _ => [16, 24, 32],
        };
        for window_bits in windows {
            let window = Window::new(window_bits).expect("below 61");
            let (end, step) = (1 << window_bits, (2 << window_bits) / SAMPLES);
            let amounts = (0..SAMPLES).map(|i| step / 2 + step * i - end);
            let times = amounts.map(|m| time_to_solve(&table, m, window));
            let mean = times.sum::<Duration>() / u32::try_from(SAMPLES).expect("few");
            let [last, outside] = [end - 1, end].map(|m| time_to_solve(&table, m, window));
            println!(
                "|m| < 2^{window_bits}: mean {mean:.2?}, at the end {last:.2?}, outside \
                 {outside:.2?}"
            );
        }
    }
}

/// The shortest of [`REPETITIONS`] times.
fn time_to_solve<S: Ciphersuite>(table: &DiscreteLogTable<S>, m: i64, window: Window) -> Duration {
    let d = S::Group::mul_base_i64(m);
    let times = (0..REPETITIONS).map(|_| {
        let start = Instant::now();
        let found = table.solve(black_box(&d), window);
        let elapsed = start.elapsed();
        assert_eq!(found.ok(), window.contains(m).then_some(m));
        elapsed
    });
    times.min().expect("at least one repetition")
}
