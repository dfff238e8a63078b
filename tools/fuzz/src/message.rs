//! Messages of the serial protocol. Whatever is taken for one is encoded to the same bytes.

use core_nostd::{
    ciphersuite::{Ciphersuite, SuiteId, SuiteVisitor},
    entry::Entry,
    error::DecodeError,
    group::Group,
    tag::TaggedSum,
    wire::{self, AuditEvent, Request, Response, Rules, SignedEntry, audit::EVENT_LEN_MAX},
};
use serde::{Deserialize, Serialize};

use crate::without_heap;

/// A request, whose `Debug` shows nothing of what it carries.
pub fn request(data: &[u8]) -> bool {
    let Some(request) = canonical::<Request<'_>>(data) else {
        return false;
    };
    let shown = format!("{request:?}");
    assert!(shown.bytes().all(|byte| byte.is_ascii_alphabetic()));
    if let Request::CreateBook { rules } = request {
        check_rules(&rules);
    }
    true
}

/// An answer; one to a posting goes on to [`entries`].
pub fn response(data: &[u8]) -> bool {
    let Some(response) = canonical::<Response<'_>>(data) else {
        return false;
    };
    match response {
        Response::Posted { entries: bytes, .. } => _ = entries(bytes),
        Response::Book(book) => _ = check_rules(&book.rules),
        Response::Error(error) => assert!(!error.to_string().is_empty()),
        _ => {}
    }
    true
}

/// An event of the audit log, which has room for it.
pub fn event(data: &[u8]) -> bool {
    let event = canonical::<AuditEvent>(data);
    assert!(event.is_none() || data.len() <= EVENT_LEN_MAX);
    event.is_some()
}

/// The rules of a book as they travel: what is within its bounds comes back as it was.
pub fn rules(data: &[u8]) -> bool {
    canonical::<Rules<'_>>(data).is_some_and(|rules| check_rules(&rules))
}

/// Signed entries one after the other: what is read of each is what stands there, and elements
/// that decode in a suite encode to the same bytes.
pub fn entries(data: &[u8]) -> bool {
    let mut rest = data;
    while !rest.is_empty() {
        let before = rest;
        let Some(entry) = without_heap(|| SignedEntry::next_of(&mut rest)) else {
            assert_eq!(rest, before, "what is refused stays");
            return false;
        };
        let again = postcard::to_allocvec(&entry).expect("an entry can be encoded");
        assert_eq!(before, [&again, rest].concat());
        for suite in SuiteId::ALL {
            suite.dispatch(Elements(&entry));
        }
    }
    !data.is_empty()
}

/// What the strict decoder takes: all of the bytes, and in no other form. Postcard itself takes it
/// too.
fn canonical<'a, T: Deserialize<'a> + Serialize>(data: &'a [u8]) -> Option<T> {
    let value: Option<T> = without_heap(|| wire::decode(data));
    let lenient = postcard::take_from_bytes::<T>(data).ok();
    let written = lenient
        .map(|(value, _)| postcard::to_allocvec(&value).expect("what was read can be written"));
    assert_eq!(value.is_some(), written.is_some_and(|bytes| bytes == data));
    value
}

fn check_rules(rules: &Rules<'_>) -> bool {
    let Some(checked) = without_heap(|| rules.check()) else {
        return false;
    };
    assert_eq!(checked.check(), Ok(()));
    assert_eq!(Rules::from(&checked), *rules);
    let other = Rules {
        cap: rules.cap ^ 1,
        ..*rules
    };
    assert!(other.check().is_none_or(|other| other.id() != checked.id()));
    true
}

struct Elements<'a>(&'a SignedEntry<'a>);

impl SuiteVisitor for Elements<'_> {
    type Output = ();

    fn visit<S: Ciphersuite>(self) {
        let bytes = self.0;
        let Ok(entry) = without_heap(|| decode::<S>(bytes)) else {
            return;
        };
        let (c1, c2) = entry.ciphertext.to_bytes();
        let again = SignedEntry {
            c1: c1.as_ref(),
            c2: c2.as_ref(),
            tag: S::Group::encode(&entry.tag).as_ref(),
            account_tag: S::Group::encode(&entry.account_tag).as_ref(),
            ..*bytes
        } == *bytes;
        assert!(again, "elements have one encoding");
    }
}

fn decode<S: Ciphersuite>(bytes: &SignedEntry<'_>) -> Result<Entry<S>, DecodeError> {
    let total = TaggedSum::from_bytes(bytes.c1, bytes.c2, bytes.tag)?;
    Ok(Entry {
        ciphertext: total.ciphertext,
        tag: total.tag,
        account_tag: S::Group::decode(bytes.account_tag)?,
    })
}
