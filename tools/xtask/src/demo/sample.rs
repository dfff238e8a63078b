//! The sample that the demo imports: made up, but the same on every run.

/// How many customers the sample has.
pub const ACCOUNTS: u32 = 300;

const ROWS: usize = 500;

/// A list of postings in euros.
pub struct Sample {
    /// Customer and amount in cents.
    pub rows: Vec<(String, i64)>,
}

impl Sample {
    /// Deposits for every account, then both deposits and withdrawals of some.
    pub fn generate() -> Self {
        let mut random = SplitMix(20_260_101);
        let mut rows = Vec::with_capacity(ROWS);
        for account in 0..ACCOUNTS {
            rows.push((nid(account), random.between(1, 2_000_000)));
        }
        while rows.len() < ROWS {
            let account = random.below(ACCOUNTS);
            rows.push((nid(account), random.between(-150_000, 150_000)));
        }
        Self { rows }
    }

    /// The file that `tally import` reads.
    pub fn csv(&self) -> String {
        let mut csv = String::from("nid,amount\n");
        for (nid, cents) in &self.rows {
            csv.push_str(&format!("{nid},{}\n", decimal(*cents)));
        }
        csv
    }

    /// The sum in clear, in cents.
    pub fn sum(&self) -> i64 {
        self.rows.iter().map(|(_, cents)| cents).sum()
    }
}

/// A made-up national id.
fn nid(account: u32) -> String {
    format!("XY-{:07}", 1_000_003 + 7919 * account)
}

/// Minor units as a decimal number with two places.
pub fn decimal(cents: i64) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    let cents = cents.unsigned_abs();
    format!("{sign}{}.{:02}", cents / 100, cents % 100)
}

/// The inverse of [`decimal`]; None for any other text.
pub fn minor_units(text: &str) -> Option<i64> {
    let cents = text.replacen('.', "", 1).parse().ok()?;
    (decimal(cents) == text).then_some(cents)
}

/// `SplitMix64` (Steele, Lea and Flood, 2014): small, well mixed, not for secrets.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// A number in `0..bound`; the bias of the multiplication does not matter here.
    fn below(&mut self, bound: u32) -> u32 {
        let high_word = self.next() >> 32;
        let product = high_word * u64::from(bound);
        u32::try_from(product >> 32).expect("a product of 32-bit numbers has 64 bits")
    }

    /// A number in `from..=to`.
    fn between(&mut self, from: i32, to: i32) -> i64 {
        i64::from(from) + i64::from(self.below(to.abs_diff(from) + 1))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_sample_is_the_same_on_every_run() {
        let [first, second] = [Sample::generate(), Sample::generate()];
        assert_eq!(first.csv(), second.csv());
        assert_eq!(first.rows.len(), ROWS);
    }

    #[test]
    fn every_account_and_both_signs_appear() {
        let sample = Sample::generate();
        let accounts: BTreeSet<_> = sample.rows.iter().map(|(nid, _)| nid).collect();
        assert_eq!(accounts.len(), ACCOUNTS as usize);
        assert!(sample.rows.iter().any(|(_, cents)| *cents < 0));
        assert!(sample.rows.iter().any(|(_, cents)| *cents > 0));
    }

    #[test]
    fn the_file_adds_up_to_the_sum() {
        let sample = Sample::generate();
        let csv = sample.csv();
        let amounts = csv
            .lines()
            .skip(1)
            .map(|line| line.split_once(',').unwrap().1);
        assert_eq!(
            amounts.map(|text| minor_units(text).unwrap()).sum::<i64>(),
            sample.sum()
        );
    }

    #[test]
    fn decimals_survive_the_round_trip_and_nothing_else_passes() {
        for cents in [0, 1, -1, 99, -100, 123_456, i64::MAX, i64::MIN] {
            assert_eq!(minor_units(&decimal(cents)), Some(cents));
        }
        assert_eq!(decimal(-5), "-0.05");
        for text in [
            "", ".", "1", "1.5", "1.500", "+1.00", "1,00", "-0.00", "1.2.3", "01.00",
        ] {
            assert_eq!(minor_units(text), None, "{text}");
        }
    }
}
