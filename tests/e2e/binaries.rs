//! The programs as a person meets them: `tally`, `host-server` and an emulated token as processes,
//! killed in the middle, and given what people mistype.

use std::{fmt::Write as _, fs, path::Path};

use e2e_tests::{
    office::{Office, euros},
    process::text,
};

const CREATE: [&str; 7] = [
    "book",
    "create",
    "savings",
    "--currency",
    "EUR",
    "--cap",
    "10000.00",
];

/// An office with one book.
fn open(dir: &Path, store: &str) -> Office {
    let office = Office::open(dir, store, "totals,balances");
    office.person.json(&CREATE);
    office
}

fn post(office: &Office, nid: &str, amount: &str) -> serde_json::Value {
    let person = &office.person;
    person.json(&["post", "--book", "savings", "--nid", nid, "--", amount])
}

fn balance(office: &Office, nid: &str) -> String {
    let person = &office.person;
    let answer = person.json(&["balance", "--book", "savings", "--nid", nid]);
    answer["balance"].as_str().expect("an amount").to_owned()
}

/// A CSV file of `rows` rows of thirty people, and its sum in cents.
fn sample(path: &Path, rows: usize) -> i64 {
    let mut csv = String::from("nid,amount\n");
    let mut sum = 0;
    for row in 0..rows {
        let cents = i64::try_from(row * 7919 % 20_011).expect("small") - 9_000;
        sum += cents;
        let sign = if cents < 0 { "-" } else { "" };
        let (whole, part) = (cents.abs() / 100, cents.abs() % 100);
        writeln!(csv, "person-{:02},{sign}{whole}.{part:02}", row % 30).expect("a string");
    }
    fs::write(path, csv).expect("a file");
    sum
}

fn by_hand(store: impl FnOnce(&Path) -> String) {
    let dir = tempfile::tempdir().expect("a folder");
    let dir = dir.path();
    let mut office = open(dir, &store(dir));
    let first = post(&office, "AB 1234", "12.50");
    assert_eq!(first["seq"], 0);
    office.power_cut();
    assert_eq!(post(&office, "ab-1234", "-2.50")["seq"], 1);
    assert_eq!(balance(&office, "AB1234"), "10.00");

    let csv = dir.join("amounts.csv");
    let expected = sample(&csv, 200) + 1_000;
    let csv = csv.to_str().expect("UTF-8").to_owned();
    let import = ["import", "--book", "savings", &csv];
    let imported = office.person.json(&import);
    assert_eq!(imported["rows"], 200);
    office.power_cut();
    let again = office.person.json(&import);
    assert_eq!(
        again["next_seq"], imported["next_seq"],
        "an import that is done posts nothing"
    );

    let file = dir.join("statement.json");
    let file = file.to_str().expect("UTF-8");
    let total = office
        .person
        .json(&["total", "--book", "savings", "--statement", file]);
    assert_eq!(total["total"], euros(expected));
    assert_eq!(
        (&total["entries"], &total["currency"]),
        (&202.into(), &"EUR".into())
    );
    assert!(office.person.tally(&["verify", file]).status.success());
    let lie = fs::read_to_string(file).expect("the statement");
    fs::write(file, lie.replace(&euros(expected), &euros(expected + 1))).expect("a file");
    assert_eq!(
        office.person.tally(&["verify", file]).status.code(),
        Some(6)
    );
    for command in [
        &["status"][..],
        &["book", "list"],
        &["token", "info"],
        &["cut", "list", "--book", "savings"],
    ] {
        office.person.json(command);
    }
}

#[test]
fn a_day_at_the_office_on_redb() {
    by_hand(|dir| format!("redb:{}", dir.join("ledger.redb").display()));
}

#[cfg(feature = "mongo")]
#[test]
fn a_day_at_the_office_on_mongo() {
    let database = e2e_tests::mongod::Database::fresh();
    by_hand(|_| database.uri());
}

#[test]
fn an_import_killed_again_and_again_posts_every_row_once() {
    let dir = tempfile::tempdir().expect("a folder");
    let dir = dir.path();
    let store = format!("redb:{}", dir.join("ledger.redb").display());
    let mut office = open(dir, &store);
    let csv = dir.join("amounts.csv");
    let expected = sample(&csv, 150);
    let csv = csv.to_str().expect("UTF-8");
    let import = ["import", "--book", "savings", csv];
    office.interrupt(&import, "savings", 6, 20);
    let imported = office.person.json(&import);
    assert_eq!(imported["rows"], 150);
    assert_eq!(office.posted("savings"), 150);
    assert_eq!(
        office.person.json(&["total", "--book", "savings"])["total"],
        euros(expected)
    );
}

/// Arguments, the exit code, and words that the sentence must have.
type Mistake<'a> = (&'a [&'a str], i32, &'a [&'a str]);

#[test]
fn mistakes_get_a_sentence_that_helps() {
    let dir = tempfile::tempdir().expect("a folder");
    let dir = dir.path();
    let store = format!("redb:{}", dir.join("ledger.redb").display());
    let office = open(dir, &store);
    let post = |nid, amount| ["post", "--book", "savings", "--nid", nid, "--", amount];
    let forty = "A".repeat(40);
    let mistakes: [Mistake<'_>; 9] = [
        (&post("AB1234", "12.345"), 2, &["EUR", "2 decimals"]),
        (&post("AB1234", "1e5"), 2, &["digits"]),
        (&post("AB1234", "12.345 EUR"), 2, &["EUR", "2 decimals"]),
        (&post("AB1234", "10000.01"), 2, &["10000.00"]),
        (&post(&forty, "1.00"), 2, &["32"]),
        (&post("A!", "1.00"), 2, &["letters"]),
        (
            &["balance", "--book", "nothing", "--nid", "AB1234"],
            2,
            &["nothing"],
        ),
        (&["total", "--book", "savings"], 1, &["entries"]),
        (&["verify", "/no/such/file"], 1, &["/no/such/file"]),
    ];
    for (args, code, words) in mistakes {
        let output = office.person.tally(args);
        let says = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {says}");
        assert!(
            words.iter().all(|word| says.contains(word)),
            "{args:?}: {says}"
        );
        assert!(!says.contains(&forty) && !says.contains("271828"), "{says}");
    }
    assert_eq!(office.posted("savings"), 0);

    let Office {
        person,
        mut token,
        mut server,
        ..
    } = office;
    server.kill();
    let output = person.tally(&post("AB1234", "1.00"));
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("host-server"));
    token.kill();
    let output = person.tally(&["token", "info"]);
    assert_eq!(output.status.code(), Some(4), "{}", text(&output.stderr));
}
