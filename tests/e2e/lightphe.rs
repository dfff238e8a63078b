//! LightPHE itself at the other side, in both directions: what it encrypts is summed and opened
//! here, what is encrypted here it decrypts, and both work on each other's ciphertexts. And the way
//! out of keys that can't be taken over.

use std::{fs, ops::Deref, path::Path};

use e2e_tests::{
    office::{Office, euros},
    process::text,
};
use num_bigint::BigUint;
use serde_json::{Value, json};

use peer::Peer;

mod peer;

/// An office whose token opens sums of open books too.
struct Bridge(Office);

impl Deref for Bridge {
    type Target = Office;

    fn deref(&self) -> &Office {
        &self.0
    }
}

impl Bridge {
    fn open(dir: &Path) -> Self {
        let store = format!("redb:{}", dir.join("ledger.redb").display());
        Self(Office::open(dir, &store, "totals,balances,open-sums"))
    }

    fn create(&self, name: &str, more: &[&str]) {
        let args = [
            "book",
            "create",
            name,
            "--currency",
            "EUR",
            "--cap",
            "100000.00",
        ];
        self.person.json(&[&args, more].concat());
    }

    fn post(&self, book: &str, amount: &str) {
        self.person.json(&["post", "--book", book, "--", amount]);
    }

    fn total(&self, book: &str) -> String {
        let total = self.person.json(&["total", "--book", book]);
        total["total"].as_str().expect("an amount").to_owned()
    }

    /// A narrow window keeps what `--key` prepares small.
    fn import(&self, book: &str, file: &str, more: &[&str]) -> Value {
        let args = ["lightphe", "import", "--book", book, "--window", "20", file];
        self.person.json(&[&args, more].concat())
    }

    fn export(&self, book: &str) -> Vec<Value> {
        let exported = self.person.json(&["lightphe", "export", "--book", book]);
        exported.as_array().expect("a list").clone()
    }

