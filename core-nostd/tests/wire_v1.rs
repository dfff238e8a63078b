//! The bytes of protocol version 1, frozen: every message and one whole frame.
//!
//! `vectors/wire_v1.txt` is never edited; it only grows when an enum grows. A change of a line in
//! it means that tokens and hosts in the field no longer understand each other.
#![cfg(feature = "wire")]

use core_nostd::{
    ids::{BookId, Handle, WriterId},
    statement::Span,
    tag::{Cut, LastPosition, Range},
    wire::{
        AuditEvent, BookInfo, FRAME_LEN_MAX, FrameError, FrameHeader, Info, Policy, Posting,
        Request, Response, Role, Rules, SignedEntry, Standing, State, StatementRecord, Status,
        TokenError, WriterInfo,
        audit::Released,
        frame::{self, FrameReader, message_len_max},
        scope::ScopeRecord,
    },
};

const BOOK: BookId = BookId([0xB0; 32]);
const WRITER: WriterId = WriterId([0x17; 16]);
const ACCOUNT: Handle = Handle([0xAC; 32]);
const CUT: Cut = Cut {
    position: 300,
    mac: [0xC7; 16],
};
const POLICY: Policy = Policy {
    totals: true,
    balances: false,
    open_sums: true,
};
const POSTING: Posting = Posting {
    account: ACCOUNT,
    prev: Some(2),
    minor: -1250,
};
const RULES: Rules<'_> = Rules {
    suite: 1,
    kind: 1,
    currency: *b"EUR",
    scale: 2,
    cap: 100_000_000,
    min_entries: 16,
    name: "savings",
};
const OPEN_RULES: Rules<'_> = Rules { kind: 2, ..RULES };
const LAST: LastPosition = LastPosition {
    writer: WRITER,
    seq: Some(7),
};
const SPAN: Span = Span {
    writer: WRITER,
    from: 0,
    to: 300,
};

/// In the order of their numbers.
fn requests() -> Vec<(&'static str, Request<'static>)> {
    [
        postings_and_before(),
        releases_and_after(),
        life(),
        writers(),
    ]
    .concat()
}

fn postings_and_before() -> Vec<(&'static str, Request<'static>)> {
    vec![
        ("Hello", Request::Hello),
        (
            "Provision",
            Request::Provision {
                pin: "271828",
                policy: POLICY,
            },
        ),
        ("Unlock", Request::Unlock { pin: "271828" }),
        ("Lock", Request::Lock),
        (
            "ChangePin",
            Request::ChangePin {
                old: "271828",
                new: "314159",
            },
        ),
        ("Wipe", Request::Wipe),
        ("PublicKey", Request::PublicKey { book: BOOK }),
        ("CreateBook", Request::CreateBook { rules: RULES }),
        ("Book", Request::Book { index: 3 }),
        (
            "Handle",
            Request::Handle {
                book: BOOK,
                nid: "AB1234",
            },
        ),
        (
            "Post",
            Request::Post {
                book: BOOK,
                expected_seq: 5,
                posting: POSTING,
            },
        ),
        (
            "PostBatch",
            Request::PostBatch {
                book: BOOK,
                expected_seq: 5,
                postings: [
                    POSTING,
                    Posting {
                        prev: None,
                        ..POSTING
                    },
                ]
                .into_iter()
                .collect(),
            },
        ),
        ("LastEntry", Request::LastEntry { book: BOOK }),
        ("Cut", Request::Cut { book: BOOK }),
    ]
}

fn releases_and_after() -> Vec<(&'static str, Request<'static>)> {
    let range = Range {
        writer: WRITER,
        from: Cut::START,
        to: CUT,
    };
    let (c1, c2): (&[u8], &[u8]) = (&[1; 32], &[2; 32]);
    vec![
        (
            "ReleaseTotal",
            Request::ReleaseTotal {
                book: BOOK,
                ranges: [range].into_iter().collect(),
                c1,
                c2,
                tag: &[3; 32],
            },
        ),
        (
            "ReleaseBalance",
            Request::ReleaseBalance {
                book: BOOK,
                account: ACCOUNT,
                last: [LAST, LastPosition { seq: None, ..LAST }]
                    .into_iter()
                    .collect(),
                c1,
                c2,
                account_tag: &[4; 32],
            },
        ),
        (
            "ReleaseOpen",
            Request::ReleaseOpen {
                book: BOOK,
                count: 9,
                c1,
                c2,
            },
        ),
        (
            "ConfirmDecode",
            Request::ConfirmDecode {
                number: 4,
                minor: -1,
            },
        ),
        ("LastStatement", Request::LastStatement),
        ("Cancel", Request::Cancel),
        (
            "ImportBook",
            Request::ImportBook {
                rules: OPEN_RULES,
                x: &[0x0e; 32],
            },
        ),
    ]
}

