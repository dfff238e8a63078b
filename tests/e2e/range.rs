//! Sums outside the window that is searched: opened by the token, not decoded, and nothing lost.

use std::path::{Path, PathBuf};

use e2e_tests::{
    api::Api,
    process::{Person, Service, emulator_with_button, host_server, text},
};
use host_api as api;

/// A window below the sum of all entries and above that of each half.
const NARROW: &str = "20";
/// What four entries of at most 100,000.00 need: their bound is 40,000,000 cents.
const NEEDED: &str = "26";
/// In the order of posting; a cut falls in the middle and at the end.
const AMOUNTS: [&str; 4] = ["8000.00", "1000.00", "8000.00", "2000.00"];

/// A token whose button can be taken away, a server, and a book with [`AMOUNTS`] in it.
struct Office {
    dir: PathBuf,
    person: Person,
    token: Service,
    server: Service,
}

impl Office {
    fn open(dir: &Path) -> Self {
        let (token, server) = (emulator_with_button(dir, "yes"), host_server("memory:"));
        let person = Person::new(dir, &server, &token);
        person.json(&["token", "provision", "--allow", "totals,balances"]);
        let create = ["book", "create", "large", "--currency", "EUR"];
        let rules = ["--cap", "100000.00", "--min-entries", "2"];
        person.json(&[&create[..], &rules].concat());
        for amount in AMOUNTS {
            person.json(&["post", "--book", "large", "--nid", "AB1234", "--", amount]);
        }
        Self {
            dir: dir.to_owned(),
            person,
            token,
            server,
        }
    }

    /// The same token with a button that gives this answer.
    fn with_button(&mut self, answer: &str) {
        self.token.kill();
        self.token = emulator_with_button(&self.dir, answer);
        self.person.token.clone_from(&self.token.address);
    }

    /// `tally total` or `balance` of the book.
    fn opens(&self, command: &str, more: &[&str]) -> serde_json::Value {
        self.person
            .json(&[&[command, "--book", "large"], more].concat())
    }

    /// It fails with this exit code; what it says.
    #[track_caller]
    fn fails(&self, code: i32, command: &str, more: &[&str]) -> String {
        let output = self
            .person
            .tally(&[&[command, "--book", "large"], more].concat());
        let says = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{more:?}: {says}");
        says
    }

    fn published(&self) -> Vec<api::Statement> {
        let server = Api::new(&self.server.address);
        let books: api::Books = server.get("/v1/books").expect("a list");
        let path = format!("/v1/books/{}/statements", books.books[0].book);
        let statements: api::Statements = server.get(&path).expect("a list");
        statements.statements
    }
}

#[track_caller]
fn assert_says(text: &str, words: &[&str]) {
    for words in words {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[test]
fn a_total_outside_the_window_opens_after_all_and_nobody_presses_again() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut office = Office::open(dir.path());
    let says = office.fails(1, "total", &["--window", NARROW]);
    assert_says(
        &says,
        &[
            "warning: 4 entries are between -400000.00 and 400000.00 EUR together",
            "not between -10485.75 and 10485.75 EUR",
            "a window of 20 bits",
            "entries times cap allow between -400000.00 and 400000.00 EUR",
            "`tally total --last --window 26`",
            "cut by cut",
        ],
    );
    assert_eq!(office.published(), []);

    office.with_button("no");
    office.fails(5, "total", &[]);
    let file = dir.path().join("statement.json");
    let file = file.to_str().expect("UTF-8");
    let wider = ["--last", "--window", NEEDED, "--table-bits", "12"];
    let total = office.opens("total", &[&wider[..], &["--statement", file]].concat());
    assert_eq!(
        (&total["total"], &total["entries"]),
        (&"19000.00".into(), &4.into())
    );
    assert_eq!(total["bound"], "40000000");
    assert!(office.person.tally(&["verify", file]).status.success());
    let published = office.published();
    assert_eq!(published.len(), 1);
    assert_eq!(published[0].amount, "19000.00");

    // Without a window it is looked for as far as entries times cap reach; it is published once.
    let again = office.opens("total", &["--last"]);
    assert_eq!(again["statement"], total["statement"]);
    assert_eq!(office.published(), published);
}

#[test]
fn a_total_outside_the_window_opens_cut_by_cut() {
    let dir = tempfile::tempdir().expect("a folder");
    let office = Office::open(dir.path());
    office.fails(1, "total", &["--window", NARROW]);
    let parts = [&["--to", "1"][..], &["--from", "1", "--to", "2"]].map(|part| {
        let total = office.opens("total", &[part, &["--window", NARROW]].concat());
        assert_eq!(
            (&total["entries"], &total["bound"]),
            (&2.into(), &"20000000".into())
        );
        total["total"].clone()
    });
    assert_eq!(parts, ["9000.00", "10000.00"]);
    let whole = office.opens("total", &[]);
    assert_eq!(whole["total"], "19000.00");
    let says = office.person.tally(&["total", "--book", "large"]);
    assert_says(&text(&says.stderr), &["sure to be decoded"]);
}

#[test]
fn what_the_token_opened_last_is_given_to_who_asks_for_it_only() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut office = Office::open(dir.path());
    let nid = ["--nid", "ab-1234"];
    let says = office.fails(1, "balance", &[&nid[..], &["--window", NARROW]].concat());
    assert_says(&says, &["`tally balance --last --window 26`"]);
    office.with_button("no");
    let says = office.fails(1, "total", &["--last"]);
    assert_says(&says, &["something else last"]);
    office.fails(1, "balance", &["--last", "--nid", "CD5678"]);
    let balance = office.opens("balance", &[&nid[..], &["--last"]].concat());
    assert_eq!(balance["balance"], "19000.00");
    assert_eq!(office.published(), [], "nobody else's business");
}

#[test]
fn tables_are_built_beforehand_and_limits_are_named() {
    let dir = tempfile::tempdir().expect("a folder");
    let office = Office::open(dir.path());
    for (suite, bits) in [("ristretto255", "11"), ("ffdhe2048", "9")] {
        let build = ["table", "build", "--suite", suite, "--bits", bits];
        let built = office.person.json(&build);
        let file = Path::new(built["file"].as_str().expect("a path"));
        let len = std::fs::metadata(file).expect("a file").len();
        assert_eq!(
            (&built["suite"], &built["bytes"]),
            (&suite.into(), &len.into())
        );
        assert_eq!(office.person.json(&build), built, "it is there already");
    }
    let total = office.opens("total", &["--table-bits", "11"]);
    assert_eq!(total["total"], "19000.00");

    let limits: [(&[&str], &str); 5] = [
        (&["--window", "0"], "1 to 61 bits"),
        (&["--window", "62"], "1 to 61 bits"),
        (&["--window", "wide"], "1 to 61 bits"),
        (&["--table-bits", "29"], "1 to 28 bits"),
        (&["--last", "--from", "1"], "cannot be used with"),
    ];
    for (args, words) in limits {
        assert_says(&office.fails(2, "total", args), &[words]);
    }
}
