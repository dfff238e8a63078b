//! Counting: one operation on many samples, and a line of the report.

use core::{fmt, hint::black_box};

use core_nostd::ciphersuite::SuiteId;

use crate::{
    draw::Draw,
    machine::{self, Moment},
};

/// The report of one suite.
pub struct Report {
    suite: SuiteId,
    samples: usize,
    overhead: u64,
}

/// The least and the greatest count, and the sample that has it.
struct Extent {
    min: (u64, usize),
    max: (u64, usize),
}

impl Report {
    /// A report on `suite` that takes the extremes and then `random` samples of each operation.
    pub fn new(suite: SuiteId, random: usize) -> Self {
        let start = Moment::now();
        let overhead = Moment::now().since(start);
        Self {
            suite,
            samples: Draw::EXTREMES + random,
            overhead,
        }
    }

    /// Counts the instructions of `run` for each sample; `prepare`, which makes its input, is not
    /// counted.
    pub fn operation<I, O>(
        &self,
        name: &str,
        prepare: impl Fn(&mut Draw) -> I,
        run: impl Fn(I) -> O,
    ) {
        self.spans(name, |draw| {
            let input = prepare(draw);
            let start = Moment::now();
            let output = run(black_box(input));
            black_box(&output);
            Moment::now().since(start)
        });
    }

    /// Reports the counts that `span` returns.
    pub fn spans(&self, name: &str, span: impl Fn(&mut Draw) -> u64) {
        let mut extent: Option<Extent> = None;
        for number in 0..self.samples {
            let count = span(&mut Draw::new(number)) - self.overhead;
            let this = (count, number);
            let Extent { min, max } = extent.unwrap_or(Extent {
                min: this,
                max: this,
            });
            extent = Some(Extent {
                min: if count < min.0 { this } else { min },
                max: if count > max.0 { this } else { max },
            });
        }
        if let Some(extent) = extent {
            let Self { suite, samples, .. } = self;
            machine::line(format_args!("{suite} {name} samples={samples} {extent}"));
        }
    }
}

impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ((min, least), (max, greatest)) = (self.min, self.max);
        if min == max {
            write!(f, "instructions={min} constant")
        } else {
            write!(
                f,
                "instructions={min}..{max} VARIES at samples {least} and {greatest}"
            )
        }
    }
}
