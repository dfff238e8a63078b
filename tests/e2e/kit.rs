//! The image of the nRF52840 kit, on a model of its chip that checks what is done to it.
//!
//! What a kit's owner would do first: switch it on, make keys, post, lose power, hold the button.
//! `kit/nrf52840.py` is the chip; it ends, and the test with it, when the image writes flash that
//! is locked or already written twice, reads what is hidden, or forgets the watchdog.

use std::{
    fs,
    path::{Path, PathBuf},
};

use core_nostd::wire::{Posting, State, TokenError};
use e2e_tests::{process::Service, python};
use token_client::{Address, Client, ClientError, Port};

use crate::story::{ALL, rules};

const PIN: &str = "correct horse";

/// UICR.APPROTECT in the saved state, which begins with UICR.
const APPROTECT: usize = 0x208;

/// How the button is used, in milliseconds.
#[derive(Clone, Copy)]
struct Hand {
    /// For how long from power-on it is held.
    held: u32,
    /// For how long it is pressed when the LED asks something.
    press: u32,
}

/// A kit with power. Dropping it cuts that.
struct Kit {
    _chip: Service,
    client: Client<Port>,
}

impl Kit {
    fn start(dir: &Path, hand: Hand) -> Self {
        let elf = std::env::var_os("KIT_ELF").expect("KIT_ELF names the image");
        let socket = dir.join("line.sock");
        let _ = fs::remove_file(&socket);
        let chip = Service::start(
            python::command("kit/nrf52840.py", "UNICORN")
                .arg(elf)
                .arg("--socket")
                .arg(&socket)
                .arg("--state")
                .arg(state(dir))
                .args(["--held", &hand.held.to_string()])
                .args(["--press", &hand.press.to_string()]),
        );
        let client = Client::connect(&Address::Unix(socket)).expect("the token says hello");
        Self {
            _chip: chip,
            client,
        }
    }
}

fn state(dir: &Path) -> PathBuf {
    dir.join("kit.bin")
}

const SHORT: Hand = Hand {
    held: 0,
    press: 300,
};
const HELD_THEN_LONG: Hand = Hand {
    held: 3_000,
    press: 2_000,
};

#[test]
fn a_kit_keeps_what_it_signed_and_enters_ceremony_mode_only_from_power_on() {
    let dir = tempfile::tempdir().expect("a folder");

    // The first start shuts the debug port and restarts, which is no power-on, whoever holds what.
    let kit = Kit::start(dir.path(), HELD_THEN_LONG);
    let info = kit.client.info();
    assert_eq!(info.state, State::Empty);
    assert!(info.true_random && !info.ceremony, "{info:?}");
    let saved = fs::read(state(dir.path())).expect("saved");
    assert_eq!(saved[APPROTECT..APPROTECT + 4], [0; 4], "the debug port");
    drop(kit);

    let mut kit = Kit::start(dir.path(), SHORT);
    assert!(!kit.client.info().ceremony);
    kit.client.provision(PIN, ALL).expect("a short press");
    let book = kit.client.create_book(&rules("till").as_rules());
    let book = book.expect("a book").id;
    let account = kit.client.handle(book, "AB 1234").expect("a handle").handle;
    let posting = Posting {
        account,
        prev: None,
        minor: 1_250,
    };
    let posted = kit.client.post(book, 0, posting).expect("an entry");
    drop(kit);

    let mut kit = Kit::start(dir.path(), HELD_THEN_LONG);
    let info = kit.client.info();
    assert_eq!((info.state, info.ceremony), (State::Locked, true));
    kit.client.unlock(PIN).expect("the PIN");
    assert_eq!(kit.client.last_entry(book).expect("kept"), posted);
    let wiped = kit.client.wipe().map_err(|error| refusal(&error));
    assert_eq!(wiped, Err(TokenError::Denied), "a long press");
}

fn refusal(error: &ClientError) -> TokenError {
    error
        .token()
        .unwrap_or_else(|| panic!("no answer of the token: {error}"))
}
