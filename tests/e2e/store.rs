//! The ledger in a real MongoDB: it conforms, alone and as one of several servers, and neither a
//! killed mongod nor a lost answer loses or doubles an entry.

use core_nostd::ids::{BookId, Handle, WriterId};
use e2e_tests::mongod::{Database, Mongod};
use futures_util::future::{join, join_all};
use host_server::{
    ledger::{Body, OpenEntry, Stored},
    store::{Appended, Put, Store, StoreError, conformance, mongo::MongoStore},
};
use mongodb::{
    Client,
    bson::{Document, doc},
};

const BOOK: BookId = BookId([1; 32]);
const WRITER: WriterId = WriterId([2; 16]);
const ACCOUNT: Handle = Handle([3; 32]);
const STORED: Appended = Appended::Put(Put::Stored);
const ALREADY: Appended = Appended::Put(Put::Already);

fn entry(seq: u64) -> Stored {
    let tag = vec![4; 32];
    let body = Body::Authenticated {
        account: ACCOUNT,
        prev: seq.checked_sub(1),
        account_tag: tag.clone(),
        tag,
    };
    let c1 = seq.to_be_bytes().repeat(4);
    Stored {
        book: BOOK,
        writer: WRITER,
        seq,
        c2: c1.clone(),
        c1,
        body,
        arrived_ms: 5,
    }
}

fn entries(len: u64) -> Vec<Stored> {
    (0..len).map(entry).collect()
}

fn open_entry(number: u64) -> OpenEntry {
    let mut entry = [0; 16];
    entry[8..].copy_from_slice(&number.to_be_bytes());
    OpenEntry {
        entry,
        c1: vec![5; 32],
        c2: vec![6; 32],
    }
}

async fn connect(uri: &str) -> MongoStore {
    MongoStore::connect(uri).await.expect("MongoDB answers")
}

