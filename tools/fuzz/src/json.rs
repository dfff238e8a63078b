//! Bodies of the HTTP interface, and statements in files: JSON.

use host_api::{
    Account, Accounts, AppendEntries, Appended, Balance, Base64, Book, Books, Cut, Cuts, Entry,
    Heads, Health, OpenAccount, OpenEntry, Problem, Statement, Statements, StoredEntry, Total,
    teller,
};
use serde::{Serialize, de::DeserializeOwned};

use crate::within_heap;

/// A document of the kind that the first byte names: it can be written, and what is written says
/// the same and is written the same again. Bytes are spelt in one way. The memory taken is in
/// proportion to the input.
pub fn json(data: &[u8]) -> bool {
    let Some((kind, document)) = data.split_first() else {
        return false;
    };
    let check = KINDS.get(usize::from(*kind));
    check.is_some_and(|(_, check)| check(document))
}

type Check = fn(&[u8]) -> bool;

/// Every kind of document, with the name its seeds go by.
pub(crate) const KINDS: [(&str, Check); 24] = [
    ("bytes", bytes),
    ("book", document::<Book>),
    ("books", document::<Books>),
    ("open-account", document::<OpenAccount>),
    ("account", document::<Account>),
    ("accounts", document::<Accounts>),
    ("entries", document::<AppendEntries<Entry>>),
    ("open-entries", document::<AppendEntries<OpenEntry>>),
    ("appended", document::<Appended>),
    ("stored-entry", document::<StoredEntry>),
    ("cut", document::<Cut>),
    ("cuts", document::<Cuts>),
    ("total", document::<Total>),
    ("balance", document::<Balance>),
    ("heads", document::<Heads>),
    ("statement", document::<Statement>),
    ("statements", document::<Statements>),
    ("health", document::<Health>),
    ("problem", document::<Problem>),
    ("unlock", document::<teller::Unlock>),
    ("new-book", document::<teller::NewBook>),
    ("post", document::<teller::Post>),
    ("ask-balance", document::<teller::AskBalance>),
    ("ask-total", document::<teller::AskTotal>),
];

fn document<T: DeserializeOwned + Serialize>(document: &[u8]) -> bool {
    // The smallest items of a list take a few bytes of JSON and some 500 of memory.
    let heap_max = 16 * 1024 + 64 * document.len();
    let parse = || serde_json::from_slice::<T>(document);
    let Ok(value) = within_heap(heap_max, parse) else {
        return false;
    };
    let written = serde_json::to_string(&value).expect("what was read can be written");
    let again: T = serde_json::from_str(&written).expect("what was written can be read");
    assert_eq!(serde_json::to_string(&again).ok(), Some(written));
    true
}

fn bytes(text: &[u8]) -> bool {
    let Ok(Base64(bytes)) = serde_json::from_slice(text) else {
        return false;
    };
    let written = serde_json::to_value(Base64(bytes)).expect("bytes can be written");
    assert_eq!(serde_json::from_slice(text).ok(), Some(written));
    document::<Base64>(text)
}
