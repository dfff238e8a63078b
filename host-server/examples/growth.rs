//! What a ledger costs as it grows: fills an empty store with entries and measures, at each power
//! of ten, room, the time of an append, and the time of every question a server is asked.
//!
//! ```sh
//! cargo run --release -p host-server --features mongo --example growth -- redb:/tmp/x.redb 1000000
//! cargo run --release -p host-server --features mongo --example growth -- mongodb://… 1000000
//! ```
//!
//! One book, eight chains, an account for every ten entries. The elements are of the group, but
//! taken from a list; nobody could open these entries.

use std::{
    env, fs,
    sync::Arc,
    time::{Duration, Instant},
};

use core_nostd::{
    book::BookKind,
    ciphersuite::{Ciphersuite, Ristretto255Sha512},
    currency::Currency,
    group::Group,
    ids::{Handle, WriterId},
};
use host_server::{
    ledger::{Body, Book, Stored},
    store::{Store, redb::RedbStore},
    sums::{Of, Span, Sums},
};

type Suite = Ristretto255Sha512;

const CHAINS: u64 = 8;
/// Entries of one append.
const BATCH_LEN: u64 = 1000;
const ENTRIES_AN_ACCOUNT: u64 = 10;
/// How often each question is asked.
const QUESTIONS: u64 = 50;

