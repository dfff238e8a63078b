//! Keys made and revoked by the program, and what they open over TLS.

use crate::{
    pki::{Authority, Client},
    program::Ledger,
};

#[test]
fn a_key_of_the_command_line_opens_what_it_says_until_it_is_revoked() {
    let (ledger, authority) = (Ledger::new(), Authority::new());
    let (reader, id) = ledger.create_key(&["--read"]);
    let (admin, _) = ledger.create_key(&["--admin"]);
    let arguments = ledger.tls(&authority.issue(2100));
    let client = Client::of(&authority);
    let get = |address: &str, key: Option<&str>| {
        let answer = client.get(address, "/v1/books", key).expect("an answer");
        answer.split(' ').nth(1).expect("a status").to_owned()
    };

    let server = ledger.start(&arguments);
    assert_eq!(get(&server.address, Some(&reader)), "200");
    assert_eq!(get(&server.address, Some(&admin)), "403");
    assert_eq!(get(&server.address, Some("tally_00")), "401");
    assert_eq!(get(&server.address, None), "401");
    let locked = ledger.refused(&["key", "list"]);
    assert!(locked.contains("tally key"), "{locked}");
    drop(server);

    let revoke = ledger.program(&["key", "revoke", &id]).output();
    assert!(revoke.expect("it runs").status.success());
    let list = ledger.program(&["key", "list"]).output().expect("it runs");
    let list = String::from_utf8(list.stdout).expect("text");
    assert!(
        list.contains(&format!("{id}  revoked  read  a key")),
        "{list}"
    );
    assert!(!list.contains("tally_"), "no key is shown again");
    let server = ledger.start(&arguments);
    assert_eq!(get(&server.address, Some(&reader)), "401");
}

#[test]
fn a_database_file_holds_no_key() {
    let ledger = Ledger::new();
    let (key, _) = ledger.create_key(&["--read"]);
    let file = std::fs::read(ledger.path().join("ledger.redb")).expect("a file");
    let digits = key.strip_prefix("tally_").expect("a key");
    let bytes: Vec<u8> = (0..32)
        .map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).expect("hex"))
        .collect();
    for secret in [digits.as_bytes(), &bytes] {
        assert!(!file.windows(secret.len()).any(|window| window == secret));
    }
}

#[test]
fn keys_that_make_no_sense_are_not_made() {
    let ledger = Ledger::new();
    for (arguments, word) in [
        (&["--name", "x"][..], "could do nothing"),
        (&["--name", "x", "--post", "me"], "32 hexadecimal digits"),
        (&["--name", "", "--read"], "1 to 64 characters"),
    ] {
        let said = ledger.refused(&[&["key", "create"], arguments].concat());
        assert!(said.contains(word), "{said}");
    }
    let said = ledger.refused(&["key", "revoke", &"0".repeat(32)]);
    assert!(said.contains("no key"), "{said}");
}
