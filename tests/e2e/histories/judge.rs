//! What each answer demands of the order of the requests, and whether its sums are right.
//!
//! The log as it is at the end tells which entry stands where; answers are compared with it, and
//! may differ from it only by being older.

use std::{collections::BTreeMap, fmt};

use core_nostd::ids::WriterId;
use e2e_tests::{
    elements::element,
    history::{ANY_TIME, History, Interval, Moment},
};
use host_api::{self as api, EntryOutcome, Outcome};

use super::{
    COLUMNS, Ledger, WRITERS, client,
    client::{Numbers, Record, Told, What},
};

type Result<T = ()> = std::result::Result<T, String>;

/// The chain of every open book until writers have credentials.
const OPEN_WRITER: WriterId = WriterId([0; WriterId::LEN]);

/// How much was judged.
#[derive(Default)]
pub struct Counts {
    moments: usize,
    entries: usize,
    /// Entries by what became of them: stored, already, conflict, gap.
    outcomes: [usize; 4],
    sums: usize,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [stored, already, conflict, gap] = self.outcomes;
        write!(
            f,
            "{} moments in order, {} sums right; {} entries are there: {stored} stored, {already} \
             there already, {conflict} in conflict, {gap} after a gap",
            self.moments, self.sums, self.entries
        )
    }
}

/// Judges what clients were answered.
///
/// # Errors
/// In words, what can't have been.
pub fn judge(ledger: &Ledger, Told { numbers, records }: &Told) -> Result<Counts> {
    let mut judge = Judge::new(ledger, numbers, records);
    for record in records {
        judge.record(record)?;
    }
    judge.all_claimed()?;
    judge.history.check()?;
    judge.counts.moments = judge.history.len();
    if judge.counts.outcomes.contains(&0) || judge.counts.sums == 0 {
        return Err(format!("not every case was met: {}", judge.counts));
    }
    Ok(judge.counts)
}

/// One position of a chain.
struct Place {
    entry: api::StoredEntry,
    number: i64,
    /// When it was written.
    moment: Moment,
    /// Whether somebody was answered that it was stored.
    claimed: bool,
}

struct Judge {
    history: History,
    chains: BTreeMap<WriterId, Vec<Place>>,
    /// When each position became a cut.
    cuts: BTreeMap<(WriterId, u64), Moment>,
    counts: Counts,
}

impl Judge {
    /// Reads the whole log, and makes a moment of each write.
    fn new(ledger: &Ledger, numbers: &Numbers, records: &[Record]) -> Self {
        let mut history = History::default();
        let mut chains: BTreeMap<WriterId, Vec<Place>> = BTreeMap::new();
        let mut entries = 0;
        for book in [ledger.book, ledger.open] {
            let path = format!("/v1/books/{book}/entries");
            for line in ledger.servers[0].text(&path).expect("the log").lines() {
                let entry: api::StoredEntry = serde_json::from_str(line).expect("an entry");
                let chain = chains.entry(id(&entry.writer)).or_default();
                let name = format!("position {} of {}", entry.seq, entry.writer);
                assert_eq!(entry.seq, chain.len() as u64, "{name}");
                let moment = history.moment(name, ANY_TIME);
                if let Some(last) = chain.last() {
                    history.before(last.moment, moment);
                }
                let number = numbers[&entry.c1.0];
                chain.push(Place {
                    entry,
                    number,
                    moment,
                    claimed: false,
                });
                entries += 1;
            }
        }
        let cuts = cuts(records, &mut history);
        let counts = Counts {
            entries,
            ..Counts::default()
        };
        Self {
            history,
            chains,
            cuts,
            counts,
        }
    }

    fn record(&mut self, Record { interval, what }: &Record) -> Result {
        let interval = *interval;
        match what {
            What::Append(entries, outcomes) => {
                check(entries.len() == outcomes.len(), || "outcomes".to_owned())?;
                for (entry, outcome) in entries.iter().zip(outcomes) {
                    let told = (&*outcome.writer, outcome.seq);
                    check((&*entry.writer, entry.seq) == told, || format!("{told:?}"))?;
                    self.outcome(interval, outcome, &entry.c1)?;
                }
                self.gap(interval, outcomes);
                Ok(())
            }
            What::AppendOpen(entries, outcomes) => entries
                .iter()
                .zip(outcomes)
                .try_for_each(|(entry, outcome)| self.outcome(interval, outcome, &entry.c1)),
            What::NextPlace(writer, of, place) => {
                let account = client::account(*of).to_string();
                self.found(interval, &[(*writer, place.next_seq)])?;
                let before = &self.chain(*writer)[..index(place.next_seq)];
                let last = before.iter().rfind(|at| at.is_of(&account));
                let last = last.map(|at| at.entry.seq);
                check(place.prev == last, || format!("{place:?} after {last:?}"))
            }
            What::Heads(heads) => {
                let end = |writer: u8| {
                    let writer = client::writer(writer);
                    let of = heads.iter().find(|head| id(&head.writer) == writer);
                    (writer, of.map_or(0, |head| head.next_seq))
                };
                self.found(interval, &(0..WRITERS).map(end).collect::<Vec<_>>())
            }
            What::Entries(writer, from, limit, found) => {
                self.piece(interval, *writer, *from, *limit, found)
            }
            What::Balance(of, balance) => self.balance(interval, *of, balance.as_ref()),
            What::Cut(..) => Ok(()),
            What::Total(total) => self.total(interval, total.as_ref()),
            What::OpenTotal(total) => self.open_total(interval, total.as_ref()),
        }
    }

