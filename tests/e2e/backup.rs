//! Keys brought from one token into another as shares, on every carrier; and through another
//! implementation of SLIP-39, in both directions.

use core_nostd::{
    backup::{Quorum, Share},
    ciphersuite::SuiteId,
    wire::{State, TokenError},
};
use e2e_tests::token::{AnyClient, Carrier, TestToken};
use token_client::{ClientError, OwnedRules};

use crate::story::{ALL, PIN, rules};

/// One book of each kind.
fn books() -> [OwnedRules; 2] {
    let open = OwnedRules {
        kind: core_nostd::book::BookKind::Open,
        suite: SuiteId::Ffdhe2048,
        ..rules("open")
    };
    [rules("savings"), open]
}

/// Makes the books and returns their public keys.
fn keys(token: &mut AnyClient) -> [Vec<u8>; 2] {
    books().map(|rules| {
        let book = token.create_book(&rules.as_rules()).expect("a book");
        token.public_key(book.id).expect("a key")
    })
}

fn refusal<T>(answer: Result<T, ClientError>) -> Option<TokenError> {
    answer.err().and_then(|error| error.token())
}

/// A token that was made from these shares, and its keys.
fn restored(carrier: Carrier, shares: &[Share]) -> [Vec<u8>; 2] {
    let dir = tempfile::tempdir().expect("a folder");
    let token = TestToken::start_in_ceremony_mode(carrier, dir.path());
    let mut client = token.client();
    client.restore(PIN, ALL, shares).expect("the seed is back");
    keys(&mut client)
}

fn from_one_token_into_another(carrier: Carrier) {
    let dirs = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
    let first = TestToken::start_in_ceremony_mode(carrier, dirs[0].path());
    let mut original = first.client();
    original.provision(PIN, ALL).expect("keys");
    let expected = keys(&mut original);
    let quorum = Quorum::new(2, 3).expect("a quorum");
    let shares = original.backup(quorum).expect("shares");
    let others = original.backup(quorum).expect("others");
    let writer = original.info().writer;

    let mut second = TestToken::start_in_ceremony_mode(carrier, dirs[1].path());
    let mut client = second.client();
    let mixed = [&shares[0], &others[1]].map(again);
    let refused = refusal(client.restore(PIN, ALL, &mixed));
    assert_eq!(refused, Some(TokenError::BadShares));
    let refused = refusal(client.restore(PIN, ALL, &shares));
    assert_eq!(refused, Some(TokenError::BadShares), "one too many");
    client
        .restore(PIN, ALL, &shares[1..])
        .expect("the seed is back");
    let info = client.hello().expect("a hello");
    assert_eq!((info.state, info.books), (State::Unlocked, 0));
    assert_ne!(info.writer, writer);
    assert_eq!(keys(&mut client), expected);
    let refused = refusal(client.restore(PIN, ALL, &shares[1..]));
    assert_eq!(refused, Some(TokenError::AlreadyProvisioned));

    if second.can_restart() {
        drop(client);
        second.kill();
        second.power_on();
        let mut client = second.client();
        client.unlock(PIN).expect("the PIN");
        let book = books()[0].as_rules().id();
        assert_eq!(client.public_key(book).expect("a key"), expected[0]);
    }
}

/// The same share once more, as from a sheet of paper.
fn again(share: &Share) -> Share {
    let mut words = String::new();
    share.write_words(&mut words).expect("a string");
    Share::from_words(&words).expect("a share")
}

#[test]
fn in_process() {
    from_one_token_into_another(Carrier::InProcess);
}

#[test]
fn pty() {
    from_one_token_into_another(Carrier::Pty);
}

#[cfg(feature = "qemu")]
#[test]
fn qemu() {
    from_one_token_into_another(Carrier::Qemu);
}

/// Shares that pass through shamir-mnemonic, the reference implementation in Python.
#[cfg(feature = "slip39")]
mod slip39 {
    use std::{io::Write as _, process::Stdio};

    use core_nostd::{ciphersuite, keys::RootSeed};
    use e2e_tests::python;
    use serde_json::{Value, json};

    use super::*;

    /// Asks it one thing.
    fn ask(request: &Value) -> Value {
        let mut child = python::command("backup/peer.py", "SHAMIR_MNEMONIC")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 starts");
        let mut input = child.stdin.take().expect("piped");
        writeln!(input, "{request}").expect("it listens");
        drop(input);
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success());
        serde_json::from_slice(&output.stdout).expect("an answer in JSON")
    }

    /// Shares that it makes of a secret, in hexadecimal.
    fn split(secret: &str, threshold: u8, count: u8, exponent: u8) -> Vec<Share> {
        let request = json!({
            "op": "split", "secret": secret, "threshold": threshold, "count": count,
            "exponent": exponent,
        });
        let words: Vec<String> = serde_json::from_value(ask(&request)).expect("words");
        let shares = words.iter().map(|words| Share::from_words(words));
        shares.collect::<Result<_, _>>().expect("shares")
    }

    /// The secret that it finds in shares.
    fn combine(shares: &[&Share]) -> String {
        let words = shares.iter().map(|share| {
            let mut words = String::new();
            share.write_words(&mut words).expect("a string");
            words
        });
        let request = json!({"op": "combine", "shares": words.collect::<Vec<_>>()});
        ask(&request).as_str().expect("a secret").to_owned()
    }

    fn carriers() -> Vec<Carrier> {
        let mut all = vec![Carrier::InProcess];
        #[cfg(feature = "qemu")]
        all.push(Carrier::Qemu);
        all
    }

    #[test]
    fn what_a_token_shares_it_recovers_and_shares_again() {
        for carrier in carriers() {
            let dir = tempfile::tempdir().expect("a folder");
            let token = TestToken::start_in_ceremony_mode(carrier, dir.path());
            let mut client = token.client();
            client.provision(PIN, ALL).expect("keys");
            let expected = keys(&mut client);
            let quorum = Quorum::new(3, 5).expect("a quorum");
            let shares = client.backup(quorum).expect("shares");

            let secret = combine(&[&shares[4], &shares[0], &shares[2]]);
            assert_eq!(secret, combine(&[&shares[1], &shares[2], &shares[3]]));
            let theirs = split(&secret, 2, 2, 1);
            assert_eq!(restored(carrier, &theirs), expected, "{carrier:?}");
        }
    }

    #[test]
    fn what_it_shares_is_the_seed_that_a_token_then_has() {
        let bytes: [u8; 32] = std::array::from_fn(|i| u8::try_from(7 * i % 256).expect("a byte"));
        let secret: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let seed = RootSeed::from_bytes(&bytes);
        let [savings, open] = books().map(|rules| rules.as_rules().id());
        let expected = [
            seed.secret_key::<ciphersuite::Ristretto255Sha512>(&savings)
                .public_key()
                .to_bytes()
                .to_vec(),
            seed.secret_key::<ciphersuite::Ffdhe2048Sha512>(&open)
                .public_key()
                .to_bytes()
                .to_vec(),
        ];
        for carrier in carriers() {
            for (threshold, count, exponent) in [(1, 1, 0), (2, 3, 1), (3, 3, 4)] {
                let mut shares = split(&secret, threshold, count, exponent);
                shares.drain(..usize::from(count - threshold));
                assert_eq!(restored(carrier, &shares), expected, "{carrier:?}");
            }
        }
    }
}
