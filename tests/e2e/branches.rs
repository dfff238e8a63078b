//! A treasury and a branch, as the people at both see them: `tally` and emulated tokens, with one
//! server between.

use std::fs;

use e2e_tests::process::{Person, emulator_in_ceremony_mode, host_server, text};

/// Creates a book on the treasury and the server, cut after 4 entries.
fn create(chief: &Person, name: &str) {
    let rules = ["--currency", "EUR", "--min-entries", "4"];
    chief.json(&[&["book", "create", name][..], &rules].concat());
}

fn post(person: &Person, book: &str, amount: &str) -> serde_json::Value {
    let nid = "AB 1234";
    person.json(&["post", "--book", book, "--nid", nid, "--", amount])
}

#[test]
fn a_branch_is_enrolled_posts_gets_another_book_and_is_revoked() {
    let dir = tempfile::tempdir().expect("a folder");
    let folder = |name: &str| {
        let folder = dir.path().join(name);
        fs::create_dir_all(&folder).expect("a folder");
        folder
    };
    let homes = [folder("treasury"), folder("branch")];
    let [treasury, branch] = homes.each_ref().map(|home| emulator_in_ceremony_mode(home));
    let server = host_server("memory:");
    let chief = Person::new(&homes[0], &server, &treasury);
    let clerk = Person::new(&homes[1], &server, &branch);
    chief.json(&["token", "provision", "--allow", "totals,balances"]);
    create(&chief, "savings");

    let pin = dir.path().join("pin");
    fs::write(&pin, "271828\n").expect("a file");
    let pin = pin.to_str().expect("UTF-8");
    let enrol = ["token", "enrol", "--writer", &branch.address];
    let enrol = [&enrol[..], &["--name", "north", "--writer-pin-file", pin]].concat();
    let enrolled = chief.json(&enrol);
    assert_eq!(enrolled["books"], serde_json::json!(["savings"]));
    let id = enrolled["writer"].as_str().expect("an id").to_owned();
    assert_eq!(clerk.json(&["token", "info"])["writer"], id.as_str());
    let again = chief.tally(&enrol);
    assert!(!again.status.success() && text(&again.stderr).contains("the writer: "));

    for _ in 0..4 {
        assert_eq!(post(&clerk, "savings", "2.00")["writer"], id.as_str());
        post(&chief, "savings", "-0.50");
    }
    clerk.json(&["cut", "--book", "savings"]);
    let total = || chief.json(&["total", "--book", "savings"]);
    let opened = total();
    assert_eq!(
        (&opened["total"], &opened["entries"]),
        (&"6.00".into(), &8.into())
    );
    let balance = ["balance", "--book", "savings", "--nid", "ab1234"];
    assert_eq!(chief.json(&balance)["balance"], "6.00");
    for refused in [&balance[..], &["total", "--book", "savings"]] {
        let output = clerk.tally(refused);
        assert!(!output.status.success() && text(&output.stderr).contains("role"));
    }

    create(&chief, "loans");
    let grant = chief.tally(&["book", "grant", "loans", "--writer", &id]);
    assert!(grant.status.success(), "{}", text(&grant.stderr));
    let file = dir.path().join("grant.json");
    fs::write(&file, &grant.stdout).expect("a file");
    let file = file.to_str().expect("UTF-8");
    assert_eq!(clerk.json(&["book", "take", file])["name"], "loans");
    assert_eq!(post(&clerk, "loans", "7.00")["seq"], 0);
    fs::write(
        file,
        text(&grant.stdout).replace("\"cap\": 1", "\"cap\": 2"),
    )
    .expect("a file");
    assert!(!clerk.tally(&["book", "take", file]).status.success());

    let revoked = chief.json(&["token", "writer", "revoke", "north"]);
    assert_eq!(
        revoked["books"],
        serde_json::json!([["savings", 4], ["loans", 1]])
    );
    let listed = chief.json(&["token", "writers"]);
    assert_eq!(listed[0]["standing"], "revoked");
    assert_eq!(total()["total"], "6.00", "what there was goes on counting");
    for _ in 0..4 {
        post(&clerk, "savings", "2.00");
    }
    clerk.json(&["cut", "--book", "savings"]);
    let output = chief.tally(&["total", "--book", "savings"]);
    assert!(!output.status.success() && text(&output.stderr).contains("not what the server says"));
    assert_eq!(
        chief.json(&["total", "--book", "savings", "--to", "1"])["total"],
        "6.00"
    );
}
