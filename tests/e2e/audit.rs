//! The audit log over the wire: releases fill it, a reader makes room, a wipe can't hide.

use core_nostd::{
    book::BookKind,
    ids::BookId,
    wire::{AuditEvent, TokenError, audit::Released},
};
use e2e_tests::token::{AnyClient, Carrier, TestToken};
use token_client::{AuditPosition, ClientError, OwnedRules};

use crate::story::{ALL, PIN, rules};

/// Events until the log must be read.
const ROOM: u64 = 33;

/// Reads to the end of the log, each page from where the one before ended.
fn read(client: &mut AnyClient, known: &mut AuditPosition) -> Vec<AuditEvent> {
    let mut events = vec![];
    loop {
        let page = client.audit_log(known.events).expect("a page");
        assert_eq!(page.before, *known, "one chain");
        if page.events.is_empty() {
            return events;
        }
        events.extend(page.events.iter().map(|logged| logged.event));
        *known = page.after;
    }
}

fn refused<T>(answer: Result<T, ClientError>) -> Option<TokenError> {
    answer.err().and_then(|error| error.token())
}

/// Opens something of an open book, where nothing is verified: any two elements are a sum.
fn release(client: &mut AnyClient, book: BookId, element: &[u8]) -> Option<TokenError> {
    refused(client.release_open(book, 1, [element, element]))
}

fn fills_and_is_read(carrier: Carrier) {
    let dir = tempfile::tempdir().expect("a folder");
    let mut token = TestToken::start(carrier, dir.path());
    let mut client = token.client();
    client.provision(PIN, ALL).expect("keys");
    let open = OwnedRules {
        kind: BookKind::Open,
        ..rules("open")
    };
    let book = client.create_book(&open.as_rules()).expect("a book").id;
    let element = client.public_key(book).expect("a key");

    let full = Some(TokenError::AuditFull);
    let released = (0..).take_while(|_| release(&mut client, book, &element).is_none());
    assert_eq!(released.count() as u64, ROOM - 1);
    assert_eq!(client.status().expect("a status").audit_room, 0);
    assert_eq!(refused(client.change_pin(PIN, PIN)), full);
    // Wrong PINs still go into the log, and a restart does not make room.
    assert!(refused(client.unlock("no such pin")).is_some());
    if token.can_restart() {
        drop(client);
        token.kill();
        token.power_on();
        client = token.client();
    }
    client.unlock(PIN).expect("the right PIN");
    assert_eq!(release(&mut client, book, &element), full);

    let mut known = AuditPosition::default();
    let events = read(&mut client, &mut known);
    assert!(matches!(events[0], AuditEvent::Provisioned { .. }));
    let what = Released::Open { entries: 1 };
    for (number, event) in (1..ROOM).zip(&events[1..]) {
        assert_eq!(*event, AuditEvent::Released { number, book, what });
    }
    let failed = AuditEvent::UnlockFailed { tries_left: 7 };
    assert_eq!(events.last(), Some(&failed));
    assert_eq!(events.len() as u64, ROOM + 1);

    let stranger = AuditPosition {
        hash: [7; 32],
        ..known
    };
    let wrong = refused(client.acknowledge_audit(&stranger));
    assert_eq!(wrong, Some(TokenError::WrongHash));
    assert_eq!(release(&mut client, book, &element), full);
    client.acknowledge_audit(&known).expect("it was read");
    assert_eq!(release(&mut client, book, &element), None);
    assert_eq!(read(&mut client, &mut known).len(), 1);

    if token.can_restart() {
        drop(client);
        token.restart_in_ceremony_mode();
        client = token.client();
        client.wipe().expect("wiped");
        client.provision(PIN, ALL).expect("new keys");
        let events = read(&mut client, &mut known);
        assert_eq!(events[0], AuditEvent::Wiped);
        assert!(matches!(events[1..], [AuditEvent::Provisioned { .. }]));
    }
}

#[test]
fn an_audit_log_fills_in_process() {
    fills_and_is_read(Carrier::InProcess);
}

#[test]
fn an_audit_log_fills_on_a_pty() {
    fills_and_is_read(Carrier::Pty);
}

#[cfg(feature = "qemu")]
#[test]
fn an_audit_log_fills_on_the_firmware_image() {
    fills_and_is_read(Carrier::Qemu);
}

/// The same for a person with `tally`, who keeps the log in a file.
#[cfg(feature = "cli")]
mod kept {
    use std::fs;

    use e2e_tests::process::{Person, emulator_in_ceremony_mode, host_server, text};

    /// What `tally` ends with when something does not verify.
    const NOT_VERIFIED: Option<i32> = Some(6);

    #[test]
    fn a_log_in_a_file_goes_on_until_somebody_meddles_with_it_or_with_the_token() {
        let dir = tempfile::tempdir().expect("a folder");
        let server = host_server("memory:");
        let mut token = emulator_in_ceremony_mode(dir.path());
        let person = Person::new(dir.path(), &server, &token);
        let file = dir.path().join("audit.jsonl");
        let audit = ["token", "audit", "--file", file.to_str().expect("UTF-8")];
        let numbers = |log: &serde_json::Value| {
            let events = log["events"].as_array().expect("a list").iter();
            events
                .map(|event| event["number"].as_u64().expect("a number"))
                .collect::<Vec<_>>()
        };
        let info = || {
            let info = person.json(&["token", "info"]);
            (info["role"].clone(), info["audit_unread"].clone())
        };

        person.json(&["token", "provision", "--allow", "totals"]);
        assert_eq!(info(), ("treasury".into(), 1.into()));
        assert_eq!(numbers(&person.json(&audit)), [0]);
        person.json(&["token", "policy", "--allow", "totals,balances"]);
        let new = person.json(&[&audit[..], &["--acknowledge"]].concat());
        assert_eq!(numbers(&new), [1]);
        assert_eq!(info(), ("treasury".into(), 0.into()));
        let flash = dir.path().join("token.bin");
        let earlier = fs::read(&flash).expect("its flash");
        person.json(&["token", "wipe"]);
        person.json(&["token", "provision", "--allow", "totals"]);
        assert_eq!(numbers(&person.json(&audit)), [2, 3], "through a wipe");

        let refused = |person: &Person, why: &str| {
            let kept = fs::read(&file).expect("the log");
            let output = person.tally(&audit);
            assert_eq!(output.status.code(), NOT_VERIFIED);
            assert!(
                text(&output.stderr).contains(why),
                "{}",
                text(&output.stderr)
            );
            assert_eq!(fs::read(&file).expect("the log"), kept, "left as it is");
        };
        let kept = fs::read_to_string(&file).expect("the log");
        let lines: Vec<_> = kept.lines().collect();
        fs::write(&file, [lines[0], lines[2], lines[3]].join("\n")).expect("a file");
        refused(&person, "line 2");
        fs::write(&file, lines[..1].join("\n") + "\n").expect("a file");
        refused(&person, "are gone");
        fs::write(&file, &kept).expect("a file");

        let folder = dir.path().join("other");
        fs::create_dir(&folder).expect("a folder");
        let other = emulator_in_ceremony_mode(&folder);
        let stranger = Person::new(&folder, &server, &other);
        stranger.json(&["token", "provision", "--allow", "totals"]);
        refused(&stranger, "another token");

        token.kill();
        fs::write(&flash, earlier).expect("its flash");
        let old = emulator_in_ceremony_mode(dir.path());
        refused(&Person::new(dir.path(), &server, &old), "was put back");
    }
}
