//! The line: whatever comes, each fault costs one frame and gets one answer, and nothing changes.

use core_nostd::wire::{
    FRAME_LEN_MAX, FRAME_LEN_SMALL, FrameHeader, Request, Response, State, TokenError,
};
use firmware_token::busy_frame;
use proptest::prelude::*;

use crate::bench::{Bench, PIN, RULES, Reply, frame, raw_frame};

/// Sends bytes between a hello and a good request; what comes between the answers to those two.
fn between(bench: &mut Bench, noise: Vec<u8>) -> Vec<Reply> {
    let hello = bench.new_session();
    let good = FrameHeader {
        id: u32::MAX,
        ..bench.header()
    };
    let request = Request::Book { index: 200 };
    let mut replies = bench.serve(&[
        frame(&hello, &Request::Hello),
        noise,
        frame(&good, &request),
    ]);
    let first = replies.remove(0);
    assert!(matches!(first.response(), Response::Hello(_)));
    let last = replies.pop().expect("the good frame is answered");
    assert_eq!(last.header, good);
    assert_eq!(last.response(), Response::NoBook);
    replies
}

fn only_error(replies: &[Reply]) -> (u32, TokenError) {
    match replies {
        [reply] => (reply.header.id, reply.error().expect("an error")),
        _ => panic!("{replies:?}"),
    }
}

#[test]
fn each_kind_of_damage_gets_one_error_and_the_next_frame_works() {
    let mut bench = Bench::unlocked();
    bench.book(RULES);
    let before = (bench.flash_bytes(), bench.info());
    let header = |bench: &Bench| FrameHeader {
        version: 1,
        session: bench_session(bench),
        id: 77,
    };
    let lock = |header: &FrameHeader| frame(header, &Request::Lock);

    let garbage = [vec![0x55; 40], vec![0]].concat();
    assert_eq!(
        only_error(&between(&mut bench, garbage)),
        (0, TokenError::BadFrame)
    );

    let next = header(&bench);
    let cut = [&lock(&next)[..9], &[0]].concat();
    assert_eq!(
        only_error(&between(&mut bench, cut)),
        (0, TokenError::BadFrame)
    );

    for bit in 0..8 {
        let mut wrong = lock(&header(&bench));
        let at = wrong.len() - 3;
        wrong[at] ^= 1 << bit;
        let replies = between(&mut bench, wrong);
        assert!(
            replies.len() == 1 || wrong_delimiter(&replies),
            "{replies:?}"
        );
        assert!(
            replies
                .iter()
                .all(|reply| reply.error() == Some(TokenError::BadFrame))
        );
    }

    let long = [vec![1; FRAME_LEN_MAX + 10], vec![0]].concat();
    assert_eq!(
        only_error(&between(&mut bench, long)),
        (0, TokenError::FrameTooLong)
    );

    let future = FrameHeader {
        version: 9,
        ..header(&bench)
    };
    let unsupported = TokenError::UnsupportedVersion { min: 1, max: 1 };
    assert_eq!(
        only_error(&between(&mut bench, lock(&future))),
        (0, unsupported)
    );

    let stale = FrameHeader {
        session: [0xee; 8],
        ..header(&bench)
    };
    assert_eq!(
        only_error(&between(&mut bench, lock(&stale))),
        (77, TokenError::StaleSession)
    );

    let next = header(&bench);
    let trailing = raw_frame(&next, &[3, 0]);
    assert_eq!(
        only_error(&between(&mut bench, trailing)),
        (77, TokenError::Malformed)
    );
    for message in [&[][..], &[200], &[1, 6, b'1'], &[2, 2, 0xff, 0xfe]] {
        let next = header(&bench);
        let malformed = raw_frame(&next, message);
        assert_eq!(
            only_error(&between(&mut bench, malformed)),
            (77, TokenError::Malformed)
        );
    }
    assert_eq!(
        between(&mut bench, vec![0; 100]),
        [],
        "delimiters in a row are no frames"
    );
    assert_eq!((bench.flash_bytes(), bench.info()), before);
    assert_eq!(before.1.state, State::Unlocked, "no lock got through");
}

/// The session that [`between`] will use next.
fn bench_session(bench: &Bench) -> [u8; 8] {
    bench.session_after(1)
}

/// A flipped bit can make a delimiter, and one frame two.
fn wrong_delimiter(replies: &[Reply]) -> bool {
    replies.len() == 2
}

#[test]
fn the_longest_frame_is_the_announced_one() {
    let mut bench = Bench::<1024>::new();
    let announced = bench.info().frame_len_max;
    let expected = if cfg!(feature = "ffdhe") {
        FRAME_LEN_MAX
    } else {
        FRAME_LEN_SMALL
    };
    assert_eq!(usize::from(announced), expected);
}