fn life() -> Vec<(&'static str, Request<'static>)> {
    vec![
        ("Status", Request::Status),
        ("SetPolicy", Request::SetPolicy { policy: POLICY }),
        ("NewWriter", Request::NewWriter),
        (
            "Backup",
            Request::Backup {
                threshold: 2,
                shares: 3,
            },
        ),
        (
            "Restore",
            Request::Restore {
                pin: "271828",
                policy: POLICY,
                shares: &[0x5a; 132],
            },
        ),
        ("AuditLog", Request::AuditLog { from: 300 }),
        (
            "AuditAcknowledge",
            Request::AuditAcknowledge {
                through: 300,
                hash: [0xA0; 32],
            },
        ),
    ]
}

fn writers() -> Vec<(&'static str, Request<'static>)> {
    let (writer, name) = (WRITER, "branch 2");
    vec![
        ("EnrolOffer", Request::EnrolOffer),
        (
            "EnrolJoin",
            Request::EnrolJoin {
                commitment: [0xC0; 32],
            },
        ),
        (
            "EnrolReveal",
            Request::EnrolReveal {
                writer,
                point: [0xB1; 32],
            },
        ),
        ("EnrolConfirm", Request::EnrolConfirm { point: [0xA1; 32] }),
        ("EnrolGrant", Request::EnrolGrant { name }),
        (
            "EnrolFinish",
            Request::EnrolFinish {
                pin: "271828",
                sealed: &[0x5e; 40],
            },
        ),
        ("GrantBook", Request::GrantBook { book: BOOK, writer }),
        (
            "TakeBook",
            Request::TakeBook {
                rules: RULES,
                public_key: [9; 32],
                mac: [0xC7; 32],
            },
        ),
        ("Writer", Request::Writer { index: 3 }),
        ("AdmitWriter", Request::AdmitWriter { writer, name }),
        (
            "RevokeWriter",
            Request::RevokeWriter {
                writer,
                closings: &[0, 0xac, 2],
            },
        ),
        (
            "RevealNid",
            Request::RevealNid {
                book: BOOK,
                account: ACCOUNT,
                sealed_nid: &[8; 49],
            },
        ),
    ]
}

fn responses() -> Vec<(&'static str, Response<'static>)> {
    [first_responses(), more_responses()].concat()
}

fn more_responses() -> Vec<(&'static str, Response<'static>)> {
    let status = Status {
        role: Some(Role::Writer),
        writers: 2,
        audit_len: 300,
        audit_read: 290,
        audit_room: 38,
        random_ok: true,
    };
    let writer = WriterInfo {
        writer: WRITER,
        name: "branch 2",
        standing: Standing::Revoked,
    };
    vec![
        ("Status", Response::Status(status)),
        ("Shares", Response::Shares(&[0x5a; 132])),
        (
            "AuditLog",
            Response::AuditLog {
                first: 300,
                before: [0xA0; 32],
                events: &[1, 2, 3],
            },
        ),
        (
            "EnrolOffer",
            Response::EnrolOffer {
                commitment: [0xC0; 32],
            },
        ),
        (
            "EnrolJoin",
            Response::EnrolJoin {
                writer: WRITER,
                point: [0xB1; 32],
            },
        ),
        ("EnrolReveal", Response::EnrolReveal { point: [0xA1; 32] }),
        (
            "EnrolGrant",
            Response::EnrolGrant {
                sealed: &[0x5e; 40],
            },
        ),
        (
            "BookGrant",
            Response::BookGrant {
                rules: RULES,
                public_key: [9; 32],
                mac: [0xC7; 32],
            },
        ),
        ("Writer", Response::Writer(writer)),
        ("NoWriter", Response::NoWriter),
        ("Nid", Response::Nid("AB1234")),
    ]
}

/// In the order of their numbers.
fn events() -> Vec<AuditEvent> {
    use AuditEvent as E;
    let (writer, policy, book) = (WRITER, POLICY, BOOK);
    let released = |what| E::Released {
        number: 4,
        book,
        what,
    };
    vec![
        E::Provisioned { writer, policy },
        E::Restored { writer, policy },
        E::Enrolled { writer },
        E::UnlockFailed { tries_left: 7 },
        E::PinChanged,
        released(Released::Total { entries: 300 }),
        released(Released::Balance { account: ACCOUNT }),
        released(Released::Open { entries: 300 }),
        E::PolicyChanged { policy },
        E::WriterRenewed {
            old: WRITER,
            new: WriterId([0x18; 16]),
        },
        E::WriterEnrolled { writer },
        E::WriterAdmitted { writer },
        E::WriterRevoked { writer },
        E::BackedUp {
            threshold: 2,
            shares: 3,
        },
        E::BookImported { book },
        E::NidRevealed {
            book,
            account: ACCOUNT,
        },
        E::Wiped,
    ]
}

