//! What MongoDB does for each query of the store, by its own account: every query walks the right
//! index, looks at little more than it returns, sorts nothing, and names the shard key.
//!
//! The queries are not repeated here: the server's profiler writes down what the store sends, and
//! each shape is explained once more as it was sent.

use std::collections::BTreeMap;

use core_nostd::{
    book::BookKind,
    ciphersuite::SuiteId,
    currency::Currency,
    ids::{BookId, Handle, WriterId},
};
use e2e_tests::mongod::Mongod;
use host_server::{
    ledger::{
        Account, AccountSum, At, Body, Book, ChainCut, Checkpoint, OpenEntry, Stored, Summand,
    },
    store::{Intent, Store, mongo::MongoStore},
};
use mongodb::{
    Client, Database,
    bson::{Bson, Document, doc},
};

const CHAINS: u8 = 3;
const CHAIN_LEN: u64 = 400;
const ACCOUNTS: u64 = 40;

fn book(number: u8) -> Book {
    Book {
        suite: SuiteId::Ristretto255,
        kind: BookKind::Authenticated,
        currency: Currency::from_code("EUR").expect("a code"),
        cap: 100_000,
        min_entries: 16,
        name: format!("book {number}"),
        public_key: vec![number; 32],
    }
}

fn handle(number: u64) -> Handle {
    let mut handle = [0; 32];
    handle[..8].copy_from_slice(&number.to_be_bytes());
    Handle(handle)
}

fn entry(book: BookId, writer: u8, seq: u64) -> Stored {
    let element = vec![writer; 32];
    let body = Body::Authenticated {
        account: handle(seq % ACCOUNTS),
        prev: seq.checked_sub(ACCOUNTS),
        tag: element.clone(),
        account_tag: element.clone(),
    };
    Stored {
        book,
        writer: WriterId([writer; 16]),
        seq,
        c1: element.clone(),
        c2: element,
        body,
        arrived_ms: 1,
    }
}

fn open_entries(range: std::ops::Range<u8>) -> Vec<OpenEntry> {
    let open = |number| OpenEntry {
        entry: [number; 16],
        c1: vec![1; 32],
        c2: vec![2; 32],
    };
    range.map(open).collect()
}

const WORKS: &str = "the store works";

/// Every method, on books and chains that are not the only ones. Statements and cuts before
/// anything is written down.
async fn fill(store: &MongoStore) {
    for number in 0..3 {
        let book = book(number);
        let id = book.id();
        store.put_book(&book).await.expect(WORKS);
        for writer in 0..CHAINS {
            let entries: Vec<_> = (0..CHAIN_LEN).map(|seq| entry(id, writer, seq)).collect();
            store.append(&entries).await.expect(WORKS);
            let writer = WriterId([writer; 16]);
            for position in (16..=CHAIN_LEN).step_by(16) {
                let cut = ChainCut {
                    writer,
                    position,
                    mac: [1; 16],
                    arrived_ms: 1,
                };
                store.put_cut(&id, &cut).await.expect(WORKS);
            }
        }
        for account in 0..ACCOUNTS {
            let account = Account {
                book: id,
                handle: handle(account),
                sealed_nid: vec![1; 48],
            };
            store.put_account(&account).await.expect(WORKS);
        }
        for statement in 0..20 {
            let text = format!("{{\"n\":{statement}}}");
            store.put_statement(&id, &text).await.expect(WORKS);
        }
        let writer = WriterId([9; 16]);
        let open = open_entries(0..100);
        let outcomes = store.append_open(&id, &writer, &open, 1).await;
        outcomes.expect(WORKS);
    }
}

