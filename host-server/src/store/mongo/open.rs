//! Appends to open books, where a client names an entry and the server finds it a position.
//!
//! An identifier is stored once, though no index says so: a unique one would have to begin with the
//! shard key. In its place the collection `open_ids` lists, under book ‖ writer ‖ identifier, every
//! position at which anybody has ever tried to store that entry. To append is to
//!
//! 1. read the chain's head `h`, the first position that is free;
//! 2. read what `open_ids` lists for each identifier, and the entries at those positions: one that
//!    has the identifier is the entry, and nothing is to be done;
//! 3. plan the others at `h, h + 1, …`, add those positions to their lists, durably;
//! 4. insert them with one command, which stops at the first position that is taken.
//!
//! Why no identifier gets two positions, whatever fails, races or arrives late. Say commands R and
//! S have it at `p < q`, and both succeed there.
//!
//! * S began at or below `p`. Commands insert every position from their head on, in order, so S has
//!   inserted another entry at `p` (an identifier is planned once in a command). Then R failed
//!   there: a position is an `_id`.
//! * S began above `p`. So step 1 of S saw `p` taken, and that was by R. R had listed `p` before
//!   (step 3), S read the list afterwards (step 2), found the entry at `p`, and did not plan it.
//!
//! A list is only ever added to. A position on it may stay free for ever (the server died before
//! step 4) or hold another entry (somebody was quicker): it is a place to look at, and no claim.
//! Reads are from what a majority has, in one causally consistent session, so that "afterwards" is
//! meant as it is said.

use std::collections::{HashMap, HashSet};

use core_nostd::ids::{BookId, WriterId};
use mongodb::{ClientSession, bson::doc};

use super::{
    MongoStore,
    append::{ChainId, Outcomes, ROUNDS_MAX, never_settled},
    document::{EntryDocument, FETCH_LEN, OpenIdDocument, binary, collect_in},
    error,
};
use crate::{
    ledger::{Body, OpenEntry, Stored},
    store::{Put, Result, key},
};

/// Positions at which an entry may be, by its identifier.
type Places = HashMap<[u8; 16], Vec<u64>>;

impl MongoStore {
    /// Appends several posts, each a list of entries and its time of arrival.
    pub async fn append_posts(
        &self,
        (book, writer): ChainId,
        posts: &[(Vec<OpenEntry>, u64)],
    ) -> Result<Vec<Outcomes>> {
        let mut session = self.causal_session().await?;
        let mut ours = HashSet::new();
        for _ in 0..ROUNDS_MAX {
            // The head before the lists: see above.
            let next = self.next_seq(&book, &writer, &mut session).await?;
            let places = self.places((book, writer), posts, &mut session).await?;
            let known = self.known((book, writer), &places, &mut session).await?;
            let mut plan = Plan {
                book,
                writer,
                next,
                known,
                ours: ours.clone(),
                new: Vec::new(),
            };
            let outcomes = posts
                .iter()
                .map(|(entries, arrived_ms)| {
                    entries
                        .iter()
                        .map(|entry| plan.place(entry, *arrived_ms))
                        .collect()
                })
                .collect();
            if !self.list(&plan.new, &places, &mut session).await? {
                continue;
            }
            match self.insert(plan.new.iter().cloned(), &mut session).await? {
                None => return Ok(outcomes),
                Some(inserted) => {
                    ours.extend(plan.new[..inserted].iter().filter_map(open_id));
                }
            }
        }
        Err(never_settled(&book, &writer))
    }

    /// Where the posted entries may be.
    async fn places(
        &self,
        (book, writer): ChainId,
        posts: &[(Vec<OpenEntry>, u64)],
        session: &mut ClientSession,
    ) -> Result<Places> {
        let entries = posts.iter().flat_map(|(entries, _)| entries);
        let keys: Vec<_> = entries
            .map(|entry| binary(&key::open(&book, &writer, &entry.entry)))
            .collect();
        let find = self
            .open_ids
            .find(doc! { "_id": { "$in": keys } })
            .batch_size(FETCH_LEN);
        let cursor = find.session(&mut *session).await?;
        let found = collect_in(session, cursor).await?;
        let lists = found.into_iter().map(OpenIdDocument::into_key_and_places);
        Ok(lists.map(|(key, at)| (key::open_id(&key), at)).collect())
    }

    /// Those of the posted entries that are stored.
    async fn known(
        &self,
        (book, writer): ChainId,
        places: &Places,
        session: &mut ClientSession,
    ) -> Result<HashMap<[u8; 16], Stored>> {
        let at = |seq: &u64| binary(&key::entry(&book, &writer, *seq));
        let keys: Vec<_> = places.values().flatten().map(at).collect();
        if keys.is_empty() {
            return Ok(HashMap::new());
        }
        let find = self
            .entries
            .find(doc! { "_id": { "$in": keys } })
            .batch_size(FETCH_LEN);
        let cursor = find.session(&mut *session).await?;
        let found = collect_in(session, cursor).await?;
        let stored = found.into_iter().map(EntryDocument::into_stored);
        Ok(stored
            .filter_map(|stored| Some((open_id(&stored)?, stored)))
            .collect())
    }

    /// Adds planned positions to the lists. Whether it is done; if not, somebody else has begun a
    /// list meanwhile.
    async fn list(
        &self,
        new: &[Stored],
        places: &Places,
        session: &mut ClientSession,
    ) -> Result<bool> {
        let mut first = Vec::new();
        for stored in new {
            let Some(id) = open_id(stored) else { continue };
            match places.get(&id) {
                None => first.push(OpenIdDocument::new(stored, &id)),
                Some(at) if at.contains(&stored.seq) => {}
                Some(_) => {
                    let id = binary(&key::open(&stored.book, &stored.writer, &id));
                    let add = doc! { "$addToSet": { "at": stored.seq.cast_signed() } };
                    let update = self.open_ids.update_one(doc! { "_id": id }, add);
                    update.session(&mut *session).await?;
                }
            }
        }
        if first.is_empty() {
            return Ok(true);
        }
        let insert = self.open_ids.insert_many(first).ordered(false);
        match insert.session(session).await {
            Ok(_) => Ok(true),
            Err(error) if error::are_duplicates(&error) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

fn open_id(stored: &Stored) -> Option<[u8; 16]> {
    match stored.body {
        Body::Open { entry } => Some(entry),
        Body::Authenticated { .. } => None,
    }
}

/// Positions for open entries, if nobody else takes them.
struct Plan {
    book: BookId,
    writer: WriterId,
    next: u64,
    known: HashMap<[u8; 16], Stored>,
    /// Those of the known that an earlier round stored, until they are reported.
    ours: HashSet<[u8; 16]>,
    new: Vec<Stored>,
}

impl Plan {
    fn place(&mut self, entry: &OpenEntry, arrived_ms: u64) -> (u64, Put) {
        let OpenEntry { entry: id, c1, c2 } = entry.clone();
        if let Some(old) = self.known.get(&id) {
            let same = (&old.c1, &old.c2) == (&c1, &c2);
            return match same {
                true if self.ours.remove(&id) => (old.seq, Put::Stored),
                true => (old.seq, Put::Already),
                false => (old.seq, Put::Conflict),
            };
        }
        let (book, writer, seq) = (self.book, self.writer, self.next);
        let stored = Stored {
            book,
            writer,
            seq,
            c1,
            c2,
            body: Body::Open { entry: id },
            arrived_ms,
        };
        self.known.insert(id, stored.clone());
        self.new.push(stored);
        self.next += 1;
        (seq, Put::Stored)
    }
}
