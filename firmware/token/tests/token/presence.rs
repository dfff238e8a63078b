//! The wait for a person, and what the host may do meanwhile.

use core_nostd::wire::{FrameHeader, Request, Response, State, TokenError};
use firmware_token::PROMPT_TIMEOUT_MS;

use crate::bench::{Answer, Bench, PIN, Reply, frame, provision};

/// Asks an empty token to provision itself; nobody answers, and these frames come meanwhile, each
/// at its time in milliseconds. Returns what the token sends.
fn provision_unattended(
    bench: &mut Bench,
    meanwhile: impl FnOnce(&mut Bench, FrameHeader) -> Vec<(u64, Vec<u8>)>,
) -> (FrameHeader, Vec<Reply>) {
    bench
        .world
        .button
        .borrow_mut()
        .answers
        .push_back(Answer::Never);
    let hello = bench.new_session();
    let request = bench.header();
    let now = bench.world.now_ms.get();
    let mut input = vec![
        (now, frame(&hello, &Request::Hello)),
        (now, frame(&request, &provision(PIN))),
    ];
    input.extend(meanwhile(bench, request));
    bench.world.wire.borrow_mut().input.extend(input);
    (request, bench.serve(&[]))
}

fn errors(replies: &[Reply]) -> Vec<(u32, TokenError)> {
    replies
        .iter()
        .filter_map(|reply| Some((reply.header.id, reply.error()?)))
        .collect()
}

fn count_waiting(replies: &[Reply]) -> usize {
    replies
        .iter()
        .filter(|reply| reply.response() == Response::Waiting)
        .count()
}

#[test]
fn while_it_waits_the_token_says_so_every_second_and_then_gives_up() {
    let mut bench = Bench::new();
    let (request, replies) = provision_unattended(&mut bench, |_, _| vec![]);
    assert_eq!(bench.world.now_ms.get(), PROMPT_TIMEOUT_MS);
    assert_eq!(count_waiting(&replies), 29);
    assert!(replies.iter().skip(1).all(|reply| reply.header == request));
    let last = replies.last().expect("an answer");
    assert_eq!(last.error(), Some(TokenError::PresenceTimeout));
    assert_eq!(bench.info().state, State::Empty);
}

#[test]
fn the_host_can_cancel() {
    let mut bench = Bench::new();
    let (request, replies) = provision_unattended(&mut bench, |bench, _| {
        let header = bench.header();
        vec![(2500, frame(&header, &Request::Cancel))]
    });
    assert!((2500..2600).contains(&bench.world.now_ms.get()));
    assert_eq!(count_waiting(&replies), 2);
    assert_eq!(errors(&replies), [(request.id, TokenError::Cancelled)]);
    assert_eq!(bench.info().state, State::Empty);
    bench.done(&provision(PIN));
}

#[test]
fn a_cancel_that_comes_too_late_is_passed_over() {
    let mut bench = Bench::<1024>::new();
    let headers = [
        bench.header(),
        bench.header(),
        bench.header(),
        bench.header(),
    ];
    let requests = [
        Request::Hello,
        provision(PIN),
        Request::Cancel,
        Request::Lock,
    ];
    let frames: Vec<_> = headers
        .iter()
        .zip(&requests)
        .map(|(header, request)| frame(header, request))
        .collect();
    // With a pause, or the cancel would come in time.
    let mut replies = bench.serve(&frames[..2]);
    replies.extend(bench.serve(&[frame(&headers[0], &Request::Hello)]));
    replies.extend(bench.serve(&[]));
    let hello = frame(&headers[0], &Request::Hello);
    let after = bench.serve(&[hello, frames[2].clone(), frames[3].clone()]);
    assert_eq!(after.len(), 2, "{after:?}");
    assert_eq!(after[1].response(), Response::Done);
    assert!(errors(&replies).is_empty());
}

#[test]
fn other_requests_meanwhile_are_told_that_the_token_is_busy() {
    let mut bench = Bench::new();
    let mut sent = vec![];
    let (request, replies) = provision_unattended(&mut bench, |bench, request| {
        let lock = bench.header();
        let stale = FrameHeader {
            session: [7; 8],
            ..bench.header()
        };
        let cancel_of_others = FrameHeader {
            session: [7; 8],
            ..bench.header()
        };
        sent = vec![lock.id, stale.id, cancel_of_others.id];
        assert!(lock.id > request.id);
        let mut damaged = frame(&lock, &Request::Lock);
        damaged[9] ^= 4;
        vec![
            (1100, frame(&lock, &Request::Lock)),
            (1200, frame(&stale, &Request::Lock)),
            (1300, frame(&cancel_of_others, &Request::Cancel)),
            (1400, damaged),
        ]
    });
    let expected = [
        (sent[0], TokenError::Busy),
        (sent[1], TokenError::StaleSession),
        (sent[2], TokenError::StaleSession),
        (0, TokenError::BadFrame),
        (request.id, TokenError::PresenceTimeout),
    ];
    assert_eq!(errors(&replies), expected);
}

#[test]
fn a_new_hello_ends_the_wait_and_is_answered() {
    let mut bench = Bench::new();
    let mut hello = None;
    let (request, replies) = provision_unattended(&mut bench, |bench, _| {
        let header = bench.new_session();
        hello = Some(header);
        vec![(1500, frame(&header, &Request::Hello))]
    });
    let last_two: Vec<_> = replies.iter().rev().take(2).collect();
    assert_eq!(last_two[1].header, request);
    assert_eq!(last_two[1].error(), Some(TokenError::Cancelled));
    assert_eq!(Some(last_two[0].header), hello);
    assert!(matches!(last_two[0].response(), Response::Hello(info) if info.state == State::Empty));
}

#[test]
fn a_press_before_the_question_does_not_count_and_a_no_is_a_no() {
    let mut bench = Bench::<1024>::new();
    bench
        .world
        .button
        .borrow_mut()
        .answers
        .push_back(Answer::No);
    assert_eq!(bench.refusal(&provision(PIN)), TokenError::Denied);
    assert!(
        bench.flash_bytes().iter().all(|byte| *byte == 0xff),
        "nothing was written"
    );
    assert_eq!(bench.world.button.borrow().asked, ["provision this token"]);
}
