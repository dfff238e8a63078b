//! Pieces of a chain between two places where a checkpoint may be, added up on all cores.

use std::{num::NonZero, thread};

use core_nostd::{
    ciphersuite::{Ciphersuite, SuiteVisitor},
    group::Group,
    ids::{BookId, WriterId},
};

use crate::{
    ledger::{Body, Stored},
    store::{Result, StoreError, inspect::Found},
    sums::{CHECKPOINT_EVERY, Of, Sum},
};

/// Records of one chain, one after the other.
pub struct Segment {
    /// Book and writer.
    pub id: (BookId, WriterId),
    /// The records.
    pub found: Vec<Found>,
    /// How to decode them; `None` if the book is not known.
    of: Option<Of>,
    /// Their sum; `None` if one of them can't be decoded.
    pub sum: Option<Sum>,
    /// Positions of those that can't.
    pub undecodable: Vec<u64>,
}

impl Segment {
    /// Cuts a page of the log into pieces.
    pub fn cut(page: Vec<Found>, of: impl Fn(&BookId) -> Option<Of>) -> Vec<Self> {
        let mut segments: Vec<Self> = Vec::new();
        for found in page {
            let (book, writer, seq) = found.place;
            let id = (book, writer);
            match segments.last_mut() {
                Some(last) if last.id == id && !seq.is_multiple_of(CHECKPOINT_EVERY) => {
                    last.found.push(found);
                }
                _ => segments.push(Self {
                    id,
                    found: vec![found],
                    of: of(&book),
                    sum: None,
                    undecodable: Vec::new(),
                }),
            }
        }
        segments
    }

    fn add_up(&mut self) {
        let Some(of) = self.of else { return };
        let entries = || self.found.iter().filter_map(|found| found.entry.as_ref());
        let is_sound = |entry: &&Stored| of.suite.dispatch(Decodes(entry));
        let whole =
            entries().all(|entry| is_sound(&entry)) && entries().count() == self.found.len();
        if whole {
            let rows: Vec<_> = entries().cloned().map(Stored::for_total).collect();
            self.sum = Sum::of(of.suite, of.is_tagged, &rows).ok();
        }
        if self.sum.is_none() {
            let bad = entries().filter(|entry| !is_sound(entry));
            self.undecodable = bad.map(|entry| entry.seq).collect();
        }
    }
}

/// Adds up segments, off the threads that serve requests.
pub async fn compute(mut segments: Vec<Segment>) -> Result<Vec<Segment>> {
    let work = move || {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let share = segments.len().div_ceil(cores).max(1);
        thread::scope(|scope| {
            for share in segments.chunks_mut(share) {
                scope.spawn(|| share.iter_mut().for_each(Segment::add_up));
            }
        });
        segments
    };
    let gone = |error| StoreError::Unavailable(format!("adding up was given up: {error}"));
    tokio::task::spawn_blocking(work).await.map_err(gone)
}

/// Whether all elements of an entry are elements, and `c1` is not the identity.
struct Decodes<'a>(&'a Stored);

impl SuiteVisitor for Decodes<'_> {
    type Output = bool;

    fn visit<S: Ciphersuite>(self) -> bool {
        let Stored { c1, c2, body, .. } = self.0;
        let decodes = |bytes: &Vec<u8>| S::Group::decode(bytes).is_ok();
        let tags = match body {
            Body::Authenticated {
                tag, account_tag, ..
            } => decodes(tag) && decodes(account_tag),
            Body::Open { .. } => true,
        };
        S::Group::decode_non_identity(c1).is_ok() && decodes(c2) && tags
    }
}