fn first_responses() -> Vec<(&'static str, Response<'static>)> {
    let info = Info {
        version_min: 1,
        version_max: 1,
        firmware: [0, 1, 0],
        state: State::Unlocked,
        ceremony: false,
        true_random: true,
        writer: Some(WRITER),
        policy: Some(POLICY),
        tries_left: 8,
        books: 2,
        frame_len_max: 2048,
        batch_len_max: 8,
        suites: 0b1110,
    };
    let statement = |scope| {
        Response::Statement(StatementRecord {
            number: 4,
            book: BOOK,
            count: 300,
            scope,
            c1: &[1; 32],
            c2: &[2; 32],
            d: &[5; 32],
            proof_c: &[6; 32],
            proof_s: &[7; 32],
        })
    };
    let total = ScopeRecord::Total([SPAN].into_iter().collect());
    let balance = ScopeRecord::Balance {
        account: ACCOUNT,
        last: [LAST].into_iter().collect(),
    };
    let book = BookInfo {
        book: BOOK,
        rules: RULES,
        next_seq: 301,
        last_cut: 300,
    };
    vec![
        ("Hello", Response::Hello(info)),
        ("Done", Response::Done),
        ("PublicKey", Response::PublicKey(&[9; 32])),
        ("Book", Response::Book(book)),
        ("NoBook", Response::NoBook),
        (
            "Handle",
            Response::Handle {
                handle: ACCOUNT,
                sealed_nid: &[8; 49],
            },
        ),
        (
            "Posted",
            Response::Posted {
                writer: WRITER,
                first_seq: 5,
                cut: Some(CUT),
                entries: &[1, 2, 3],
            },
        ),
        (
            "Cut",
            Response::Cut {
                writer: WRITER,
                cut: CUT,
            },
        ),
        ("Statement, total", statement(total)),
        ("Statement, balance", statement(balance)),
        ("Statement, open", statement(ScopeRecord::Open)),
        ("Waiting", Response::Waiting),
    ]
}

fn errors() -> Vec<TokenError> {
    use TokenError as E;
    vec![
        E::BadFrame,
        E::FrameTooLong,
        E::UnsupportedVersion { min: 1, max: 1 },
        E::StaleSession,
        E::Malformed,
        E::Busy,
        E::NotProvisioned,
        E::AlreadyProvisioned,
        E::Locked,
        E::WrongPin { tries_left: 7 },
        E::Blocked,
        E::BadPin,
        E::CeremonyRequired,
        E::Denied,
        E::PresenceTimeout,
        E::Cancelled,
        E::NotAllowed,
        E::UnknownBook,
        E::BookExists,
        E::TooManyBooks,
        E::BadRules,
        E::SuiteUnsupported,
        E::WrongKind,
        E::BadNid,
        E::BadBatch,
        E::OverCap,
        E::BadPrev,
        E::WrongSeq { next: 300 },
        E::TooFewEntries { missing: 3 },
        E::BadElement,
        E::ClaimRefused,
        E::WrongAmount,
        E::NothingStored,
        E::StorageFull,
        E::StorageFailed,
        E::EntropyFailed,
        E::BadKey,
        E::KeyInUse,
        E::AuditFull,
        E::WrongHash,
        E::BadShares,
        E::BadQuorum,
        E::WrongRole,
        E::EnrolmentFailed,
        E::GrantRefused,
        E::UnknownWriter,
        E::WriterExists,
        E::TooManyWriters,
        E::BadName,
        E::BadBox,
    ]
}

/// One line for each message: direction, name, bytes.
fn now() -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = |what: &str, name: &str, bytes: Vec<u8>| {
        lines.push(format!("{what} | {name} | {}", hex::encode(bytes)));
    };
    for (name, request) in requests() {
        line("request", name, postcard::to_allocvec(&request).unwrap());
    }
    for (name, response) in responses() {
        line("response", name, postcard::to_allocvec(&response).unwrap());
    }
    for error in errors() {
        let bytes = postcard::to_allocvec(&Response::Error(error)).unwrap();
        line("error", &format!("{error:?}"), bytes);
    }
    for event in events() {
        let bytes = postcard::to_allocvec(&event).unwrap();
        let shown = format!("{event:?}");
        let name = shown.split([' ', '{']).next().unwrap_or_default();
        line("event", name, bytes);
    }
    let entry = SignedEntry {
        account: ACCOUNT,
        prev: None,
        c1: &[1; 32],
        c2: &[2; 32],
        tag: &[3; 32],
        account_tag: &[4; 32],
    };
    line(
        "entry",
        "SignedEntry",
        postcard::to_allocvec(&entry).unwrap(),
    );
    let header = FrameHeader {
        version: 1,
        session: *b"session1",
        id: 7,
    };
    let mut out = [0; 256];
    let hello = postcard::to_allocvec(&Request::Hello).unwrap();
    let len = frame::encode(&header, &hello, &mut out).unwrap();
    line("frame", "Hello", out[..len].to_vec());
    lines
}