async fn ask_everything(store: &MongoStore) {
    let asked = book(1);
    let (id, writer, account) = (asked.id(), WriterId([1; 16]), handle(7));
    store.put_book(&asked).await.expect(WORKS);
    store.book(&id).await.expect(WORKS);
    assert_eq!(store.books().await.expect(WORKS).len(), 3);
    let of_account = store.account(&id, &account).await.expect(WORKS);
    store
        .put_account(&of_account.expect("it was opened"))
        .await
        .expect(WORKS);
    for after in [None, Some(&account)] {
        let page = store.accounts(&id, after, 10).await.expect(WORKS);
        assert_eq!(page.len(), 10);
    }
    let more: Vec<_> = (CHAIN_LEN..CHAIN_LEN + 50)
        .map(|seq| entry(id, 1, seq))
        .collect();
    store.append(&more).await.expect(WORKS);
    store.append(&more).await.expect(WORKS);
    let open = open_entries(90..120);
    let outcomes = store.append_open(&id, &WriterId([9; 16]), &open, 1).await;
    assert_eq!(outcomes.expect(WORKS).len(), 30);
    assert_eq!(store.heads(&id).await.expect(WORKS).len(), 4);
    let place = store.next_place(&id, &writer, &account).await;
    assert_eq!(place.expect(WORKS).prev, Some(447));
    let page = store.entries(&id, &writer, 100, 100).await.expect(WORKS);
    assert_eq!(page.len(), 100);
    let of_account = store
        .account_entries(&id, &account, &[])
        .await
        .expect(WORKS);
    assert_eq!(of_account.len(), 32);
    let after = [(of_account[0].writer, of_account[3].seq), (writer, 100)];
    let tail = store.account_entries(&id, &account, &after).await;
    assert!(!tail.expect(WORKS).is_empty());
    let cuts = store.cuts(&id).await.expect(WORKS);
    assert_eq!(cuts.len(), 75);
    store.put_cut(&id, &cuts[3]).await.expect(WORKS);
    for at in [At::Latest, At::Number(3), At::Time(cuts[0].arrived_ms)] {
        let cut = store.last_cut(&id, &cuts[0].writer, at).await;
        assert!(cut.expect(WORKS).is_some());
    }
    ask_for_sums(store, id, account).await;
    store.put_statement(&id, "{}").await.expect(WORKS);
    store.put_statement(&id, "{}").await.expect(WORKS);
    assert_eq!(store.statements(&id).await.expect(WORKS).len(), 21);
    let intent = |begun_ms| Intent {
        book: id,
        writer,
        expected_seq: 5,
        request: [1; 32],
        begun_ms,
    };
    for begun_ms in [1, 2, u64::from(u32::MAX)] {
        store.begin("a key", &intent(begun_ms)).await.expect(WORKS);
    }
}

async fn ask_for_sums(store: &MongoStore, book: BookId, account: Handle) {
    let writer = WriterId([1; 16]);
    let sum = Summand {
        c1: vec![1; 32],
        c2: vec![2; 32],
        tag: Some(vec![3; 32]),
    };
    let checkpoints = [512, 1024].map(|through| Checkpoint {
        book,
        writer,
        through,
        sum: sum.clone(),
    });
    store.put_checkpoints(&checkpoints).await.expect(WORKS);
    store.put_checkpoints(&checkpoints).await.expect(WORKS);
    let last = store.last_checkpoint(&book, &writer, 1000).await;
    assert_eq!(last.expect(WORKS).as_ref(), Some(&checkpoints[0]));
    let page = store.checkpoints(&book, &writer, 600, 10).await;
    assert_eq!(page.expect(WORKS), checkpoints[1..]);
    for count in [5, 9] {
        let new = AccountSum {
            book,
            account,
            count,
            last: vec![(writer, count)],
            sum: sum.clone(),
        };
        let old_count = if count == 9 { 5 } else { 0 };
        assert!(store.move_account_sum(old_count, &new).await.expect(WORKS));
    }
    let kept = store.account_sum(&book, &account).await.expect(WORKS);
    assert_eq!(kept.map(|kept| kept.count), Some(9));
    for after in [None, Some(&account)] {
        store.account_sums(&book, after, 10).await.expect(WORKS);
    }
    store.forget_sums(&book).await.expect(WORKS);
}