async fn chain_in(store: &MongoStore) -> Vec<Stored> {
    store
        .entries(&BOOK, &WRITER, 0, usize::MAX)
        .await
        .expect("a readable chain")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_in_mongodb_conforms_new_and_reopened() {
    let database = Database::fresh();
    let store = connect(&database.uri()).await;
    conformance::check_all(&store).await;
    store.append(&entries(9)).await.expect("an append");
    let again = connect(&database.uri()).await;
    assert_eq!(again.ledger_id(), store.ledger_id());
    assert_eq!(chain_in(&again).await, entries(9));
    conformance::check_all(&again).await;
}

/// Three servers that know nothing of each other post the same chain and to the same open chain.
#[tokio::test(flavor = "multi_thread")]
async fn several_servers_on_one_chain_leave_no_gap_and_no_double() {
    let database = Database::fresh();
    let uri = database.uri();
    let servers = join_all((0..3).map(|_| connect(&uri))).await;
    let entries = entries(120);
    let post = async |server: &MongoStore, piece_len: usize| {
        let mut outcomes = Vec::new();
        for piece in entries.chunks(piece_len) {
            outcomes.extend(server.append(piece).await.expect("an append"));
        }
        outcomes
    };
    let outcomes = join_all(servers.iter().zip([1, 7, 20]).map(|(s, len)| post(s, len))).await;
    for seq in 0..entries.len() {
        let stored = outcomes
            .iter()
            .filter(|outcomes| outcomes[seq] == STORED)
            .count();
        let already = outcomes
            .iter()
            .filter(|outcomes| outcomes[seq] == ALREADY)
            .count();
        assert_eq!((stored, already), (1, 2), "at {seq}");
    }
    assert_eq!(chain_in(&servers[0]).await, entries);

    let (book, writer) = (BookId([7; 32]), WriterId([8; 16]));
    // Every entry goes to two of the servers.
    let post = async |server: usize, number: u64| {
        let entry = [open_entry(number)];
        let outcomes = servers[server].append_open(&book, &writer, &entry, 1).await;
        outcomes.expect("an append")[0]
    };
    let pairs = join_all((0..90).map(|number| {
        let first = usize::try_from(number % 3).expect("a small number");
        join(post(first, number), post((first + 1) % 3, number))
    }))
    .await;
    let mut positions: Vec<_> = pairs.iter().map(|((seq, _), _)| *seq).collect();
    positions.sort_unstable();
    assert_eq!(positions, (0..90).collect::<Vec<_>>());
    for ((seq, put), (other_seq, other_put)) in pairs {
        assert_eq!(seq, other_seq);
        assert!(matches!(
            (put, other_put),
            (Put::Stored, Put::Already) | (Put::Already, Put::Stored)
        ));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_servers_give_an_open_identifier_one_position() {
    let database = Database::fresh();
    let uri = database.uri();
    let servers = join_all((0..4).map(|_| connect(&uri))).await;
    let servers: Vec<_> = servers.iter().collect();
    for _ in 0..3 {
        conformance::check_racing_open_identifiers(&servers).await;
    }
}

/// A server died after it had listed positions and before it stored anything there, or stored some.
#[tokio::test(flavor = "multi_thread")]
async fn listed_positions_neither_block_nor_double_an_open_identifier() {
    let database = Database::fresh();
    let uri = database.uri();
    let store = connect(&uri).await;
    let raw = Client::with_uri_str(&uri).await.expect("a client");
    let raw = raw.default_database().expect("a name in the URI");
    let (book, writer) = (BookId([7; 32]), WriterId([8; 16]));
    let post = async |numbers: &[u64]| {
        let entries: Vec<_> = numbers.iter().map(|n| open_entry(*n)).collect();
        let outcomes = store.append_open(&book, &writer, &entries, 1).await;
        outcomes.expect("an append")
    };
    assert_eq!(post(&[0]).await, [(0, Put::Stored)]);
    let lists = raw.collection::<Document>("open_ids");
    for (number, at) in [(1, vec![1_i64]), (2, vec![2, 0]), (3, vec![7])] {
        let key = [&book.0[..], &writer.0, &open_entry(number).entry].concat();
        let id = mongodb::bson::Binary {
            subtype: mongodb::bson::spec::BinarySubtype::Generic,
            bytes: key,
        };
        lists
            .insert_one(doc! { "_id": id, "at": at })
            .await
            .expect("an answer");
    }
    // Not at the positions that are listed, which a chain without gaps has no use for.
    assert_eq!(
        post(&[3, 2, 1]).await,
        [(1, Put::Stored), (2, Put::Stored), (3, Put::Stored)]
    );
    assert_eq!(post(&[4, 5]).await, [(4, Put::Stored), (5, Put::Stored)]);
    assert_eq!(
        post(&[1, 2, 3, 6]).await,
        [
            (3, Put::Already),
            (2, Put::Already),
            (1, Put::Already),
            (6, Put::Stored)
        ]
    );
    let log = store.entries(&book, &writer, 0, usize::MAX).await;
    assert_eq!(log.expect("no gap").len(), 7);
}

/// mongod dies in the middle of many appends, several times.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_mongod_loses_nothing_that_was_acknowledged() {
    let mut mongod = Mongod::start();
    let uri = mongod.uri("tallystick");
    let store = connect(&uri).await;
    let entries = entries(2000);
    let (open_book, open_writer) = (BookId([7; 32]), WriterId([8; 16]));
    let (mut acknowledged, mut open_acknowledged) = (0, Vec::new());
    for enough in [60, 150, 300] {
        let (progress, mut watched) = tokio::sync::watch::channel(acknowledged);
        let append = async {
            while let Some(next) = entries.get(acknowledged..acknowledged + 3) {
                match store.append(next).await {
                    // What an earlier try stored without an answer is `Already`.
                    Ok(outcomes) => assert!(outcomes.iter().all(|o| [STORED, ALREADY].contains(o))),
                    Err(error) => {
                        assert!(is_unavailable(&error), "{error:?}");
                        break;
                    }
                }
                acknowledged += 3;
                progress.send_replace(acknowledged);
            }
        };
        let append_open = async {
            for number in 0.. {
                let entry = [open_entry(number)];
                match store.append_open(&open_book, &open_writer, &entry, 1).await {
                    Ok(outcomes) => open_acknowledged.push((number, outcomes[0].0)),
                    Err(error) => {
                        assert!(is_unavailable(&error), "{error:?}");
                        break;
                    }
                }
            }
        };
        let kill = async {
            watched
                .wait_for(|done| *done >= enough)
                .await
                .expect("the appender is there");
            mongod.kill();
        };
        join(kill, join(append, append_open)).await;
        tokio::task::block_in_place(|| mongod.restart());
        assert!(acknowledged >= enough);

        let server = connect(&uri).await;
        let found = chain_in(&server).await;
        assert!(
            found.len() >= acknowledged,
            "{} of {acknowledged}",
            found.len()
        );
        assert_eq!(found, entries[..found.len()]);
        let open = server
            .entries(&open_book, &open_writer, 0, usize::MAX)
            .await
            .expect("no gap");
        for (number, seq) in &open_acknowledged {
            let index = usize::try_from(*seq).expect("a small number");
            assert_eq!(
                open[index].body,
                Body::Open {
                    entry: open_entry(*number).entry
                }
            );
        }
    }
}

fn is_unavailable(error: &StoreError) -> bool {
    matches!(error, StoreError::Unavailable(_))
}

/// The primary stores the entries, but the answer says that nobody knows whether they will stay.
#[tokio::test(flavor = "multi_thread")]
async fn an_append_whose_answer_was_lost_is_found_when_it_is_tried_again() {
    let mongod = Mongod::start();
    let uri = mongod.uri("tallystick");
    let store = connect(&uri).await;
    let lose_next_answer = async || {
        let error = doc! { "code": 64, "errmsg": "waiting for replication timed out" };
        fail_next_insert(&uri, doc! { "writeConcernError": error }).await;
    };

    store.append(&entries(3)).await.expect("an append");
    lose_next_answer().await;
    let error = store.append(&entries(8)[3..]).await.expect_err("no answer");
    assert!(is_unavailable(&error), "{error:?}");
    let outcomes = store.append(&entries(10)).await.expect("an append");
    assert_eq!(outcomes, [[ALREADY; 8].as_slice(), &[STORED; 2]].concat());
    assert_eq!(chain_in(&store).await, entries(10));

    let (book, writer) = (BookId([7; 32]), WriterId([8; 16]));
    let open = [open_entry(0), open_entry(1)];
    lose_next_answer().await;
    let error = store
        .append_open(&book, &writer, &open, 1)
        .await
        .expect_err("no answer");
    assert!(is_unavailable(&error), "{error:?}");
    let outcomes = store
        .append_open(&book, &writer, &open, 1)
        .await
        .expect("an append");
    assert_eq!(outcomes, [(0, Put::Already), (1, Put::Already)]);
}

/// Lets the server fail the next insert of entries in this way.
async fn fail_next_insert(uri: &str, mut how: Document) {
    how.insert("failCommands", ["insert"].as_slice());
    how.insert("namespace", "tallystick.entries");
    let fail = doc! {
        "configureFailPoint": "failCommand",
        "mode": { "times": 1 },
        "data": how,
    };
    let client = Client::with_uri_str(uri).await.expect("a client");
    let answer = client.database("admin").run_command(fail).await;
    answer.expect("test commands are enabled");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_database_refuses_entries_and_takes_them_when_there_is_room_again() {
    let mongod = Mongod::start();
    let uri = mongod.uri("tallystick");
    let store = connect(&uri).await;
    for full in [
        doc! { "errorCode": 14031 },
        doc! { "writeConcernError": { "code": 14031, "errmsg": "no space left" } },
    ] {
        fail_next_insert(&uri, full).await;
        let error = store.append(&entries(3)).await.expect_err("no room");
        assert!(matches!(error, StoreError::Full(_)), "{error:?}");
    }
    // The second time the entries were stored, only not for sure.
    assert_eq!(
        store.append(&entries(3)).await.expect("an append"),
        [ALREADY; 3]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn other_schemas_are_refused_and_damage_is_called_so() {
    let database = Database::fresh();
    let uri = database.uri();
    let store = connect(&uri).await;
    store.append(&entries(9)).await.expect("an append");
    let raw = Client::with_uri_str(&uri).await.expect("a client");
    let raw = raw.default_database().expect("a name in the URI");

    let log = raw.collection::<Document>("entries");
    let fifth = log
        .find_one(doc! {})
        .sort(doc! { "_id": 1 })
        .skip(4)
        .await
        .expect("an answer");
    let fifth = fifth
        .expect("an entry")
        .get("_id")
        .expect("an identifier")
        .clone();
    log.delete_one(doc! { "_id": fifth })
        .await
        .expect("an answer");
    let error = store
        .entries(&BOOK, &WRITER, 0, usize::MAX)
        .await
        .expect_err("a gap");
    assert!(matches!(error, StoreError::Damaged(_)), "{error:?}");
    let error = store
        .account_entries(&BOOK, &ACCOUNT, &[])
        .await
        .expect_err("a gap");
    assert!(matches!(error, StoreError::Damaged(_)), "{error:?}");

    let meta = raw.collection::<Document>("meta");
    let newer = doc! { "$set": { "schema": 2_i64 } };
    meta.update_one(doc! {}, newer).await.expect("an answer");
    let error = MongoStore::connect(&uri).await.expect_err("newer");
    assert_eq!(
        error,
        StoreError::Schema {
            found: "2".to_owned(),
            expected: 1
        }
    );
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_unavailable() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let socket = directory
        .path()
        .join("none.sock")
        .display()
        .to_string()
        .replace('/', "%2F");
    let error = MongoStore::connect(&format!("mongodb://{socket}/ledger")).await;
    assert!(is_unavailable(&error.expect_err("nobody is there")));
    let error = MongoStore::connect("mongo:/ledger")
        .await
        .expect_err("not a URI");
    assert!(is_unavailable(&error), "{error:?}");
}