#[test]
fn nothing_but_hello_works_without_a_session() {
    let mut bench = Bench::<1024>::new();
    for session in [[0; 8], [1; 8]] {
        let header = FrameHeader {
            version: 1,
            session,
            id: 5,
        };
        let replies = bench.serve(&[frame(&header, &Request::Lock)]);
        assert_eq!(only_error(&replies), (5, TokenError::StaleSession));
        assert_eq!(replies[0].header, header, "its sender can tell");
    }
}

#[test]
fn a_new_client_ends_the_session_of_the_last() {
    let mut bench = Bench::<1024>::new();
    let (one, two) = (bench.new_session(), bench.new_session());
    let late = FrameHeader { id: 9, ..one };
    let replies = bench.serve(&[
        frame(&one, &Request::Hello),
        frame(&two, &Request::Hello),
        frame(&late, &Request::Lock),
        frame(&FrameHeader { id: 99, ..two }, &Request::Lock),
    ]);
    assert_eq!(replies[2].error(), Some(TokenError::StaleSession));
    assert_eq!(replies[3].response(), Response::Done);
}

#[test]
fn a_frame_that_comes_twice_is_executed_once() {
    let mut bench = Bench::<1024>::unlocked();
    let (hello, one, two) = (bench.new_session(), bench.header(), bench.header());
    let create = frame(&one, &Request::CreateBook { rules: RULES });
    let list = frame(&two, &Request::Book { index: 0 });
    let hello = frame(&hello, &Request::Hello);
    let replies = bench.serve(&[
        hello.clone(),
        create.clone(),
        create.clone(),
        list.clone(),
        create.clone(),
        list,
        hello,
        create,
    ]);
    let errors: Vec<_> = replies.iter().map(Reply::error).collect();
    let twice = Some(TokenError::Malformed);
    assert_eq!(errors, [None, None, twice, None, twice, twice, None, twice]);
    assert_eq!(bench.info().books, 1);
}

#[test]
fn a_busy_frame_is_an_error_to_nobody() {
    let mut bytes = [0; 48];
    let len = busy_frame(&mut bytes);
    let replies = Reply::all(&bytes[..len]);
    assert_eq!(only_error(&replies), (0, TokenError::Busy));
    assert_eq!(replies[0].header.session, [0; 8]);
    assert_eq!(busy_frame(&mut [0; 8]), 0, "no room, no frame");
}

#[test]
fn no_pin_reaches_the_flash() {
    let mut bench = Bench::<1024>::unlocked();
    let pin = "a secret pin 17!";
    bench.done(&Request::ChangePin { old: PIN, new: pin });
    bench.refusal(&Request::Unlock {
        pin: "a wrong pin 17!!",
    });
    for text in [pin, "wrong pin 17"] {
        let stored = bench.flash_bytes();
        let found = stored
            .windows(text.len())
            .any(|window| window == text.as_bytes());
        assert!(!found, "{text} is in the flash");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn noise_changes_nothing(noise in proptest::collection::vec(any::<u8>(), 0..600)) {
        let mut bench = Bench::unlocked();
        let before = (bench.flash_bytes(), bench.info());
        let noise = [noise, vec![0]].concat();
        let frames = noise.split(|byte| *byte == 0).filter(|frame| !frame.is_empty()).count();
        let replies = between(&mut bench, noise);
        prop_assert_eq!(replies.len(), frames);
        prop_assert!(replies.iter().all(|reply| reply.error().is_some()));
        prop_assert!((bench.flash_bytes(), bench.info()) == before);
    }

    #[test]
    fn damaged_requests_change_nothing(
        which in 0_usize..4,
        at: prop::sample::Index,
        flip in 1_u8..,
    ) {
        let mut bench = Bench::unlocked();
        let book = bench.book(RULES);
        let before = (bench.flash_bytes(), bench.info());
        let header = FrameHeader { version: 1, session: bench_session(&bench), id: 77 };
        let mut damaged = frame(&header, &[
            Request::Lock,
            Request::ChangePin { old: PIN, new: "654321" },
            Request::PublicKey { book },
            Request::Unlock { pin: "654321" },
        ][which]);
        let at = at.index(damaged.len() - 1);
        damaged[at] ^= flip;
        let replies = between(&mut bench, damaged);
        prop_assert!(!replies.is_empty() && replies.len() <= 2);
        prop_assert!(replies.iter().all(|reply| reply.error().is_some()));
        prop_assert!((bench.flash_bytes(), bench.info()) == before);
    }

    #[test]
    fn messages_in_good_frames_never_make_it_panic(
        message in proptest::collection::vec(any::<u8>(), 0..300),
        tag in 0_u8..24,
    ) {
        let mut bench = Bench::unlocked();
        bench.book(RULES);
        let header = FrameHeader { version: 1, session: bench_session(&bench), id: 77 };
        let message = [vec![tag], message].concat();
        let hello = bench.new_session();
        let replies =
            bench.serve(&[frame(&hello, &Request::Hello), raw_frame(&header, &message)]);
        prop_assert!(replies.len() <= 2);
    }
}
