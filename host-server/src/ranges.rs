//! Which entries a total is of: for each writer the range between two cuts of its own chain.

use core_nostd::{
    ids::{BookId, WriterId},
    tag::{Cut, Range},
};

use crate::{
    ledger::{At, ChainCut},
    store::{Result, Store},
};

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

/// The ranges of all chains of a book between two cuts, writers ascending: in each chain from and
/// to the latest cut that is not after a moment. Without `from` they begin with the chain.
pub async fn between_cuts<S: Store>(
    store: &S,
    book: &BookId,
    from: Option<At>,
    to: At,
) -> Result<Vec<Range>> {
    let mut ranges = Vec::new();
    for (writer, _) in store.heads(book).await? {
        let last = async |at: At| -> Result<Cut> {
            let cut = store.last_cut(book, &writer, at).await?;
            Ok(
                cut.map_or(Cut::START, |ChainCut { position, mac, .. }| Cut {
                    position,
                    mac,
                }),
            )
        };
        ranges.push(Range {
            writer,
            from: match from {
                Some(at) => last(at).await?,
                None => Cut::START,
            },
            to: last(to).await?,
        });
    }
    Ok(ranges)
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
}