    /// What a command that is refused says.
    fn refusal(&self, args: &[&str]) -> String {
        let output = self.person.tally(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        text(&output.stderr)
    }
}

fn write(dir: &Path, name: &str, content: &str) -> String {
    let path = dir.join(name);
    fs::write(&path, content).expect("a file");
    path.to_str().expect("UTF-8").to_owned()
}

fn rows(dir: &Path, name: &str, rows: &[Value]) -> String {
    write(dir, name, &json!(rows).to_string())
}

/// The prime of RFC 7919, appendix A, by its formula.
fn prime(bits: u32) -> BigUint {
    let x = match bits {
        2048 => 560_316_u32,
        3072 => 2_625_351,
        _ => panic!("no such prime here"),
    };
    // ⌊2^(n−130)·e⌋ from the series of e, with 64 bits to spare.
    let one = BigUint::from(1_u8) << (bits - 130 + 64);
    let mut e = BigUint::ZERO;
    let mut term = one;
    for k in 1_u32.. {
        if term == BigUint::ZERO {
            break;
        }
        e += &term;
        term /= k;
    }
    let two_to = |n: u32| BigUint::from(1_u8) << n;
    two_to(bits) - two_to(bits - 64) + (((e >> 64_u8) + x) << 64_u8) - 1_u8
}

/// Everything on one suite, with a key of LightPHE's as the book's.
fn both_directions(bits: u32) {
    let dir = tempfile::tempdir().expect("a folder");
    let dir = dir.path();
    let office = Bridge::open(dir);
    let mut peer = Peer::start();
    let key_path = dir.join("key.json");
    let key = key_path.to_str().expect("UTF-8");
    // LightPHE draws x below p − 1: this one is above the order of 2.
    let p = prime(bits);
    let x = &p - 12_345_678_u32;
    peer.make(&p.to_string(), &x.to_string(), &key_path);
    let inspected = office.person.json(&["lightphe", "inspect", key]);
    assert_eq!(inspected["can_be_taken_over"], true);
    assert_eq!(inspected["g"]["smooth_part"], "1");
    let suite = format!("ffdhe{bits}");
    let import = ["--open", "--suite", &suite, "--import-lightphe", key];
    office.create("theirs", &import);
    office.create("theirs", &import);

    from_there(&office, &mut peer, dir, key);
    from_here(&office, &mut peer, dir);
    with_the_public_key_alone(&office, &mut peer, dir, &suite, &key_path);
}

/// Encrypted there, summed and opened here.
fn from_there(office: &Bridge, peer: &mut Peer, dir: &Path, key: &str) {
    let single: Vec<_> = [1250, 0, 7].map(|m| peer.encrypt(m)).into();
    let file = rows(dir, "single.json", &single);
    let imported = office.import("theirs", &file, &["--key", key]);
    assert_eq!(
        (&imported["rows"], &imported["already"]),
        (&3.into(), &0.into())
    );
    assert_eq!(office.total("theirs"), "12.57");
    assert_eq!(office.import("theirs", &file, &[])["already"], 3);
    assert_eq!(office.total("theirs"), "12.57", "sent again, stored once");

    // Their sum, product and re-randomisation: 1250 + 7, 7 · 3, 7 again.
    let worked = [
        peer.add(&single[0], &single[2]),
        peer.scale(&single[2], 3),
        peer.regenerate(&single[2]),
    ];
    office.import(
        "theirs",
        &rows(dir, "worked.json", &worked),
        &["--key", key],
    );
    assert_eq!(office.total("theirs"), "25.42");

    // Their 100 + (−5) is 96, there and here; −5 alone is refused, as the key shows it.
    let (hundred, minus_five) = (peer.encrypt(100), peer.encrypt(-5));
    let sum = peer.add(&hundred, &minus_five);
    assert_eq!(peer.decrypt(&sum), 96, "the documentation says so");
    office.import("theirs", &rows(dir, "sum.json", &[sum]), &["--key", key]);
    assert_eq!(office.total("theirs"), "26.38");
    let half = peer.encrypt_float(12.5);
    assert_eq!(peer.decrypt(&half), 13, "and of halves too");
    let fraction = peer.encrypt_float(0.3);
    let file = rows(dir, "minus.json", &[hundred, minus_five, fraction]);
    let import = [
        "lightphe", "import", "--book", "theirs", &file, "--key", key,
    ];
    let says = office.refusal(&import);
    for words in [
        "row 1: it decrypts to -4",
        "row 2: it holds nothing",
        "Nothing was posted",
    ] {
        assert!(says.contains(words), "{says}");
    }
    assert_eq!(office.total("theirs"), "26.38");
}

/// Encrypted here, decrypted there, and worked on in between.
fn from_here(office: &Bridge, peer: &mut Peer, dir: &Path) {
    let before = office.export("theirs").len();
    assert_eq!(before, 7);
    for amount in ["1.00", "-0.05", "0.00", "19.99"] {
        office.post("theirs", amount);
    }
    let exported = office.export("theirs");
    let [hundred, minus_five, zero, large] = &exported[before..] else {
        panic!("four were posted");
    };
    assert_eq!(peer.decrypt(hundred), 100);
    assert_eq!(peer.decrypt(zero), 0);
    assert_eq!(peer.decrypt(large), 1999);
    let sum = peer.add(hundred, minus_five);
    assert_eq!(
        peer.decrypt(&sum),
        95,
        "ours is minus five, and theirs is not"
    );
    let product = peer.scale(&sum, 3);
    assert_eq!(peer.decrypt(&product), 285);
    let again = peer.regenerate(&product);
    assert_ne!(again, product);
    assert_eq!(peer.decrypt(&again), 285);
    // Ours and theirs in one sum, and back here.
    let theirs = peer.encrypt(15);
    let mixed = peer.add(&again, &theirs);
    assert_eq!(peer.decrypt(&mixed), 300);
    assert_eq!(office.total("theirs"), "47.32");
    office.import("theirs", &rows(dir, "mixed.json", &[mixed]), &[]);
    assert_eq!(office.total("theirs"), "50.32");
}

/// A book with a key of the token's: LightPHE gets its public half and encrypts.
fn with_the_public_key_alone(
    office: &Bridge,
    peer: &mut Peer,
    dir: &Path,
    suite: &str,
    their_key: &Path,
) {
    office.create("ours", &["--open", "--suite", suite]);
    let public_key = ["book", "public-key", "ours", "--format", "lightphe"];
    let output = office.person.tally(&public_key);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let file = write(dir, "public.json", &text(&output.stdout));
    peer.load(Path::new(&file));
    let ours = peer.encrypt(42);
    let twice = peer.scale(&ours, 2);
    let file = rows(dir, "ours.json", &[ours.clone(), twice]);
    office.import("ours", &file, &[]);
    assert_eq!(office.total("ours"), "1.26");

    // Another key, an element outside the group and numbers out of range are named.
    let theirs = their_key.to_str().expect("UTF-8");
    let import = [
        "lightphe", "import", "--book", "ours", &file, "--key", theirs,
    ];
    let says = office.refusal(&import);
    assert!(says.contains("is not that of \"ours\""), "{says}");
    let minus_one = json!({"c1": (prime_of(suite) - 1_u8).to_string(), "c2": "4"});
    let zero = json!({"c1": "4", "c2": 0});
    let long = json!({"c1": "4", "c2": prime_of(suite).to_string()});
    let bad = rows(dir, "bad.json", &[ours, minus_one, zero, long]);
    let says = office.refusal(&["lightphe", "import", "--book", "ours", &bad]);
    for words in [
        "3 rows",
        "row 1: not in the group",
        "row 2: a number",
        "row 3: a number",
    ] {
        assert!(says.contains(words), "{says}");
    }
    assert_eq!(office.total("ours"), "1.26", "nothing was posted");
    peer.load(their_key);
}

fn prime_of(suite: &str) -> BigUint {
    let bits = suite.strip_prefix("ffdhe").expect("a finite field");
    prime(bits.parse().expect("a number"))
}

#[test]
fn in_both_directions_on_ffdhe2048() {
    both_directions(2048);
}

#[test]
fn in_both_directions_on_ffdhe3072() {
    both_directions(3072);
}

/// Amounts, one of them negative, under a key of LightPHE's own making, with their holders.
fn old_rows(peer: &mut Peer, count: usize) -> (Vec<Value>, i64) {
    let mut sum = 0;
    let mut rows = Vec::new();
    for row in 0..count {
        let m = i64::try_from(row * 37 % 500).expect("small") - 20;
        sum += m;
        let mut ciphertext = peer.encrypt(m);
        ciphertext["nid"] = format!("person-{:02}", row % 7).into();
        rows.push(ciphertext);
    }
    (rows, sum)
}

#[test]
fn a_key_that_no_token_takes_is_left_behind_by_a_migration_that_posts_every_row_once() {
    let dir = tempfile::tempdir().expect("a folder");
    let dir = dir.path();
    let mut office = Bridge::open(dir);
    office.create("savings", &[]);
    let mut peer = Peer::start();
    let key_path = dir.join("key.json");
    let key = key_path.to_str().expect("UTF-8");
    peer.generate(512, &key_path);
    let inspected = office.person.json(&["lightphe", "inspect", key]);
    assert_eq!(inspected["can_be_taken_over"], false);
    let says = office.refusal(&[
        "book",
        "create",
        "theirs",
        "--currency",
        "EUR",
        "--open",
        "--suite",
        "ffdhe2048",
        "--import-lightphe",
        key,
    ]);
    assert!(
        says.contains("RFC 7919") && says.contains("lightphe migrate"),
        "{says}"
    );

    let (signed, sum) = old_rows(&mut peer, 60);
    let file = rows(dir, "old.json", &signed);
    let migrate = [
        "lightphe", "migrate", "--key", key, "--book", "savings", &file,
    ];
    let says = office.refusal(&migrate);
    assert!(says.contains("row 0: it decrypts to -19"), "{says}");
    let migrate = [&migrate[..], &["--negatives", "minus-one"]].concat();
    office.0.interrupt(&migrate, "savings", 4, 15);
    let migrated = office.person.json(&migrate);
    assert_eq!(
        (&migrated["rows"], office.posted("savings")),
        (&60.into(), 60)
    );
    assert_eq!(migrated["sum"], euros(sum));
    assert_eq!(office.total("savings"), euros(sum));
    let again = office.person.json(&migrate);
    assert_eq!(
        (&again["resumed"], office.posted("savings")),
        (&60.into(), 60)
    );
    into_an_open_book(&office, dir, key, &signed, sum);
}

/// The same rows without holders, as whole euros, into a book that anybody encrypts for.
fn into_an_open_book(office: &Bridge, dir: &Path, key: &str, signed: &[Value], sum: i64) {
    office.create("open", &["--open"]);
    let bare = |row: &Value| json!({"c1": row["c1"], "c2": row["c2"]});
    let unsigned: Vec<_> = signed.iter().map(bare).collect();
    let first = rows(dir, "first.json", &unsigned[..20]);
    let all = rows(dir, "all.json", &unsigned);
    let migrate = |file: &str| {
        let args = ["lightphe", "migrate", "--key", key, "--book", "open", file];
        let more = ["--negatives", "minus-one", "--unit", "major"];
        office.person.json(&[&args[..], &more].concat())
    };
    assert_eq!(migrate(&first)["resumed"], 0);
    assert_eq!(
        migrate(&all)["resumed"],
        20,
        "a longer file brings what is new"
    );
    assert_eq!(migrate(&all)["resumed"], 60);
    assert_eq!(office.total("open"), euros(sum * 100));
    let says = office.refusal(&[
        "lightphe",
        "migrate",
        "--key",
        key,
        "--book",
        "savings",
        &first,
        "--negatives",
        "minus-one",
    ]);
    assert!(says.contains("row 0: whose is it?"), "{says}");
}
