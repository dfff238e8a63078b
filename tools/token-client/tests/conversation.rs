//! A client against a scripted peer in memory: what it makes of noise, late answers, wrong ids,
//! cut frames and silence.

use std::{
    cell::RefCell,
    collections::VecDeque,
    io::{self, ErrorKind, Read, Write},
    ops::ControlFlow,
    rc::Rc,
    time::Duration,
};

use core_nostd::{
    book::{BookKind, BookRules},
    ciphersuite::SuiteId,
    currency::Currency,
    ids::{BookId, Handle, WriterId},
    wire::{
        BookInfo, FRAME_LEN_MAX, FrameHeader, Info, Posting, Request, Response, Rules, SignedEntry,
        State, TokenError,
        frame::{self, FrameReader},
    },
};
use token_client::{Client, ClientError, Deadlines};

const BOOK: BookId = BookId([7; 32]);
const PATIENT: Deadlines = Deadlines {
    answer: Duration::from_secs(60),
    slow_answer: Duration::from_secs(60),
    presence: Duration::from_secs(60),
};
/// Nothing that is not there already arrives in time.
const IMPATIENT: Deadlines = Deadlines {
    answer: Duration::ZERO,
    slow_answer: Duration::ZERO,
    presence: Duration::ZERO,
};

type Script = Box<dyn FnMut(FrameHeader, &Request<'_>) -> Vec<u8>>;

/// What the peer was sent, as the debug form of requests (which names the command alone).
type Log = Rc<RefCell<Vec<(FrameHeader, String)>>>;

struct Peer {
    reader: FrameReader<FRAME_LEN_MAX>,
    script: Script,
    line: VecDeque<u8>,
    log: Log,
    closed: bool,
}

impl Read for Peer {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.line.is_empty() && !self.closed {
            return Err(ErrorKind::WouldBlock.into());
        }
        // A few bytes at a time, so that frames arrive in pieces.
        let short = buffer.len().min(5);
        self.line.read(&mut buffer[..short])
    }
}

