//! The database as a ledger: what it says it is, its indexes, and whether it can keep promises.

use std::time::Duration;

use mongodb::{
    Database, IndexModel,
    bson::{Binary, Bson, Document, doc},
    options::{IndexOptions, WriteConcern},
};

use super::{document::binary, error};
use crate::store::{INTENT_LIFE_MS, Result, SCHEMA, StoreError};

/// The collection of entries.
pub const ENTRIES: &str = "entries";
/// The collection of where entries of open books may be.
pub const OPEN_IDS: &str = "open_ids";
/// The collection of statements.
pub const STATEMENTS: &str = "statements";
/// The collection of intents.
pub const INTENTS: &str = "intents";

/// Makes a database a ledger unless it is one, and gives the ledger's identifier.
pub async fn prepare(database: &Database) -> Result<[u8; 16]> {
    check_topology(database).await?;
    let ledger_id = check_meta(database).await?;
    let sparse = IndexOptions::builder().sparse(true).build();
    let unique = IndexOptions::builder().unique(true).build();
    let life = Duration::from_millis(INTENT_LIFE_MS);
    let mortal = IndexOptions::builder().expire_after(life).build();
    for (collection, keys, options) in [
        (ENTRIES, by_account(), sparse),
        (STATEMENTS, doc! { "book": 1, "json": 1 }, unique),
        (INTENTS, doc! { "begun": 1 }, mortal),
    ] {
        let index = IndexModel::builder().keys(keys).options(options).build();
        let collection = database.collection::<Document>(collection);
        // Snapshots from before an index was made can't be read afterwards; so wait for a majority.
        collection
            .create_index(index)
            .write_concern(WriteConcern::majority())
            .await?;
    }
    Ok(ledger_id)
}

/// The index that finds entries by their account; as a hint, too.
pub fn by_account() -> Document {
    doc! { "account": 1 }
}

/// Only a replica set has majorities, journaled acknowledgements and snapshots.
async fn check_topology(database: &Database) -> Result<()> {
    let hello = database.run_command(doc! { "hello": 1 }).await?;
    if hello.contains_key("setName") || hello.get_str("msg").is_ok_and(|msg| msg == "isdbgrid") {
        return Ok(());
    }
    Err(StoreError::Unavailable(
        "this MongoDB is not a replica set, which the ledger needs; one member is enough: start \
         mongod with --replSet rs0 and run rs.initiate() once"
            .to_owned(),
    ))
}

async fn check_meta(database: &Database) -> Result<[u8; 16]> {
    let meta = database.collection::<Document>("meta");
    let mut ledger_id = [0; 16];
    getrandom::fill(&mut ledger_id)
        .map_err(|error| StoreError::Unavailable(format!("no randomness: {error}")))?;
    let new = doc! { "_id": "ledger", "schema": i64::from(SCHEMA), "ledger": binary(&ledger_id) };
    match meta.insert_one(new).await {
        Ok(_) => return Ok(ledger_id),
        Err(error) if error::stored_before_duplicate(&error).is_some() => {}
        Err(error) => return Err(error.into()),
    }
    let damaged = || StoreError::Damaged("the ledger does not say what it is".to_owned());
    let found = meta
        .find_one(doc! { "_id": "ledger" })
        .await?
        .ok_or_else(damaged)?;
    match (found.get("schema"), found.get("ledger")) {
        (Some(Bson::Int64(schema)), Some(Bson::Binary(Binary { bytes, .. })))
            if *schema == i64::from(SCHEMA) =>
        {
            bytes.as_slice().try_into().map_err(|_| damaged())
        }
        (Some(schema), _) => Err(StoreError::Schema {
            found: schema.to_string(),
            expected: SCHEMA,
        }),
        (None, _) => Err(damaged()),
    }
}
