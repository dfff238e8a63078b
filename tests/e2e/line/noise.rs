//! Very many frames of noise between good commands: each costs one error, the next good command
//! works, and nothing changes. And a question that nobody answers.

use core_nostd::{
    group::{Group, ristretto255::Ristretto255},
    ids::{BookId, Handle},
    wire::{FRAME_LEN_MAX, Policy, Posting, Request, Response, Rules, TokenError, frame},
};
use e2e_tests::token::{Carrier, TestToken};
use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng, SeedableRng},
};

use super::{Raw, SESSION};

const PIN: &str = "271828";

const RULES: Rules<'static> = Rules {
    suite: 1,
    kind: 1,
    currency: *b"EUR",
    scale: 2,
    cap: 1000,
    min_entries: 2,
    name: "noise",
};

const EVERYTHING: Policy = Policy {
    totals: true,
    balances: true,
    open_sums: true,
};

/// So many frames of noise come between two good commands: a few kilobytes, with their answers.
const BURST: usize = 50;

#[test]
fn a_thousand_frames_of_noise_change_nothing_in_process() {
    noise(Carrier::InProcess, 1000);
}

#[cfg(feature = "qemu")]
#[test]
fn a_thousand_frames_of_noise_change_nothing_on_the_firmware_image() {
    noise(Carrier::Qemu, 1000);
}

#[cfg(feature = "qemu")]
#[test]
#[ignore = "takes some ten minutes"]
fn a_hundred_thousand_frames_of_noise_change_nothing_on_the_firmware_image() {
    noise(Carrier::Qemu, 100_000);
}

fn noise(carrier: Carrier, frames: usize) {
    let dir = tempfile::tempdir().expect("a folder");
    let token = TestToken::start(carrier, dir.path());
    let mut raw = Raw::new(&token);
    let pin = PIN;
    let policy = EVERYTHING;
    raw.done(&Request::Provision { pin, policy });
    let book = raw.book(RULES);
    let tempting = tempting(book);
    let before = raw.state(book);
    let old = raw.request(&Request::Lock);
    raw.hello();

    let mut rng = ChaCha20Rng::seed_from_u64(7);
    let mut sent = 0;
    while sent < frames {
        let (mut burst, mut errors) = (Vec::new(), Vec::new());
        for _ in 0..BURST {
            let request = &tempting[below(&mut rng, tempting.len())];
            let (bytes, error) = raw.bad(&mut rng, request, &old);
            burst.extend(bytes);
            errors.push(error);
        }
        raw.send(&burst);
        for (error, at) in errors.iter().zip(sent..) {
            assert_eq!(raw.error(), *error, "frame {at}");
        }
        assert_eq!(
            raw.state(book),
            before,
            "after {sent} frames and {BURST} more"
        );
        sent += BURST;
    }
    println!(
        "{sent} frames of noise, {} good commands between them",
        sent / BURST
    );
}

/// Requests that would change something if one of them got through.
fn tempting(book: BookId) -> Vec<Request<'static>> {
    let posting = Posting {
        account: Handle([1; 32]),
        prev: None,
        minor: 7,
    };
    let post = Request::Post {
        book,
        expected_seq: 0,
        posting,
    };
    let create = Request::CreateBook {
        rules: Rules {
            name: "another",
            ..RULES
        },
    };
    let change = Request::ChangePin {
        old: PIN,
        new: "000000",
    };
    vec![post, create, change, Request::Lock]
}

impl Raw {
    fn done(&mut self, request: &Request<'_>) {
        let bytes = self.request(request);
        self.send(&bytes);
        while !self
            .answer(|answer| match answer {
                Response::Done => true,
                Response::Waiting => false,
                other => panic!("{request:?}: {other:?}"),
            })
            .1
        {}
    }

    fn book(&mut self, rules: Rules<'_>) -> BookId {
        let bytes = self.request(&Request::CreateBook { rules });
        self.send(&bytes);
        self.answer(|answer| match answer {
            Response::Book(book) => book.book,
            other => panic!("{other:?}"),
        })
        .1
    }