    /// What became of one entry.
    fn outcome(&mut self, interval: Interval, told: &EntryOutcome, c1: &api::Base64) -> Result {
        let which = match told.outcome {
            Outcome::Stored => 0,
            Outcome::Already => 1,
            Outcome::Conflict => 2,
            Outcome::Gap => 3,
        };
        self.counts.outcomes[which] += 1;
        if told.outcome == Outcome::Gap {
            return Ok(());
        }
        let chain = self.chains.get_mut(&id(&told.writer));
        let place = chain.and_then(|chain| chain.get_mut(index(told.seq)));
        let Some(place) = place else {
            return Err(format!("{told:?}, but it is not there"));
        };
        let is_there = place.entry.c1 == *c1;
        check(is_there == (told.outcome != Outcome::Conflict), || {
            format!("{told:?}, but another one is there")
        })?;
        let moment = place.moment;
        if told.outcome == Outcome::Stored {
            check(!std::mem::replace(&mut place.claimed, true), || {
                format!("{told:?} was told twice")
            })?;
            self.history.within(moment, interval);
        } else {
            let read = self.read(interval, "an append");
            self.history.before(moment, read);
        }
        Ok(())
    }

    /// A gap at once says that the chain had not come so far.
    fn gap(&mut self, interval: Interval, outcomes: &[EntryOutcome]) {
        if let Some(first) = outcomes.first().filter(|o| o.outcome == Outcome::Gap) {
            let chain = self.chains.get(&id(&first.writer)).map_or(&[][..], |c| c);
            if let Some(missing) = chain.get(index(first.seq) - 1).map(|place| place.moment) {
                let read = self.read(interval, "a gap");
                self.history.before(read, missing);
            }
        }
    }

    /// All these chains had, at one moment, so many entries each.
    fn found(&mut self, interval: Interval, ends: &[(WriterId, u64)]) -> Result {
        let read = self.read(interval, "ends of chains");
        for (writer, end) in ends {
            let chain = self.chains.get(writer).map_or(&[][..], |chain| chain);
            check(index(*end) <= chain.len(), || {
                format!("{writer} never had {end}")
            })?;
            if let Some(last) = end.checked_sub(1) {
                self.history.before(chain[index(last)].moment, read);
            }
            if let Some(next) = chain.get(index(*end)) {
                self.history.before(read, next.moment);
            }
        }
        Ok(())
    }

    fn piece(
        &mut self,
        interval: Interval,
        writer: WriterId,
        from: u64,
        limit: usize,
        found: &[api::StoredEntry],
    ) -> Result {
        let chain = self.chain(writer);
        let start = index(from).min(chain.len());
        let same = |(at, found): (&Place, &api::StoredEntry)| at.entry == *found;
        let all = found.len() <= chain.len() - start
            && chain[start..].iter().zip(found).all(same)
            && found.len() <= limit;
        check(all, || format!("{found:?} are no piece of {writer}"))?;
        let end = start + found.len();
        let last = found.last().map(|_| chain[end - 1].moment);
        let next = chain.get(end).map(|next| next.moment);
        let read = self.read(interval, "a piece of a chain");
        if let Some(last) = last {
            self.history.before(last, read);
        }
        if let Some(next) = next.filter(|_| found.len() < limit) {
            self.history.before(read, next);
        }
        Ok(())
    }

    fn balance(&mut self, interval: Interval, of: u8, balance: Option<&api::Balance>) -> Result {
        let account = client::account(of).to_string();
        let last: BTreeMap<WriterId, u64> = balance
            .iter()
            .flat_map(|balance| &balance.last)
            .map(|last| (id(&last.writer), last.seq.expect("a position")))
            .collect();
        let read = self.read(interval, "a balance");
        let mut numbers = Vec::new();
        for (writer, chain) in &self.chains {
            for place in chain.iter().filter(|place| place.is_of(&account)) {
                if last
                    .get(writer)
                    .is_some_and(|last| place.entry.seq <= *last)
                {
                    self.history.before(place.moment, read);
                    numbers.push(place.number);
                } else {
                    self.history.before(read, place.moment);
                }
            }
        }
        for (writer, seq) in &last {
            let place = self.chains.get(writer).and_then(|c| c.get(index(*seq)));
            check(place.is_some_and(|place| place.is_of(&account)), || {
                format!("position {seq} of {writer} is not of {account}")
            })?;
        }
        let Some(balance) = balance else {
            return Ok(());
        };
        let parts = [&balance.c1, &balance.c2, &balance.account_tag];
        self.sum(
            &numbers,
            balance.count,
            &[(0, parts[0]), (1, parts[1]), (3, parts[2])],
        )
    }