/// Fields that have to be in every query of a collection, for a sharded cluster to know where the
/// answer is.
fn shard_key(collection: &str) -> &'static str {
    match collection {
        "statements" => "book",
        _ => "_id",
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_query_walks_an_index_and_names_the_shard_key() {
    let mongod = Mongod::start();
    let uri = mongod.uri("tallystick");
    let store = MongoStore::connect(&uri).await.expect("MongoDB answers");
    fill(&store).await;
    let client = Client::with_uri_str(&uri).await.expect("a client");
    let raw = client.database("tallystick");
    let profile = |level: i32| raw.run_command(doc! { "profile": level });
    profile(2).await.expect("an answer");
    ask_everything(&store).await;
    profile(0).await.expect("an answer");

    let mut shapes = BTreeMap::new();
    let mut written = raw
        .collection::<Document>("system.profile")
        .find(doc! { "appName": "tallystick" })
        .await
        .expect("an answer");
    while written.advance().await.expect("an answer") {
        let operation = written.deserialize_current().expect("a document");
        check_profile(&operation);
        let command = operation.get_document("command").expect("a command");
        if let (Ok(collection), Ok(filter)) =
            (command.get_str("find"), command.get_document("filter"))
        {
            let shape = format!("{collection}: {}", shape_of(&Bson::from(filter.clone())));
            let sort = command.get_document("sort").map(ToString::to_string);
            shapes.insert((shape, sort.unwrap_or_default()), command.clone());
        }
    }
    // One for each way to ask that the store has; a new one belongs into `ask_everything`.
    assert!(shapes.len() >= 18, "{:#?}", shapes.keys());
    for ((shape, _), command) in shapes {
        explain(&raw, &shape, command).await;
    }
}

/// What the profiler says about one operation.
fn check_profile(operation: &Document) {
    let command = operation.get_document("command").expect("a command");
    let namespace = operation.get_str("ns").expect("a namespace");
    let collection = namespace.split_once('.').expect("database.collection").1;
    let plan = operation.get_str("planSummary").unwrap_or_default();
    assert!(!plan.contains("COLLSCAN"), "{plan}: {command}");
    assert!(!operation.contains_key("hasSortStage"), "{command}");
    // A missing number is one that does not apply.
    let number = |name: &str| match operation.get(name) {
        Some(Bson::Int32(number)) => i64::from(*number),
        Some(Bson::Int64(number)) => *number,
        _ => 0,
    };
    let useful = number("nreturned") + number("nMatched") + number("ndeleted");
    for looked_at in ["keysExamined", "docsExamined"] {
        // An `$in` or a range looks at one key more for each gap and at its end.
        let most = 2 * useful + 2 + in_len(command);
        let looked = number(looked_at);
        assert!(looked <= most, "{looked_at} {looked} > {most}: {command}");
    }
    let filter = match operation.get_str("op") {
        Ok("query") => command.get_document("filter").ok(),
        Ok("update" | "remove") => command.get_document("q").ok(),
        _ => None,
    };
    let is_all = collection == "books" && filter.is_some_and(Document::is_empty);
    if let Some(filter) = filter
        && !is_all
    {
        assert!(filter.contains_key(shard_key(collection)), "{command}");
    }
}

/// How many values the filter lists: each may be looked for in vain.
fn in_len(command: &Document) -> i64 {
    let filter = command.get_document("filter").ok();
    let id = filter.and_then(|filter| filter.get_document("_id").ok());
    let values = id.and_then(|id| id.get_array("$in").ok());
    values.map_or(0, |values| i64::try_from(values.len()).expect("few"))
}

/// The filter without its values.
fn shape_of(filter: &Bson) -> String {
    match filter {
        Bson::Document(fields) => {
            let fields = fields.iter();
            let fields: Vec<_> = fields
                .map(|(name, value)| format!("{name} {}", shape_of(value)))
                .collect();
            format!("{{{}}}", fields.join(", "))
        }
        _ => "?".to_owned(),
    }
}

/// Explains a query as it was sent.
async fn explain(database: &Database, shape: &str, mut command: Document) {
    for of_the_session in ["lsid", "$clusterTime", "readConcern", "$db", "txnNumber"] {
        command.remove(of_the_session);
    }
    let request = doc! { "explain": command.clone(), "verbosity": "executionStats" };
    let explained = database.run_command(request).await.expect("an answer");
    let planner = explained.get_document("queryPlanner").expect("a plan");
    let plan = planner.get_document("winningPlan").expect("a plan");
    let mut stages = Vec::new();
    stages_of(&Bson::from(plan.clone()), &mut stages);
    // What is alternative to what is an account's entries.
    let is_by_account = shape.contains("account {") || shape.contains("$or ?");
    let expected = match is_by_account {
        true => "IXSCAN account_1",
        false if shape.contains("json ?") => "IXSCAN book_1_json_1",
        false => "IXSCAN _id_",
    };
    let uses_it = stages
        .iter()
        .any(|stage| stage == expected || (expected.ends_with("_id_") && stage == "IDHACK"));
    assert!(uses_it, "{shape} is answered by {stages:?}");
    for stage in &stages {
        assert!(!stage.contains("COLLSCAN") && stage != "SORT", "{stages:?}");
    }
    let stats = explained.get_document("executionStats").expect("figures");
    let number = |name| stats.get_i32(name).expect("a figure");
    let (keys, returned) = (number("totalKeysExamined"), number("nReturned"));
    let most = i64::from(2 * returned + 2) + in_len(&command);
    assert!(i64::from(keys) <= most, "{shape}: {stats}");
    println!("{shape}: {} keys for {returned}: {stages:?}", keys);
}

/// The stages of a plan, with the indexes they walk.
fn stages_of(plan: &Bson, stages: &mut Vec<String>) {
    match plan {
        Bson::Document(fields) => {
            if let Ok(stage) = fields.get_str("stage") {
                let index = fields.get_str("indexName").map(|name| format!(" {name}"));
                stages.push(format!("{stage}{}", index.unwrap_or_default()));
            }
            fields.values().for_each(|value| stages_of(value, stages));
        }
        Bson::Array(plans) => plans.iter().for_each(|plan| stages_of(plan, stages)),
        _ => {}
    }
}
