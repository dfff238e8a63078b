//! One chain while it is read from its beginning: that nothing is missing, and that its checkpoints
//! are its sums.

use std::collections::VecDeque;

use core_nostd::{
    book::BookKind,
    ids::{BookId, WriterId},
};

use super::{Segment, Verifier};
use crate::{
    ledger::{Body, Checkpoint},
    store::{Result, inspect::Inspect},
    sums::{CHECKPOINT_EVERY, Of, Sum},
};

/// Checkpoints read at a time.
const CHECKPOINTS_LEN: usize = 256;

/// A chain that is being read.
pub struct Chain {
    /// Book and writer.
    pub id: (BookId, WriterId),
    of: Option<Of>,
    /// The position that comes next.
    next: u64,
    /// The sum of all entries below; `None` after one that can't be added.
    sum: Option<Sum>,
    /// The same, from the last checkpoint that was not as it should be: so one changed entry is
    /// one fault, and not one for each checkpoint after it.
    otherwise: Option<Sum>,
    checkpoints: VecDeque<Checkpoint>,
    /// Where to read further checkpoints from; `None` if there are no more.
    unread: Option<u64>,
}

impl<S: Inspect> Verifier<'_, S> {
    /// Begins a chain.
    pub fn begin(&mut self, id: (BookId, WriterId)) -> Chain {
        let of = self.books.get(&id.0).map(Of::from);
        if of.is_none() {
            self.fault_at(
                (id.0, id.1, 0),
                "the entries are of a book that is not there",
            );
        }
        Chain {
            id,
            of,
            next: 0,
            sum: of.and_then(|of| Sum::of(of.suite, of.is_tagged, &[]).ok()),
            otherwise: None,
            checkpoints: VecDeque::new(),
            unread: Some(0),
        }
    }

    /// Goes on with the next segment.
    pub async fn extend(&mut self, chain: &mut Chain, segment: Segment) -> Result<()> {
        let (book, writer) = chain.id;
        let is_open = self
            .books
            .get(&book)
            .map(|book| book.kind == BookKind::Open);
        for found in &segment.found {
            let seq = found.place.2;
            if seq != chain.next {
                let last = seq - 1;
                let what = match last == chain.next {
                    true => "the entry is missing".to_owned(),
                    false => format!("the entries from here to {last} are missing"),
                };
                self.fault_at((book, writer, chain.next), what);
                chain.sum = None;
                chain.otherwise = None;
            }
            for flaw in &found.flaws {
                self.fault_at(found.place, flaw);
            }
            let entry = found.entry.as_ref();
            let has_id = entry.map(|entry| matches!(entry.body, Body::Open { .. }));
            if has_id
                .zip(is_open)
                .is_some_and(|(found, book)| found != book)
            {
                self.fault_at(found.place, "the entry is one of the other kind of book");
            }
            chain.next = seq.saturating_add(1);
        }
        for seq in &segment.undecodable {
            let what = "c1, c2 or a tag is no element of the book's group";
            self.fault_at((book, writer, *seq), what);
        }
        let add = |sum: Option<Sum>| Some(sum?.plus(segment.sum.as_ref()?));
        chain.sum = add(chain.sum.take());
        chain.otherwise = add(chain.otherwise.take());
        if chain.next.is_multiple_of(CHECKPOINT_EVERY) {
            self.pass_checkpoint(chain).await?;
        }
        Ok(())
    }

    /// Ends a chain: nothing may be kept of what is not there.
    pub async fn end(&mut self, mut chain: Chain) -> Result<()> {
        let (book, writer) = chain.id;
        let mut beyond = Vec::new();
        while let Some(checkpoint) = self.next_checkpoint(&mut chain).await? {
            match checkpoint.through > chain.next {
                true => beyond.push(checkpoint.through),
                false => self.fault_at((book, writer, checkpoint.through), ODD),
            }
        }
        if beyond.is_empty() {
            return Ok(());
        }
        // The chain may have grown since it was read.
        let heads = self.store.heads(&book).await?;
        let head = heads.into_iter().find(|(of, _)| *of == writer);
        let head = head.map_or(0, |(_, head)| head);
        for through in beyond.into_iter().filter(|through| *through > head) {
            let what = format!("a checkpoint is here, but the chain ends at {head}");
            self.fault_at((book, writer, through), what);
        }
        Ok(())
    }

    /// Compares the checkpoint at the next position, if any is there or above.
    async fn pass_checkpoint(&mut self, chain: &mut Chain) -> Result<()> {
        let (book, writer) = chain.id;
        let through = chain.next;
        while let Some(checkpoint) = self.next_checkpoint(chain).await? {
            if checkpoint.through < through {
                self.fault_at((book, writer, checkpoint.through), ODD);
                continue;
            }
            if checkpoint.through > through {
                let what = "the checkpoint is missing; `host-server rebuild` makes it anew";
                self.fault_at((book, writer, through), what);
                chain.checkpoints.push_front(checkpoint);
                return Ok(());
            }
            let kept = checkpoint.sum;
            let agrees = |sum: &Option<Sum>| {
                let sum = sum.as_ref().map(Sum::to_summand);
                sum.map(|sum| sum == kept)
            };
            let either = [agrees(&chain.sum), agrees(&chain.otherwise)];
            if either[0] != Some(true) {
                let rows = std::slice::from_ref(&kept);
                let decode = |of: Of| Sum::of(of.suite, of.is_tagged, rows).ok();
                chain.otherwise = chain.of.and_then(decode);
            }
            if either.contains(&Some(false)) && !either.contains(&Some(true)) {
                let from = through - CHECKPOINT_EVERY;
                let what = format!(
                    "the checkpoint is not the sum of the entries below: it was changed, or one of \
                     those from {from} on was"
                );
                self.fault_at((book, writer, through), what);
            }
            return Ok(());
        }
        Ok(())
    }

    async fn next_checkpoint(&mut self, chain: &mut Chain) -> Result<Option<Checkpoint>> {
        if chain.checkpoints.is_empty()
            && let Some(from) = chain.unread
        {
            let (book, writer) = &chain.id;
            let page = self
                .store
                .checkpoints(book, writer, from, CHECKPOINTS_LEN)
                .await;
            let page = self.sound(page)?.unwrap_or_default();
            chain.unread = page.last().and_then(|last| last.through.checked_add(1));
            chain.checkpoints = page.into();
        }
        let next = chain.checkpoints.pop_front();
        self.report.checkpoints += u64::from(next.is_some());
        Ok(next)
    }
}

const ODD: &str = "no checkpoint belongs here";