#[test]
fn the_bytes_of_version_1_are_frozen() {
    let frozen: Vec<_> = include_str!("vectors/wire_v1.txt").lines().collect();
    let now = now();
    for line in &frozen {
        assert!(now.iter().any(|now| now == line), "changed or gone: {line}");
    }
    let is_new = |line: &&String| !frozen.contains(&line.as_str());
    let new: Vec<_> = now.iter().filter(is_new).cloned().collect();
    assert!(
        new.is_empty(),
        "messages without frozen bytes:\n{}",
        new.join("\n")
    );
    assert_eq!(now.len(), frozen.len(), "a line for each message");
}

#[test]
fn a_request_that_is_shown_shows_no_secret() {
    for (name, request) in requests() {
        assert_eq!(format!("{request:?}"), name);
    }
}

#[test]
fn every_message_comes_back() {
    for (name, request) in requests() {
        let bytes = postcard::to_allocvec(&request).unwrap();
        let (back, rest) = postcard::take_from_bytes::<Request<'_>>(&bytes).unwrap();
        assert!(back == request && rest.is_empty(), "{name}");
    }
    for (name, response) in responses() {
        let bytes = postcard::to_allocvec(&response).unwrap();
        let (back, rest) = postcard::take_from_bytes::<Response<'_>>(&bytes).unwrap();
        assert!(back == response && rest.is_empty(), "{name}");
    }
}

#[test]
fn a_cut_message_is_never_a_message() {
    for (name, request) in requests() {
        let bytes = postcard::to_allocvec(&request).unwrap();
        for len in 0..bytes.len() {
            assert!(
                postcard::from_bytes::<Request<'_>>(&bytes[..len]).is_err(),
                "{name}, {len}"
            );
        }
    }
}

/// Feeds bytes to a reader and returns what each frame came to.
fn read(bytes: &[u8]) -> Vec<Result<(FrameHeader, Vec<u8>), FrameError>> {
    let mut reader = FrameReader::<FRAME_LEN_MAX>::new();
    let mut frames = Vec::new();
    for byte in bytes {
        if reader.push(*byte) {
            frames.push(
                reader
                    .frame()
                    .map(|(header, message)| (header, message.to_vec())),
            );
        }
    }
    frames
}

#[test]
fn a_frame_carries_any_message_up_to_its_limit() {
    let header = FrameHeader {
        version: 1,
        session: [0; 8],
        id: u32::MAX,
    };
    let limit = message_len_max(FRAME_LEN_MAX);
    for fill in [0, 1, 0xFF] {
        for len in [0, 1, 253, 254, 255, 508, 1000, limit] {
            let message = vec![fill; len];
            let mut out = [0xEE; FRAME_LEN_MAX];
            let used = frame::encode(&header, &message, &mut out).unwrap();
            assert!(
                out[..used - 1].iter().all(|byte| *byte != 0),
                "one delimiter, at the end"
            );
            assert_eq!(
                read(&out[..used]),
                [Ok((header, message))],
                "{fill} × {len}"
            );
        }
    }
    let mut out = [0; FRAME_LEN_MAX];
    let too_long = frame::encode(&header, &vec![1; FRAME_LEN_MAX], &mut out);
    assert_eq!(too_long, Err(FrameError::TooLong));
}

#[test]
fn a_frame_with_any_one_byte_changed_is_refused() {
    let header = FrameHeader {
        version: 1,
        session: *b"session1",
        id: 7,
    };
    let mut out = [0; 256];
    let len = frame::encode(&header, b"a message\0of any bytes", &mut out).unwrap();
    for i in 0..len {
        for flip in 1..=255 {
            let mut changed = out[..len].to_vec();
            changed[i] ^= flip;
            changed.push(0);
            let good = read(&changed).into_iter().flatten().count();
            assert_eq!(good, 0, "byte {i} xor {flip}");
        }
    }
}

#[test]
fn an_endless_frame_costs_one_error_and_the_next_is_read() {
    let header = FrameHeader {
        version: 1,
        session: [1; 8],
        id: 1,
    };
    let mut out = [0; 64];
    let len = frame::encode(&header, b"next", &mut out).unwrap();
    let mut bytes = vec![7; 10 * FRAME_LEN_MAX];
    bytes.extend([0, 0, 0]);
    bytes.extend(&out[..len]);
    assert_eq!(
        read(&bytes),
        [Err(FrameError::TooLong), Ok((header, b"next".to_vec()))]
    );
}
