//! What one light can say: the question that is being asked, or a code to compare.
//!
//! A board without a display has an LED, and a person who presses the button should know for what.
//! Everything here is a function of the question and the time since it was asked.

use crate::platform::Prompt;

/// How an LED shows a question; it is repeated until the question has an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// Long flashes, then short ones, then a pause.
    Flashes {
        /// Flashes of [`LONG_MS`].
        long: u8,
        /// Flashes of [`SHORT_MS`].
        short: u8,
    },
    /// Quick flashes without a pause.
    Flicker,
    /// Six decimal digits, highest first: quick flashes to begin with, then for each digit as many
    /// short flashes as it counts, one long flash for a zero, and a pause.
    Code(u32),
}

/// Length of a short flash, in milliseconds.
pub const SHORT_MS: u64 = 120;

/// Length of a long flash, in milliseconds.
pub const LONG_MS: u64 = 700;

/// Darkness between two flashes, in milliseconds.
pub const GAP_MS: u64 = 180;

/// Darkness behind the last flash of a question or of a digit, on top of [`GAP_MS`].
pub const PAUSE_MS: u64 = 700;

/// How long the light flickers before the first digit of a code, in milliseconds.
const LEAD_MS: u64 = 800;

/// One flash and one gap of a flicker, in milliseconds.
const FLICKER_MS: u64 = 100;

const SHORT: u64 = SHORT_MS + GAP_MS;
const LONG: u64 = LONG_MS + GAP_MS;

/// Short flashes are for what the token does every day, one long flash first for what changes the
/// token itself, two for what changes who may write, three for its root seed; a code is a code.
impl From<&Prompt<'_>> for Pattern {
    fn from(prompt: &Prompt<'_>) -> Self {
        let flashes = |long, short| Self::Flashes { long, short };
        match prompt {
            Prompt::ReleaseTotal { .. } => flashes(0, 1),
            Prompt::ReleaseBalance { .. } => flashes(0, 2),
            Prompt::ReleaseOpen { .. } => flashes(0, 3),
            Prompt::ImportBook { .. } => flashes(0, 4),
            Prompt::RevealNid { .. } => flashes(0, 5),
            Prompt::Provision => flashes(1, 0),
            Prompt::Restore => flashes(1, 1),
            Prompt::SetPolicy { .. } => flashes(1, 2),
            Prompt::NewWriter => flashes(1, 3),
            Prompt::OfferEnrolment => flashes(2, 0),
            Prompt::AdmitWriter { .. } => flashes(2, 1),
            Prompt::RevokeWriter { .. } => flashes(2, 2),
            Prompt::Backup { .. } => flashes(3, 0),
            Prompt::Enrol { code, .. } | Prompt::Join { code } => Self::Code(*code),
            Prompt::Wipe => flashes(4, 0),
            Prompt::WipeForGood => Self::Flicker,
        }
    }
}

impl Pattern {
    /// Whether the light is on `ms` milliseconds after the question was asked.
    #[must_use]
    pub fn is_on(self, ms: u64) -> bool {
        match self {
            Self::Flicker => flicker(ms),
            Self::Flashes { long, short } => {
                let group = (u64::from(long), u64::from(short));
                in_group(group, ms % group_ms(group))
            }
            Self::Code(code) => in_code(digits(code).map(group_of_digit), ms),
        }
    }
}

/// The six decimal digits of a code below 1,000,000, highest first. Of a larger number the lowest
/// six.
#[must_use]
pub fn digits(code: u32) -> [u8; 6] {
    [100_000, 10_000, 1_000, 100, 10, 1].map(|unit| {
        let [digit, ..] = (code / unit % 10).to_le_bytes();
        digit
    })
}

/// Long and short flashes of a digit.
fn group_of_digit(digit: u8) -> (u64, u64) {
    if digit == 0 {
        (1, 0)
    } else {
        (0, u64::from(digit))
    }
}

fn group_ms((long, short): (u64, u64)) -> u64 {
    long * LONG + short * SHORT + PAUSE_MS
}

fn in_group((long, short): (u64, u64), ms: u64) -> bool {
    match ms.checked_sub(long * LONG) {
        None => ms % LONG < LONG_MS,
        Some(ms) => ms < short * SHORT && ms % SHORT < SHORT_MS,
    }
}

fn in_code(groups: [(u64, u64); 6], ms: u64) -> bool {
    let cycle = LEAD_MS + PAUSE_MS + groups.map(group_ms).iter().sum::<u64>();
    let ms = ms % cycle;
    let Some(mut ms) = ms.checked_sub(LEAD_MS + PAUSE_MS) else {
        return ms < LEAD_MS && flicker(ms);
    };
    for group in groups {
        match ms.checked_sub(group_ms(group)) {
            None => return in_group(group, ms),
            Some(rest) => ms = rest,
        }
    }
    false
}

