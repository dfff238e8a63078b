//! From a frame to its answer: the one table of commands.
//!
//! | command | Empty | Locked | Unlocked | Blocked |
//! |---|---|---|---|---|
//! | `Hello`, `Lock` | yes | yes | yes | yes |
//! | `Wipe` (ceremony mode) | yes | yes | yes | yes |
//! | `Provision` | yes | `AlreadyProvisioned` | `AlreadyProvisioned` | `AlreadyProvisioned` |
//! | `Unlock`, `ChangePin` | `NotProvisioned` | yes | yes | `Blocked` |
//! | all others | `NotProvisioned` | `Locked` | yes | `Blocked` |
//!
//! A store that can't be read answers everything but `Wipe` with `StorageFailed`.

use core::iter;

use crate::{
    engine::Engine,
    platform::Platform,
    posting::PostRequest,
    serial::{Line, parse},
    suites::in_suite,
    vault::Pin,
};
use core_nostd::{
    book::BookKind,
    ciphertext::Ciphertext,
    wire::{Request, Response, TokenError},
};

/// The answer to the frame that has just ended; none to a `Cancel` that came too late.
///
/// Nothing of the request is borrowed any more once the line is used: the frame buffer may then
/// hold other frames, or serve as a work area.
pub(crate) fn respond<'b, P: Platform>(
    line: &mut Line<P::Serial>,
    engine: &mut Engine<P>,
    body: &'b mut [u8],
) -> Result<Option<Response<'b>>, TokenError> {
    line.address = line.session.nobody();
    let (header, message) = line.reader.frame()?;
    line.address = header;
    let request = parse(message);
    if let Ok(Request::Hello) = request {
        line.session.hello(&header);
        return hello(engine, body).map(Some);
    }
    line.session.check(&header)?;
    let request = request?;
    if let Request::Cancel = request {
        return Ok(None);
    }
    line.session.accept(&header)?;
    match engine.start(body) {
        Err(error) if request != Request::Wipe => return Err(error),
        _ => {}
    }
    let response = match request {
        Request::Provision { pin, policy } => {
            let pin = Pin::new(pin)?;
            engine.provision(line, &pin, policy, body)?;
            Response::Done
        }
        Request::Wipe => {
            engine.wipe(line)?;
            Response::Done
        }
        Request::Post {
            book,
            expected_seq,
            posting,
        } => {
            let request = PostRequest {
                book,
                expected_seq,
                postings: iter::once(posting).collect(),
                mac: engine.request_mac(message)?,
            };
            engine.post(&request, body, line.reader.scratch())?
        }
        Request::PostBatch {
            book,
            expected_seq,
            postings,
        } => {
            let request = PostRequest {
                book,
                expected_seq,
                postings,
                mac: engine.request_mac(message)?,
            };
            engine.post(&request, body, line.reader.scratch())?
        }
        Request::Cut { book } => engine.cut(&book, body, line.reader.scratch())?,
        Request::ReleaseTotal {
            book,
            ranges,
            c1,
            c2,
            tag,
        } => {
            let claim = engine.claim(&book, [c1, c2, tag], body)?;
            engine.release_total(line, &claim, &ranges, body)?
        }
        Request::ReleaseBalance {
            book,
            account,
            last,
            c1,
            c2,
            account_tag,
        } => {
            let claim = engine.claim(&book, [c1, c2, account_tag], body)?;
            engine.release_balance(line, &claim, &account, last, body)?
        }
        Request::ReleaseOpen {
            book,
            count,
            c1,
            c2,
        } => {
            let found = engine.find(&book, body)?;
            found.must_be(BookKind::Open)?;
            in_suite!(found.rules.suite, S => {
                let sum = Ciphertext::<S>::from_bytes(c1, c2).map_err(|_| TokenError::BadElement)?;
                engine.release_open(line, book, count, sum, body)
            })?
        }
        other => execute(engine, other, body)?,
    };
    Ok(Some(response))
}

/// The answer to a `Hello`, whose session has begun.
pub(crate) fn hello<'b, P: Platform>(
    engine: &mut Engine<P>,
    body: &'b mut [u8],
) -> Result<Response<'b>, TokenError> {
    engine.start(body)?;
    Ok(Response::Hello(engine.info()))
}

/// The commands that need no line.
fn execute<'b, P: Platform>(
    engine: &mut Engine<P>,
    request: Request<'_>,
    body: &'b mut [u8],
) -> Result<Response<'b>, TokenError> {
    match request {
        Request::Unlock { pin } => engine.unlock(&Pin::new(pin)?, body)?,
        Request::Lock => engine.lock(),
        Request::ChangePin { old, new } => {
            engine.change_pin(&Pin::new(old)?, &Pin::new(new)?, body)?;
        }
        Request::PublicKey { book } => return engine.public_key(&book, body),
        Request::CreateBook { rules } => return engine.create_book(&rules, body),
        Request::Book { index } => return engine.book(index, body),
        Request::Handle { book, nid } => return engine.handle(&book, nid, body),
        Request::LastEntry { book } => return engine.last_entry(&book, body),
        Request::ConfirmDecode { number, minor } => engine.confirm_decode(number, minor, body)?,
        Request::LastStatement => return engine.last_statement(body).map(Response::Statement),
        // The others were dealt with before, or belong to versions to come.
        _ => return Err(TokenError::Malformed),
    }
    Ok(Response::Done)
}