    /// What a host can see of the token, by good commands.
    fn state(&mut self, book: BookId) -> Vec<String> {
        let requests = [
            Request::Hello,
            Request::Book { index: 0 },
            Request::LastEntry { book },
            Request::LastStatement,
        ];
        let ask = |request: &Request<'_>| {
            let bytes = self.request(request);
            self.send(&bytes);
            let (id, answer) = self.answer(|answer| format!("{answer:?}"));
            assert_eq!(id, self.id, "{request:?}: {answer}");
            answer
        };
        requests.iter().map(ask).collect()
    }

    /// A bad frame, made of a good one of this request or of nothing, and the error it gets.
    fn bad(
        &mut self,
        rng: &mut ChaCha20Rng,
        request: &Request<'_>,
        old: &[u8],
    ) -> (Vec<u8>, TokenError) {
        let message = postcard::to_allocvec(request).expect("serialisable");
        match below(rng, 64) {
            0 => {
                let len = FRAME_LEN_MAX + below(rng, 200);
                (
                    [vec![0x55; len], vec![0]].concat(),
                    TokenError::FrameTooLong,
                )
            }
            1..16 => {
                let mut noise = vec![0; 1 + below(rng, 100)];
                rng.fill_bytes(&mut noise);
                noise.iter_mut().for_each(|byte| *byte = (*byte).max(1));
                noise.push(0);
                (noise, TokenError::BadFrame)
            }
            16..28 => {
                let mut cut = self.request(request);
                cut.truncate(1 + below(rng, cut.len() - 2));
                cut.push(0);
                (cut, TokenError::BadFrame)
            }
            28..44 => {
                let mut wrong = self.request(request);
                let at = below(rng, wrong.len() - 1);
                let changed = wrong[at] ^ (1 << below(rng, 8));
                wrong[at] = if changed == 0 { 0xff } else { changed };
                (wrong, TokenError::BadFrame)
            }
            44..50 => (
                self.frame(1, *b"session0", &message),
                TokenError::StaleSession,
            ),
            50..54 => {
                let version = [0, 2, 3, 99, 255][below(rng, 5)];
                let error = TokenError::UnsupportedVersion { min: 1, max: 1 };
                (self.frame(version, SESSION, &message), error)
            }
            54..58 => (old.to_vec(), TokenError::Malformed),
            _ => {
                let longer = [&message[..], &[0]].concat();
                (
                    self.frame(frame::VERSION_CURRENT, SESSION, &longer),
                    TokenError::Malformed,
                )
            }
        }
    }
}

fn below(rng: &mut ChaCha20Rng, bound: usize) -> usize {
    rng.next_u32() as usize % bound
}

/// Nobody presses the button of the firmware image: after half a minute of its own time it says
/// so, has told the host that it waits, and goes on. (The machine counts instructions, so its half
/// minute is as long as it takes to execute them.)
#[cfg(feature = "qemu")]
#[test]
fn a_question_that_nobody_answers_ends_on_the_firmware_image() {
    let dir = tempfile::tempdir().expect("a folder");
    let person = |question: &str| !question.contains("OPEN");
    let machine =
        e2e_tests::qemu::Qemu::start_with(dir.path(), false, person, &["-icount", "shift=8"]);
    let mut raw = Raw::on(Box::new(machine.open().expect("the line opens")));
    let (pin, policy) = (PIN, EVERYTHING);
    raw.done(&Request::Provision { pin, policy });
    let book = raw.book(Rules { kind: 2, ..RULES });
    let element = Ristretto255::encode(&Ristretto255::generator());
    let release = raw.request(&Request::ReleaseOpen {
        book,
        count: 1,
        c1: &element,
        c2: &element,
    });
    raw.send(&release);
    let mut waits = 0;
    let error = loop {
        let (_, answer) = raw.answer(|answer| match answer {
            Response::Waiting => None,
            Response::Error(error) => Some(error),
            other => panic!("{other:?}"),
        });
        match answer {
            None => waits += 1,
            Some(error) => break error,
        }
    };
    assert_eq!((waits, error), (29, TokenError::PresenceTimeout));
    let last = raw.request(&Request::LastStatement);
    raw.send(&last);
    assert_eq!(raw.error(), TokenError::NothingStored);
}
