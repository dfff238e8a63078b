//! Whether a history of concurrent requests could have happened one request after the other, each
//! at one moment between its begin and its end: whether it is linearizable.
//!
//! In general an order has to be searched for, which is NP-complete. A ledger is kinder: an entry
//! has a position, which is written once and never again. So every answer says by itself which
//! writes were before it and which after it, and nothing is left to guess:
//!
//! * each write is a [`Moment`], and so is each read; it lies within the interval of its request;
//! * position `n` of a chain is written before position `n + 1`;
//! * a read that found `n` entries is after the write of `n − 1` and before that of `n`.
//!
//! These are all the demands there are. The history is linearizable exactly if moments can be
//! chosen that meet them: they are met by giving each moment, in an order that respects "before",
//! the earliest time that its own begin and its predecessors allow, a hair after the last of these;
//! if that is too late for its end, or if there is a cycle, nothing meets them, since every one of
//! these times is forced. Work is linear in moments and demands.

use std::{
    collections::VecDeque,
    sync::atomic::{AtomicU64, Ordering},
};

/// A clock that all clients share: it only counts, and no two readings are the same.
#[derive(Debug, Default)]
pub struct Clock(AtomicU64);

impl Clock {
    /// The next reading.
    pub fn read(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst)
    }
}

/// From when to when, as a [`Clock`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// Read before the request was sent.
    pub begin: u64,
    /// Read after the answer had come.
    pub end: u64,
}

/// An interval that demands nothing.
pub const ANY_TIME: Interval = Interval {
    begin: 0,
    end: u64::MAX,
};

/// One thing that happened at one moment, by its number.
pub type Moment = usize;

/// Moments, and what is demanded of them.
#[derive(Debug, Default)]
pub struct History {
    names: Vec<String>,
    intervals: Vec<Interval>,
    /// Those that each moment is before.
    after: Vec<Vec<Moment>>,
}

impl History {
    /// Adds a moment within an interval.
    pub fn moment(&mut self, name: String, interval: Interval) -> Moment {
        self.names.push(name);
        self.intervals.push(interval);
        self.after.push(Vec::new());
        self.names.len() - 1
    }

    /// Demands that a moment lies within an interval, too.
    pub fn within(&mut self, moment: Moment, interval: Interval) {
        let own = &mut self.intervals[moment];
        own.begin = own.begin.max(interval.begin);
        own.end = own.end.min(interval.end);
    }

    /// Demands that `first` is before `second`.
    pub fn before(&mut self, first: Moment, second: Moment) {
        self.after[first].push(second);
    }

    /// How many moments there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Whether all demands can be met.
    ///
    /// # Errors
    /// In words: a moment that is forced to be later than its end, or a cycle.
    pub fn check(&self) -> Result<(), String> {
        let mut open = vec![0_usize; self.len()];
        for second in self.after.iter().flatten() {
            open[*second] += 1;
        }
        // (earliest time, the moment that forces it)
        let mut earliest: Vec<(u64, Moment)> = self
            .intervals
            .iter()
            .enumerate()
            .map(|(moment, interval)| (interval.begin, moment))
            .collect();
        let mut ready: VecDeque<Moment> = (0..self.len()).filter(|m| open[*m] == 0).collect();
        let mut seen = 0;
        while let Some(moment) = ready.pop_front() {
            seen += 1;
            let (time, forced_by) = earliest[moment];
            if time > self.intervals[moment].end {
                return Err(format!(
                    "{} was over before {} began, which has to be first",
                    self.describe(moment),
                    self.describe(forced_by)
                ));
            }
            for second in &self.after[moment] {
                earliest[*second] = earliest[*second].max((time, forced_by));
                open[*second] -= 1;
                if open[*second] == 0 {
                    ready.push_back(*second);
                }
            }
        }
        match open.iter().position(|open| *open > 0) {
            None => Ok(()),
            Some(moment) => Err(format!(
                "{} of {} moments can't be put in any order, one of them {}",
                self.len() - seen,
                self.len(),
                self.describe(moment)
            )),
        }
    }

    fn describe(&self, moment: Moment) -> String {
        let Interval { begin, end } = self.intervals[moment];
        format!("{} ({begin} to {end})", self.names[moment])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A chain of two writes, and then whatever is demanded.
    fn chain(first: Interval, second: Interval) -> (History, [Moment; 2]) {
        let mut history = History::default();
        let writes = [first, second].map(|interval| history.moment("write".to_owned(), interval));
        history.before(writes[0], writes[1]);
        (history, writes)
    }

    fn interval(begin: u64, end: u64) -> Interval {
        Interval { begin, end }
    }

    #[test]
    fn overlapping_requests_may_have_happened_in_the_order_that_answers_say() {
        let (mut history, writes) = chain(interval(3, 9), interval(1, 10));
        let read = history.moment("read".to_owned(), interval(2, 8));
        history.before(writes[0], read);
        history.before(read, writes[1]);
        assert_eq!(history.check(), Ok(()));
    }

    #[test]
    fn a_read_that_misses_an_acknowledged_write_is_noticed() {
        let (mut history, writes) = chain(interval(1, 2), interval(3, 4));
        let read = history.moment("read".to_owned(), interval(5, 6));
        history.before(writes[0], read);
        history.before(read, writes[1]);
        history.check().expect_err("the read began after the end");
    }

    #[test]
    fn a_read_of_what_nobody_had_sent_yet_is_noticed() {
        let (mut history, writes) = chain(interval(1, 2), interval(5, 6));
        let read = history.moment("read".to_owned(), interval(3, 4));
        history.before(writes[1], read);
        history.check().expect_err("it was sent after the answer");
    }

    #[test]
    fn a_write_without_an_answer_may_come_late_but_not_before_what_was_read_without_it() {
        let (mut history, writes) = chain(interval(1, u64::MAX), ANY_TIME);
        let read = history.moment("read".to_owned(), interval(5, 6));
        history.before(read, writes[0]);
        assert_eq!(history.check(), Ok(()));
        history.within(writes[1], interval(2, 3));
        history.check().expect_err("the second came first");
    }

    #[test]
    fn two_reads_that_saw_two_chains_in_opposite_orders_are_noticed() {
        let mut history = History::default();
        let [one, other] = ["one", "other"].map(|name| history.moment(name.to_owned(), ANY_TIME));
        for (seen, unseen) in [(one, other), (other, one)] {
            let read = history.moment("read".to_owned(), interval(1, 9));
            history.before(seen, read);
            history.before(read, unseen);
        }
        history.check().expect_err("a cycle");
    }
}