#[tokio::main]
async fn main() {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [store, most] = &arguments[..] else {
        panic!("usage: growth redb:PATH|mongodb://… ENTRIES");
    };
    let most: u64 = most.parse().expect("a number of entries");
    println!(
        "| entries | bytes an entry | entries/s | one append | next place | balance | total, cold \
         | total | total of a tenth |"
    );
    println!("|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
    match store.strip_prefix("redb:") {
        Some(path) => {
            let open = RedbStore::open(path).expect("a new file");
            let room = async || fs::metadata(path).expect("a file").len();
            Growing::new(open).run(most, room).await;
        }
        None => on_mongo(store, most).await,
    }
}

#[cfg(feature = "mongo")]
async fn on_mongo(uri: &str, most: u64) {
    use mongodb::{Client, bson::doc};
    let store = host_server::store::mongo::MongoStore::connect(uri).await;
    let client = Client::with_uri_str(uri).await.expect("a URI");
    let database = client.default_database().expect("a name in the URI");
    let room = async || {
        // What is not yet in the files is not counted.
        let admin = client.database("admin");
        let synced = admin.run_command(doc! { "fsync": 1 }).await;
        synced.expect("an answer");
        let stats = database.run_command(doc! { "dbStats": 1 }).await;
        let bytes = stats.expect("an answer").get_f64("totalSize");
        format!("{:.0}", bytes.expect("a size"))
            .parse()
            .expect("a number")
    };
    Growing::new(store.expect("MongoDB answers"))
        .run(most, room)
        .await;
}

#[cfg(not(feature = "mongo"))]
async fn on_mongo(_: &str, _: u64) {
    panic!("this build has no MongoDB");
}

struct Growing<S> {
    sums: Arc<Sums<S>>,
    book: Book,
    elements: Vec<Vec<u8>>,
    len: u64,
}

impl<S: Store> Growing<S> {
    fn new(store: S) -> Self {
        type G = <Suite as Ciphersuite>::Group;
        let element = |of| G::encode(&G::mul_base_i64(of)).as_ref().to_vec();
        let elements: Vec<Vec<u8>> = (1..4096).map(element).collect();
        let book = Book {
            suite: Suite::ID,
            kind: BookKind::Authenticated,
            currency: Currency::from_code("EUR").expect("a code"),
            cap: 100_000,
            min_entries: 16,
            name: "growth".to_owned(),
            public_key: elements[0].clone(),
        };
        Self {
            sums: Arc::new(Sums::new(Arc::new(store))),
            book,
            elements,
            len: 0,
        }
    }

    async fn run(mut self, most: u64, room: impl AsyncFn() -> u64) {
        self.sums
            .store()
            .put_book(&self.book)
            .await
            .expect("a book");
        let mut size = 100_000;
        while size <= most {
            let begun = Instant::now();
            let added = size - self.len;
            self.grow(size).await;
            let rate = added.to_f64() / begun.elapsed().as_secs_f64();
            let bytes = room().await.to_f64() / size.to_f64();
            let times = self.ask().await;
            println!("| {size} | {bytes:.0} | {rate:.0} | {times} |");
            size *= 10;
        }
    }

    fn entry(&self, writer: u64, seq: u64) -> Stored {
        let accounts = (1 + seq / BATCH_LEN) * BATCH_LEN / ENTRIES_AN_ACCOUNT;
        let account = (seq * 7919 + writer * 31) % accounts;
        let pick = |step: u64| {
            let index = (seq * step + writer * 97) % self.elements.len() as u64;
            self.elements[usize::try_from(index).expect("small")].clone()
        };
        Stored {
            book: self.book.id(),
            writer: writer_id(writer),
            seq,
            c1: pick(3),
            c2: pick(7),
            body: Body::Authenticated {
                account: handle(writer, account),
                prev: None,
                tag: pick(11),
                account_tag: pick(13),
            },
            arrived_ms: 1_700_000_000_000 + seq,
        }
    }

    /// Appends until all chains together have `size` entries, a batch of each chain at a time, and
    /// keeps checkpoints as a server would.
    async fn grow(&mut self, size: u64) {
        let (from, to) = (self.len / CHAINS, size / CHAINS);
        let mut next = from;
        while next < to {
            let end = to.min(next + BATCH_LEN);
            let append = async |writer: u64| {
                let entries: Vec<_> = (next..end).map(|seq| self.entry(writer, seq)).collect();
                self.sums.store().append(&entries).await.expect("stored");
            };
            futures_util::future::join_all((0..CHAINS).map(append)).await;
            next = end;
        }
        self.len = to * CHAINS;
    }

    /// The times of everything that is asked, as columns.
    async fn ask(&mut self) -> String {
        let (of, id) = (Of::from(&self.book), self.book.id());
        let len = self.len / CHAINS;
        let store = self.sums.store();
        let mut columns = Vec::new();

        let begun = Instant::now();
        for number in 0..QUESTIONS {
            let entry = self.entry(0, len + number);
            store
                .append(std::slice::from_ref(&entry))
                .await
                .expect("stored");
        }
        columns.push(each(begun));
        let begun = Instant::now();
        for number in 0..QUESTIONS {
            let account = handle(1, number * 37 % (len / ENTRIES_AN_ACCOUNT));
            let place = store.next_place(&id, &writer_id(1), &account).await;
            assert_eq!(place.expect("a place").next_seq, len);
        }
        columns.push(each(begun));
        let begun = Instant::now();
        for number in 0..QUESTIONS {
            let account = handle(1, number * 37 % (len / ENTRIES_AN_ACCOUNT));
            self.sums.balance(of, &account).await.expect("a balance");
        }
        columns.push(each(begun));

        let span = |from, to| {
            move |writer| Span {
                writer: writer_id(writer),
                from,
                to,
            }
        };
        let all: Vec<_> = (0..CHAINS).map(span(0, len)).collect();
        // The first makes the checkpoints, the second finds them, with nothing in memory.
        self.sums.total(of, &all).await.expect("a total");
        let sums = Sums::new(Arc::clone(self.sums.store()));
        let begun = Instant::now();
        sums.total(of, &all).await.expect("a total");
        columns.push(begun.elapsed());
        let begun = Instant::now();
        for _ in 0..QUESTIONS {
            sums.total(of, &all).await.expect("a total");
        }
        columns.push(each(begun));
        let begun = Instant::now();
        for number in 0..QUESTIONS {
            let from = len / 3 + number * 1013 % (len / 3);
            let tenth: Vec<_> = (0..CHAINS).map(span(from, from + len / 10)).collect();
            sums.total(of, &tenth).await.expect("a total");
        }
        columns.push(each(begun));
        let text = columns
            .into_iter()
            .map(|time| format!("{:.2} ms", time.as_secs_f64() * 1e3));
        // What was appended one by one is there the next time, too.
        text.collect::<Vec<_>>().join(" | ")
    }
}

fn each(begun: Instant) -> Duration {
    begun.elapsed() / u32::try_from(QUESTIONS).expect("small")
}

fn writer_id(writer: u64) -> WriterId {
    let mut id = [0x55; 16];
    id[0] = writer.to_be_bytes()[7];
    WriterId(id)
}

/// Spread like a PRF's values, and the same each time.
fn handle(writer: u64, account: u64) -> Handle {
    let mut id = [0; 32];
    let number = account.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ writer;
    for (part, turn) in id.chunks_mut(8).zip(0..) {
        part.copy_from_slice(&number.rotate_left(turn * 17).to_be_bytes());
    }
    Handle(id)
}

/// Numbers for quotients, which need no more than 53 bits.
trait AsF64 {
    fn to_f64(self) -> f64;
}

impl AsF64 for u64 {
    fn to_f64(self) -> f64 {
        let part = |bits: u64| f64::from(u32::try_from(bits & 0xffff_ffff).expect("32 bits"));
        part(self >> 32) * 4_294_967_296.0 + part(self)
    }
}
