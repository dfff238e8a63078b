//! The life of a token: made, locked, guessed at, blocked, wiped; and what a press of its button is
//! needed for.

use std::{
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use core_nostd::wire::{State, TokenError};
use e2e_tests::token::{AnyClient, Carrier, TestToken, scripted};
use emulator::{Answers, Emulator, Listen, Options, Script};
use token_client::{Client, ClientError, Deadlines};

use crate::story::{ALL, rules};

const PIN: &str = "correct horse";
const WRONG: &str = "battery staple";
const TRIES: u8 = 8;

fn refused<T>(answer: Result<T, ClientError>) -> TokenError {
    match answer {
        Ok(_) => panic!("not refused"),
        Err(error) => error
            .token()
            .unwrap_or_else(|| panic!("no answer of the token: {error}")),
    }
}

fn state(token: &mut AnyClient) -> (State, u8) {
    let info = token.hello().expect("a hello");
    (info.state, info.tries_left)
}

/// Counts how often the token says that it waits; at that number the request is cancelled.
fn said_waiting(client: &mut AnyClient, cancel_at: Option<u32>) -> Arc<AtomicU32> {
    let said = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&said);
    client.on_waiting(Box::new(move || {
        match Some(count.fetch_add(1, Ordering::Relaxed) + 1) == cancel_at {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }));
    said
}

fn lives(carrier: Carrier) {
    let dir = tempfile::tempdir().expect("a folder");
    let mut token = TestToken::start(carrier, dir.path());
    let mut client = token.client();
    assert_eq!(state(&mut client), (State::Empty, TRIES));
    assert_eq!(refused(client.unlock(PIN)), TokenError::NotProvisioned);
    for bad in ["", "12345", "12345678901234567"] {
        assert_eq!(refused(client.provision(bad, ALL)), TokenError::BadPin);
    }
    client.provision(PIN, ALL).expect("keys");
    assert_eq!(
        refused(client.provision(PIN, ALL)),
        TokenError::AlreadyProvisioned
    );
    let book = client
        .create_book(&rules("kept").as_rules())
        .expect("a book")
        .id;
    let key = client.public_key(book).expect("a key");

    client.lock().expect("locked");
    assert_eq!(refused(client.public_key(book)), TokenError::Locked);
    assert_eq!(
        refused(client.unlock(WRONG)),
        TokenError::WrongPin {
            tries_left: TRIES - 1
        }
    );
    client
        .unlock(PIN)
        .expect("the right PIN gives the tries back");
    assert_eq!(state(&mut client), (State::Unlocked, TRIES));
    assert_eq!(client.public_key(book).expect("a key"), key);
    let wrong = refused(client.change_pin(WRONG, "another one"));
    assert_eq!(
        wrong,
        TokenError::WrongPin {
            tries_left: TRIES - 1
        }
    );
    client
        .change_pin(PIN, "another one")
        .expect("the PIN is changed");

    drop(client);
    guess(&mut token, carrier);
    let mut client = token.client();
    assert_eq!(refused(client.unlock("another one")), TokenError::Blocked);
    assert_eq!(state(&mut client).0, State::Blocked);

    assert_eq!(refused(client.wipe()), TokenError::CeremonyRequired);
    drop(client);
    token.restart_in_ceremony_mode();
    let mut client = token.client();
    assert!(client.info().ceremony);
    client.wipe().expect("wiped");
    assert_eq!(state(&mut client), (State::Empty, TRIES));
    client.provision(PIN, ALL).expect("new keys");
    assert!(client.books().expect("a list").is_empty());
    client
        .create_book(&rules("kept").as_rules())
        .expect("a book");
    assert_ne!(
        client.public_key(book).expect("a key"),
        key,
        "the keys are new"
    );
}

/// Guesses until the token blocks itself, across power cuts: no try comes back.
fn guess(token: &mut TestToken, carrier: Carrier) {
    for left in (0..TRIES).rev() {
        token.kill();
        token.power_on();
        let mut client = token.client();
        let expected = TokenError::WrongPin { tries_left: left };
        let waited = said_waiting(&mut client, None);
        assert_eq!(refused(client.unlock(PIN)), expected);
        // Nothing before the first three tries, 8 s and 16 s before the last two, though the
        // token has just been switched on.
        let waited = waited.load(Ordering::Relaxed) > 0;
        assert!(
            if left > 4 {
                !waited
            } else {
                waited || left > 1
            },
            "{left}"
        );
        if left == 1 && carrier != Carrier::InProcess {
            // The clock of the token in this process skips the wait before it can be cancelled.
            let _ = said_waiting(&mut client, Some(2));
            assert_eq!(refused(client.unlock(PIN)), TokenError::Cancelled);
            assert_eq!(state(&mut client), (State::Locked, 1));
        }
    }
}

#[test]
fn a_token_lives_in_process() {
    lives(Carrier::InProcess);
}

#[cfg(feature = "qemu")]
#[test]
fn a_token_lives_on_the_firmware_image() {
    lives(Carrier::Qemu);
}

#[test]
fn a_second_client_is_told_that_the_token_is_busy() {
    let dir = tempfile::tempdir().expect("a folder");
    let options = Options {
        state: dir.path().join("token.bin"),
        listen: Listen::Unix(dir.path().join("token.sock")),
        answers: Answers::Yes,
        ceremony: false,
    };
    let emulator = Emulator::start(&options).expect("a token");
    let address = emulator.address().to_string().parse().expect("an address");
    std::thread::spawn(move || emulator.serve());
    let mut first = Client::connect(&address).expect("a hello");
    assert_eq!(refused(Client::connect(&address)), TokenError::Busy);
    first.hello().expect("the first is not disturbed");
    drop(first);
    // The line is free once the token has seen its end.
    while let Err(error) = Client::connect(&address) {
        assert_eq!(error.token(), Some(TokenError::Busy));
    }
}

#[test]
fn nothing_opens_without_the_button() {
    let script = Script::new([false, true]);
    let (line, _thread) = scripted(&script);
    let timeout = std::time::Duration::from_millis(100);
    line.set_read_timeout(Some(timeout)).expect("a socket");
    let mut client = Client::open(line, Deadlines::default()).expect("a hello");
    assert_eq!(refused(client.provision(PIN, ALL)), TokenError::Denied);
    client.provision(PIN, ALL).expect("keys");
    assert_eq!(script.prompts().len(), 2, "one press, one provisioning");
    assert!(script.notices().is_empty());
}
