//! Inspection of the database: the log, the field that its index by account is made of, and the
//! lists of where open entries may be.

use std::collections::HashMap;

use mongodb::bson::{self, RawDocumentBuf, doc};

use super::{
    MongoStore,
    document::{EntryDocument, FETCH_LEN, OpenIdDocument, binary, collect, range},
};
use crate::{
    ledger::Body,
    store::{
        Result, StoreError,
        inspect::{self, Flaw, Found, Inspect, Place},
        key::{self, EntryKey, OpenKey},
    },
};

/// Entries read and put in order at a time.
const PAGE_LEN: usize = 1000;

impl Inspect for MongoStore {
    async fn scan(&self, from: Place, limit: usize) -> Result<Vec<Found>> {
        super::within(self.find_found(from, limit)).await
    }

    /// There are none: an entry and what its index is made of are one document, and a list of
    /// places may name places that hold something else.
    async fn strays(&self) -> Result<Vec<Place>> {
        Ok(Vec::new())
    }

    async fn reindex(&self) -> Result<()> {
        let mut from = Some(inspect::FIRST);
        while let Some(place) = from {
            let page = super::within(self.find_found(place, PAGE_LEN)).await?;
            from = page.last().and_then(|last| inspect::next(last.place));
            for found in page {
                if found.flaws.contains(&Flaw::NotIndexed) {
                    super::within(self.index(found)).await?;
                }
            }
        }
        Ok(())
    }
}

impl MongoStore {
    async fn find_found(&self, from: Place, limit: usize) -> Result<Vec<Found>> {
        let greatest: EntryKey = key::last(&[]);
        let wanted = range("_id", &key::entry(&from.0, &from.1, from.2), &greatest);
        let entries = self.entries.clone_with_type::<RawDocumentBuf>();
        let find = entries.find(wanted).sort(doc! { "_id": 1 });
        let find = find.limit(i64::try_from(limit).unwrap_or(i64::MAX));
        let documents = collect(find.batch_size(FETCH_LEN).await?).await?;
        let mut found = Vec::with_capacity(documents.len());
        for document in documents {
            found.push(look_at(&document)?);
        }
        self.look_up_open(&mut found).await?;
        Ok(found)
    }

    /// Looks whether open entries are listed where they are.
    async fn look_up_open(&self, found: &mut [Found]) -> Result<()> {
        let key_of = |found: &Found| match found.entry.as_ref()?.body {
            Body::Open { entry } => Some(key::open(&found.place.0, &found.place.1, &entry)),
            Body::Authenticated { .. } => None,
        };
        let keys: Vec<_> = found.iter().filter_map(key_of).collect();
        if keys.is_empty() {
            return Ok(());
        }
        let wanted: Vec<_> = keys.iter().map(|key| binary(key)).collect();
        let find = self.open_ids.find(doc! { "_id": { "$in": wanted } });
        let lists = collect(find.batch_size(FETCH_LEN).await?).await?;
        let lists: HashMap<OpenKey, Vec<u64>> = lists
            .into_iter()
            .map(OpenIdDocument::into_key_and_places)
            .collect();
        for found in found {
            let Some(key) = key_of(found) else { continue };
            let places = lists.get(&key);
            if !places.is_some_and(|places| places.contains(&found.place.2)) {
                found.flaws.push(Flaw::NotIndexed);
            }
        }
        Ok(())
    }

    /// Makes what leads to an entry anew.
    async fn index(&self, found: Found) -> Result<()> {
        let (book, writer, seq) = found.place;
        let id = binary(&key::entry(&book, &writer, seq));
        match found.entry.map(|stored| stored.body) {
            Some(Body::Authenticated { account, .. }) => {
                let account = binary(&key::account_entry(&book, &account, &writer, seq));
                let set = doc! { "$set": { "account": account } };
                self.entries.update_one(doc! { "_id": id }, set).await?;
            }
            Some(Body::Open { entry }) => {
                let list = doc! { "_id": binary(&key::open(&book, &writer, &entry)) };
                let add = doc! { "$addToSet": { "at": seq.cast_signed() } };
                self.open_ids.update_one(list, add).upsert(true).await?;
                let unset = doc! { "$unset": { "account": "" } };
                self.entries.update_one(doc! { "_id": id }, unset).await?;
            }
            None => {}
        }
        Ok(())
    }
}

fn look_at(document: &RawDocumentBuf) -> Result<Found> {
    let id = document.get_binary("_id").ok();
    let id: Option<EntryKey> = id.and_then(|id| id.bytes.try_into().ok());
    let damaged = || StoreError::Damaged("an entry has an _id of another form".to_owned());
    let place = key::split_entry(&id.ok_or_else(damaged)?);
    let Ok(document) = bson::deserialize_from_slice::<EntryDocument>(document.as_bytes()) else {
        let flaws = vec![Flaw::Unreadable];
        return Ok(Found {
            place,
            entry: None,
            flaws,
        });
    };
    let flaws = document.flaws();
    Ok(Found {
        place,
        entry: Some(document.into_stored()),
        flaws,
    })
}
