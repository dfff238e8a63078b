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