    /// A total is of the last cut of each chain, chain by chain: what it promises are its ranges.
    fn total(&mut self, interval: Interval, total: Option<&api::Total>) -> Result {
        let ends = ends(total);
        for (writer, end) in ends.iter().filter(|(_, end)| **end > 0) {
            check(self.cuts.contains_key(&(*writer, *end)), || {
                format!("{end} is no cut of {writer}")
            })?;
        }
        for writer in (0..WRITERS).map(client::writer) {
            let end = ends.get(&writer).copied().unwrap_or(0);
            let read = self.read(interval, "a total");
            for ((_, position), cut) in self.cuts.range((writer, 0)..=(writer, u64::MAX)) {
                if *position == end {
                    self.history.before(*cut, read);
                } else if *position > end {
                    self.history.before(read, *cut);
                }
            }
        }
        self.whole(total, &ends, true)
    }

    /// A total of the open book is of all that was there at one moment.
    fn open_total(&mut self, interval: Interval, total: Option<&api::Total>) -> Result {
        let ends = ends(total);
        let end = ends.get(&OPEN_WRITER).copied().unwrap_or(0);
        self.found(interval, &[(OPEN_WRITER, end)])?;
        self.whole(total, &ends, false)
    }

    /// The sum of everything before these ends.
    fn whole(
        &mut self,
        total: Option<&api::Total>,
        ends: &BTreeMap<WriterId, u64>,
        tagged: bool,
    ) -> Result {
        let Some(total) = total else { return Ok(()) };
        let covered = |(writer, end): (&WriterId, &u64)| {
            let chain = self.chain(*writer)[..index(*end)].iter();
            chain.map(|place| place.number).collect::<Vec<_>>()
        };
        let numbers: Vec<i64> = ends.iter().flat_map(covered).collect();
        let mut parts = vec![(0, &total.c1), (1, &total.c2)];
        check(total.tag.is_some() == tagged, || "a tag".to_owned())?;
        parts.extend(total.tag.iter().map(|tag| (2, tag)));
        self.sum(&numbers, total.count, &parts)
    }

    /// The sums of these columns are those of the entries with these numbers.
    fn sum(&mut self, numbers: &[i64], count: u64, parts: &[(usize, &api::Base64)]) -> Result {
        self.counts.sums += 1;
        let len = i64::try_from(numbers.len()).expect("few entries");
        check(count == numbers.len() as u64, || {
            format!("{count} entries, not {len}")
        })?;
        for (column, sum) in parts {
            let logarithm = numbers.iter().sum::<i64>() + len * COLUMNS[*column];
            check(**sum == element(logarithm), || {
                format!("the sum of column {column} of {numbers:?}")
            })?;
        }
        Ok(())
    }

    /// Every entry that is there was acknowledged, to exactly one who sent it.
    fn all_claimed(&self) -> Result {
        let mut places = self.chains.values().flatten();
        match places.find(|place| !place.claimed) {
            None => Ok(()),
            Some(place) => Err(format!("nobody was told of {:?}", place.entry)),
        }
    }

    fn chain(&self, writer: WriterId) -> &[Place] {
        self.chains.get(&writer).map_or(&[], Vec::as_slice)
    }

    fn read(&mut self, interval: Interval, name: &str) -> Moment {
        self.history.moment(name.to_owned(), interval)
    }
}

impl Place {
    fn is_of(&self, account: &str) -> bool {
        self.entry.account.as_deref() == Some(account)
    }
}

/// When each position became a cut: at the first time that it was sent, so before the first answer
/// to anybody who sent it.
fn cuts(records: &[Record], history: &mut History) -> BTreeMap<(WriterId, u64), Moment> {
    let mut sent: BTreeMap<(WriterId, u64), Interval> = BTreeMap::new();
    for Record { interval, what } in records {
        if let What::Cut(writer, position) = what {
            let cut = sent.entry((*writer, *position)).or_insert(*interval);
            cut.begin = cut.begin.min(interval.begin);
            cut.end = cut.end.min(interval.end);
        }
    }
    let moment = |((writer, position), interval): ((WriterId, u64), Interval)| {
        let name = format!("cut {position} of {writer}");
        ((writer, position), history.moment(name, interval))
    };
    sent.into_iter().map(moment).collect()
}

/// Where the ranges of a total end; they begin with the chains.
fn ends(total: Option<&api::Total>) -> BTreeMap<WriterId, u64> {
    let ranges = total.iter().flat_map(|total| &total.ranges);
    ranges
        .inspect(|range| assert_eq!(range.from.position, 0))
        .map(|range| (id(&range.writer), range.to.position))
        .collect()
}

fn id(text: &str) -> WriterId {
    WriterId::from_hex(text).expect("a writer's identifier")
}

fn index(position: u64) -> usize {
    usize::try_from(position).expect("a short chain")
}

fn check(fine: bool, otherwise: impl FnOnce() -> String) -> Result {
    if fine { Ok(()) } else { Err(otherwise()) }
}