impl Write for Peer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for byte in bytes {
            if !self.reader.push(*byte) {
                continue;
            }
            let (header, message) = self.reader.frame().expect("clients send sound frames");
            let request = postcard::from_bytes(message).expect("clients send requests");
            self.log.borrow_mut().push((header, format!("{request:?}")));
            let answer = (self.script)(header, &request);
            self.line.extend(answer);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn info() -> Info {
    Info {
        version_min: 1,
        version_max: 1,
        firmware: [0, 1, 0],
        state: State::Unlocked,
        ceremony: false,
        true_random: true,
        writer: Some(WriterId([1; 16])),
        policy: None,
        tries_left: 8,
        books: 0,
        frame_len_max: 2048,
        batch_len_max: 2,
        suites: 0b10,
    }
}

fn framed(header: FrameHeader, response: &Response<'_>) -> Vec<u8> {
    let (mut message, mut out) = ([0; FRAME_LEN_MAX], [0; FRAME_LEN_MAX]);
    let message = postcard::to_slice(response, &mut message).expect("fits");
    let len = frame::encode(&header, message, &mut out).expect("fits");
    out[..len].to_vec()
}

/// A peer that greets and otherwise follows the script.
fn client(
    deadlines: Deadlines,
    mut script: impl FnMut(FrameHeader, &Request<'_>) -> Vec<u8> + 'static,
) -> (Client<Peer>, Log) {
    let log = Log::default();
    let peer = Peer {
        reader: FrameReader::new(),
        script: Box::new(move |header, request| match request {
            Request::Hello => framed(header, &Response::Hello(info())),
            request => script(header, request),
        }),
        line: VecDeque::new(),
        log: Rc::clone(&log),
        closed: false,
    };
    (Client::open(peer, deadlines).expect("a greeting"), log)
}

fn commands(log: &Log) -> Vec<String> {
    log.borrow().iter().map(|(_, name)| name.clone()).collect()
}

#[test]
fn noise_late_answers_and_foreign_frames_before_the_answer_are_passed_over() {
    let (mut token, log) = client(PATIENT, |header, _| {
        let mut line = b"\xff\x01boot: hello\r\n\x00\x00".to_vec();
        let damaged = {
            let mut frame = framed(header, &Response::PublicKey(b"wrong"));
            frame[20] ^= 1;
            frame
        };
        line.extend(damaged);
        let stale = FrameHeader {
            session: [9; 8],
            ..header
        };
        line.extend(framed(stale, &Response::PublicKey(b"wrong")));
        let earlier = FrameHeader {
            id: header.id - 1,
            ..header
        };
        line.extend(framed(earlier, &Response::PublicKey(b"wrong")));
        line.extend(framed(header, &Response::PublicKey(b"right")));
        line
    });
    assert_eq!(token.public_key(BOOK).expect("an answer"), b"right");
    assert_eq!(commands(&log), ["Hello", "PublicKey"]);
}

#[test]
fn what_the_last_client_left_on_the_line_is_passed_over_by_the_hello() {
    let log = Log::default();
    let mut line = VecDeque::from(b"half a fra".to_vec());
    let old = FrameHeader {
        version: 1,
        session: [3; 8],
        id: 1,
    };
    line.push_back(0);
    line.extend(framed(
        old,
        &Response::Hello(Info {
            firmware: [9; 3],
            ..info()
        }),
    ));
    let peer = Peer {
        reader: FrameReader::new(),
        script: Box::new(|header, _| framed(header, &Response::Hello(info()))),
        line,
        log: Rc::clone(&log),
        closed: false,
    };
    let token = Client::open(peer, PATIENT).expect("a greeting");
    assert_eq!(token.info(), &info());
}

#[test]
fn ids_rise_strictly_and_each_session_has_its_own_nonce() {
    let (mut token, log) = client(PATIENT, |header, _| framed(header, &Response::Done));
    token.lock().expect("done");
    token.hello().expect("a greeting");
    token.lock().expect("done");
    let headers: Vec<_> = log.borrow().iter().map(|(header, _)| *header).collect();
    assert!(headers.windows(2).all(|pair| pair[0].id < pair[1].id));
    assert_eq!(headers[0].session, headers[1].session);
    assert_ne!(headers[1].session, headers[2].session);
    assert_eq!(headers[2].session, headers[3].session);
}

#[test]
fn after_silence_the_next_call_says_hello_and_drops_the_late_answer() {
    let mut silent = Some(());
    let mut late = None;
    let (mut token, log) = client(IMPATIENT, move |header, _| {
        if silent.take().is_some() {
            late = Some(framed(header, &Response::PublicKey(b"late")));
            return Vec::new();
        }
        let mut line = late.take().expect("one late answer");
        line.extend(framed(header, &Response::PublicKey(b"right")));
        line
    });
    assert!(matches!(
        token.public_key(BOOK),
        Err(ClientError::Timeout(_))
    ));
    assert_eq!(token.public_key(BOOK).expect("an answer"), b"right");
    assert_eq!(commands(&log), ["Hello", "PublicKey", "Hello", "PublicKey"]);
}

#[test]
fn a_cut_frame_is_no_answer() {
    let mut is_first = true;
    let (mut token, _) = client(IMPATIENT, move |header, _| {
        let mut frame = framed(header, &Response::PublicKey(b"key"));
        if std::mem::take(&mut is_first) {
            frame.truncate(frame.len() - 4);
        }
        frame
    });
    assert!(matches!(
        token.public_key(BOOK),
        Err(ClientError::Timeout(_))
    ));
    assert_eq!(token.public_key(BOOK).expect("an answer"), b"key");
}

#[test]
fn a_token_that_forgot_the_session_is_greeted_and_asked_once_more() {
    let mut is_reset = true;
    let (mut token, log) = client(PATIENT, move |header, _| {
        let stale = Response::Error(TokenError::StaleSession);
        let answer = if std::mem::take(&mut is_reset) {
            stale
        } else {
            Response::Done
        };
        framed(header, &answer)
    });
    token.unlock("123456").expect("done");
    assert_eq!(commands(&log), ["Hello", "Unlock", "Hello", "Unlock"]);
}

#[test]
fn refusals_come_back_as_they_are_and_keep_the_session() {
    let (mut token, log) = client(PATIENT, |header, _| {
        framed(
            header,
            &Response::Error(TokenError::WrongPin { tries_left: 3 }),
        )
    });
    for _ in 0..2 {
        let refusal = token.unlock("000000").expect_err("refused").token();
        assert_eq!(refusal, Some(TokenError::WrongPin { tries_left: 3 }));
    }
    assert_eq!(commands(&log), ["Hello", "Unlock", "Unlock"]);
}

#[test]
fn the_answer_to_another_request_is_no_answer() {
    let (mut token, _) = client(PATIENT, |header, _| framed(header, &Response::Done));
    assert!(matches!(token.cut(BOOK), Err(ClientError::Protocol(_))));
}

#[test]
fn a_book_whose_rules_do_not_hash_to_its_id_is_no_answer() {
    let rules = BookRules {
        suite: SuiteId::Ristretto255,
        kind: BookKind::Authenticated,
        currency: Currency::from_code("EUR").expect("a currency"),
        cap: 100,
        min_entries: 16,
        name: "till",
    };
    let (mut token, _) = client(PATIENT, move |header, request| {
        let Request::Book { index } = request else {
            return Vec::new();
        };
        let book = if *index == 0 { rules.id() } else { BOOK };
        let info = BookInfo {
            book,
            rules: Rules::from(&rules),
            next_seq: 3,
            last_cut: 0,
        };
        framed(header, &Response::Book(info))
    });
    let book = token.book(0).expect("an answer").expect("a book");
    assert_eq!(
        (book.id, book.rules.as_rules(), book.next_seq),
        (rules.id(), rules, 3)
    );
    assert!(matches!(token.book(1), Err(ClientError::Protocol(_))));
}

#[test]
fn an_imported_key_goes_out_whole_and_only_its_book_is_an_answer() {
    let rules = BookRules {
        suite: SuiteId::Ffdhe3072,
        kind: BookKind::Open,
        currency: Currency::from_code("EUR").expect("a currency"),
        cap: 100,
        min_entries: 16,
        name: "classic",
    };
    let key = [0xA5; 384];
    let mut is_first = true;
    let (mut token, log) = client(PATIENT, move |header, request| {
        let Request::ImportBook { rules: sent, x } = request else {
            return Vec::new();
        };
        assert_eq!((*sent, *x), (Rules::from(&rules), &key[..]));
        let name = if std::mem::take(&mut is_first) {
            rules.name
        } else {
            "another"
        };
        let rules = BookRules { name, ..rules };
        let info = BookInfo {
            book: rules.id(),
            rules: Rules::from(&rules),
            next_seq: 0,
            last_cut: 0,
        };
        [
            framed(header, &Response::Waiting),
            framed(header, &Response::Book(info)),
        ]
        .concat()
    });
    let book = token.import_book(&rules, &key).expect("a book");
    assert_eq!((book.id, book.rules.as_rules()), (rules.id(), rules));
    let other = token.import_book(&rules, &key);
    assert!(matches!(other, Err(ClientError::Protocol(_))));
    assert_eq!(commands(&log), ["Hello", "ImportBook", "ImportBook"]);
}

#[test]
fn postings_come_back_whole_or_not_at_all() {
    let entry = |account| SignedEntry {
        account: Handle([account; 32]),
        prev: None,
        c1: b"c1",
        c2: b"c2",
        tag: b"tag",
        account_tag: b"account tag",
    };
    let (mut token, log) = client(PATIENT, move |header, request| {
        let mut entries = Vec::new();
        let Request::PostBatch { expected_seq, .. } = request else {
            return Vec::new();
        };
        // Asked for position 5 it answers rightly, else with one entry only.
        let count = if *expected_seq == 5 { 2 } else { 1 };
        for account in 0..count {
            let mut room = [0; 200];
            let bytes = postcard::to_slice(&entry(account), &mut room).expect("fits");
            entries.extend_from_slice(bytes);
        }
        let writer = WriterId([1; 16]);
        let first_seq = *expected_seq;
        framed(
            header,
            &Response::Posted {
                writer,
                first_seq,
                cut: None,
                entries: &entries,
            },
        )
    });
    let posting = Posting {
        account: Handle([0; 32]),
        prev: None,
        minor: 1,
    };
    let posted = token
        .post_batch(BOOK, 5, &[posting, posting])
        .expect("posted");
    assert_eq!((posted.first_seq, posted.next_seq()), (5, 7));
    assert_eq!(posted.entries[1].account, Handle([1; 32]));
    assert_eq!(posted.entries[1].account_tag, b"account tag");

    let short = token.post_batch(BOOK, 7, &[posting, posting]);
    assert!(matches!(short, Err(ClientError::Protocol(_))));

    // More than the token announced is refused before it is sent.
    let sent = commands(&log).len();
    for batch in [&[posting; 3][..], &[]] {
        let refusal = token
            .post_batch(BOOK, 7, batch)
            .expect_err("refused")
            .token();
        assert_eq!(refusal, Some(TokenError::BadBatch));
    }
    assert_eq!(commands(&log).len(), sent);
}

#[test]
fn requests_longer_than_the_token_takes_are_not_sent() {
    let (mut token, log) = client(PATIENT, |_, _| Vec::new());
    let refusal = token
        .handle(BOOK, &"9".repeat(2048))
        .expect_err("refused")
        .token();
    assert_eq!(refusal, Some(TokenError::FrameTooLong));
    assert_eq!(commands(&log), ["Hello"]);
}

#[test]
fn a_wait_for_the_button_can_be_cancelled() {
    let mut waiting = None;
    let (mut token, log) = client(PATIENT, move |header, request| match request {
        Request::Cancel => {
            let header = waiting.take().expect("a wait");
            framed(header, &Response::Error(TokenError::Cancelled))
        }
        _ => {
            waiting = Some(header);
            [
                framed(header, &Response::Waiting),
                framed(header, &Response::Waiting),
            ]
            .concat()
        }
    });
    let mut times = 0;
    token.on_waiting(Box::new(move || {
        times += 1;
        if times == 2 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }));
    let refusal = token.wipe().expect_err("cancelled").token();
    assert_eq!(refusal, Some(TokenError::Cancelled));
    assert_eq!(commands(&log), ["Hello", "Wipe", "Cancel"]);
}

#[test]
fn when_nobody_presses_the_button_in_time_the_token_is_told() {
    let mut waiting = None;
    let (mut token, log) = client(IMPATIENT, move |header, request| match request {
        Request::Cancel => {
            let header = waiting.take().expect("a wait");
            framed(header, &Response::Error(TokenError::Cancelled))
        }
        _ => {
            waiting = Some(header);
            framed(header, &Response::Waiting)
        }
    });
    assert!(matches!(token.wipe(), Err(ClientError::Timeout(_))));
    assert_eq!(commands(&log), ["Hello", "Wipe", "Cancel"]);
}

#[test]
fn a_closed_line_is_an_unplugged_token() {
    let log = Log::default();
    let peer = Peer {
        reader: FrameReader::new(),
        script: Box::new(|_, _| Vec::new()),
        line: VecDeque::new(),
        log,
        closed: true,
    };
    assert!(matches!(
        Client::open(peer, PATIENT),
        Err(ClientError::Unplugged)
    ));
}