fn flicker(ms: u64) -> bool {
    ms % FLICKER_MS < FLICKER_MS / 2
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::{string::String, vec::Vec};

    use core_nostd::wire::Policy;

    use super::*;
    use crate::presence::PROMPT_TIMEOUT_MS;

    /// What a person sees in `ms` milliseconds: `.` and `-` for flashes, a space for a pause.
    fn seen(pattern: Pattern, ms: u64) -> String {
        let mut text = String::new();
        let (mut on, mut since) = (false, 0);
        for now in 0..=ms {
            if pattern.is_on(now) == on && now < ms {
                continue;
            }
            let lasted = now - since;
            match (on, lasted) {
                (true, 0..=60) => text.push('*'),
                (true, 61..=300) => text.push('.'),
                (true, _) => text.push('-'),
                (false, 0..=300) => {}
                (false, _) => text.push(' '),
            }
            (on, since) = (!on, now);
        }
        text
    }

    const QUESTIONS: [Prompt<'_>; 16] = [
        Prompt::ReleaseTotal {
            book: "b",
            entries: 3,
        },
        Prompt::ReleaseBalance {
            book: "b",
            account: &[7; 32],
        },
        Prompt::ReleaseOpen {
            book: "b",
            entries: 3,
        },
        Prompt::ImportBook { book: "b" },
        Prompt::RevealNid {
            book: "b",
            account: &[7; 32],
        },
        Prompt::Provision,
        Prompt::Restore,
        Prompt::SetPolicy {
            policy: Policy {
                totals: true,
                balances: false,
                open_sums: false,
            },
        },
        Prompt::NewWriter,
        Prompt::OfferEnrolment,
        Prompt::AdmitWriter {
            writer: &[7; 16],
            name: "n",
        },
        Prompt::RevokeWriter { name: "n" },
        Prompt::Backup {
            threshold: 2,
            shares: 3,
        },
        Prompt::Join { code: 123_456 },
        Prompt::Wipe,
        Prompt::WipeForGood,
    ];

    #[test]
    fn no_two_questions_look_alike() {
        let seen: Vec<_> = QUESTIONS
            .iter()
            .map(|prompt| seen(Pattern::from(prompt), 6_000))
            .collect();
        for (index, one) in seen.iter().enumerate() {
            assert!(!seen[..index].contains(one), "{one} twice in {seen:?}");
        }
    }

    #[test]
    fn every_question_lights_up_at_once_and_goes_on() {
        for prompt in &QUESTIONS {
            let pattern = Pattern::from(prompt);
            assert!(pattern.is_on(0), "{prompt}");
            let lit = |from: u64| (from..from + 2_000).any(|ms| pattern.is_on(ms));
            assert!((0..PROMPT_TIMEOUT_MS).step_by(1_000).all(lit), "{prompt}");
        }
    }

    #[test]
    fn flashes_can_be_counted() {
        let pattern = Pattern::Flashes { long: 1, short: 2 };
        let cycle = group_ms((1, 2));
        assert_eq!(seen(pattern, cycle), "-.. ");
        assert_eq!(seen(pattern, 2 * cycle), "-.. -.. ");
    }

    #[test]
    fn a_code_is_read_digit_by_digit() {
        let cycle = |code| {
            LEAD_MS
                + PAUSE_MS
                + digits(code)
                    .map(group_of_digit)
                    .map(group_ms)
                    .iter()
                    .sum::<u64>()
        };
        assert_eq!(
            seen(Pattern::Code(40_312), cycle(40_312)),
            "******** - .... - ... . .. "
        );
        assert_eq!(seen(Pattern::Code(0), cycle(0)), "******** - - - - - - ");
    }

    #[test]
    fn digits_are_those_of_the_number_written_out() {
        for code in [0, 7, 10, 99_999, 100_000, 123_456, 999_999] {
            let written = std::format!("{code:06}");
            let shown: String = digits(code)
                .iter()
                .map(|digit| char::from(b'0' + digit))
                .collect();
            assert_eq!(shown, written);
        }
    }

    #[test]
    fn the_longest_code_is_shown_whole_before_the_question_times_out() {
        let longest = LEAD_MS + PAUSE_MS + 6 * group_ms(group_of_digit(9));
        assert!(longest < PROMPT_TIMEOUT_MS, "{longest} ms");
    }

    #[test]
    fn no_time_is_too_late() {
        for pattern in [
            Pattern::Flicker,
            Pattern::Flashes {
                long: u8::MAX,
                short: u8::MAX,
            },
            Pattern::Code(u32::MAX),
        ] {
            let _ = pattern.is_on(u64::MAX);
        }
    }
}
