//! Which entries a total is of: for each writer the range between two cuts of its own chain.

use core_nostd::{
    ids::{BookId, WriterId},
    tag::{Cut, Range},
};

use crate::{
    ledger::ChainCut,
    store::{Result, Store},
};

/// The end of a total: in each chain, the latest cut that is not after this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// The number of a cut in its chain: 1, 2, 3, …; 0 is the start of the chain.
    Number(u64),
    /// The arrival of a cut: milliseconds since 1970, by the server's clock.
    Time(u64),
}

impl At {
    /// Whether the cut with this number in its chain is not after it.
    fn reaches(self, number: u64, cut: &ChainCut) -> bool {
        match self {
            Self::Number(last) => number <= last,
            Self::Time(last) => cut.arrived_ms <= last,
        }
    }
}

/// Numbers cuts, given by writer, then position: 1, 2, 3, … in each chain.
pub fn numbered(cuts: Vec<ChainCut>) -> Vec<(u64, ChainCut)> {
    let mut of = None;
    let mut number = 0;
    let count = |cut: ChainCut| {
        number = if of == Some(cut.writer) {
            number + 1
        } else {
            1
        };
        of = Some(cut.writer);
        (number, cut)
    };
    cuts.into_iter().map(count).collect()
}

/// The ranges of all chains of a book between two cuts, writers ascending. Without `from` they
/// begin with the chain, without `to` they end at its latest cut.
pub async fn between_cuts<S: Store>(
    store: &S,
    book: &BookId,
    from: Option<At>,
    to: Option<At>,
) -> Result<Vec<Range>> {
    let cuts = numbered(store.cuts(book).await?);
    // Heads are read after the cuts, so that every cut lies within its chain.
    let heads = store.heads(book).await?;
    let range = |(writer, _): (WriterId, u64)| {
        let latest = |reaches: &dyn Fn(u64, &ChainCut) -> bool| {
            cuts.iter()
                .rfind(|(number, cut)| cut.writer == writer && reaches(*number, cut))
                .map_or(Cut::START, |(_, ChainCut { position, mac, .. })| Cut {
                    position: *position,
                    mac: *mac,
                })
        };
        Range {
            writer,
            from: latest(&|number, cut| from.is_some_and(|at| at.reaches(number, cut))),
            to: latest(&|number, cut| to.is_none_or(|at| at.reaches(number, cut))),
        }
    };
    Ok(heads.into_iter().map(range).collect())
}

/// The ranges of all chains of an open book between two positions, writers ascending: as much of it
/// as is stored. Positions of open books have no MACs.
pub async fn between_positions<S: Store>(
    store: &S,
    book: &BookId,
    from: u64,
    to: u64,
) -> Result<Vec<Range>> {
    let at = |position| Cut {
        position,
        mac: [0; 16],
    };
    let range = |(writer, head): (WriterId, u64)| Range {
        writer,
        from: at(from.min(head)),
        to: at(to.min(head)),
    };
    Ok(store.heads(book).await?.into_iter().map(range).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(writer: u8, position: u64, arrived_ms: u64) -> ChainCut {
        ChainCut {
            writer: WriterId([writer; 16]),
            position,
            mac: [1; 16],
            arrived_ms,
        }
    }

    #[test]
    fn cuts_are_numbered_from_one_in_each_chain() {
        let cuts = vec![cut(1, 16, 5), cut(1, 40, 9), cut(2, 20, 7)];
        let numbers: Vec<u64> = numbered(cuts)
            .into_iter()
            .map(|(number, _)| number)
            .collect();
        assert_eq!(numbers, [1, 2, 1]);
    }

    #[test]
    fn a_number_and_a_time_reach_the_cuts_not_after_them() {
        let late = cut(1, 40, 900);
        assert!(At::Number(2).reaches(2, &late) && !At::Number(1).reaches(2, &late));
        assert!(At::Time(900).reaches(2, &late) && !At::Time(899).reaches(2, &late));
        assert!(!At::Number(0).reaches(1, &late));
    }
}
