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

use core::slice;

use crate::{
    books::keep,
    engine::Engine,
    platform::Platform,
    posting::PostRequest,
    serial::{Line, parse},
    suites::in_suite,
    vault::Pin,
};
use core_nostd::wire::{Request, Response, TokenError};

/// The answer to the frame that has just ended.
///
/// Nothing of the request is borrowed any more once the line is used: the frame buffer may then
/// hold other frames, or serve as a work area.
#[inline(never)]
pub(crate) fn respond<'b, P: Platform>(
    line: &mut Line<P::Serial>,
    engine: &mut Engine<P>,
    body: &'b mut [u8],
) -> Result<Response<'b>, TokenError> {
    line.address = Some(line.session.nobody());
    let (header, message) = line.reader.frame()?;
    line.address = Some(header);
    let request = parse(message);
    if let Ok(Request::Hello) = request {
        line.session.hello(&header);
        return hello(engine, body);
    }
    line.session.check(&header)?;
    let request = request?;
    if let Request::Cancel = request {
        // It came too late: what it was to end has been answered.
        line.address = None;
        return Ok(Response::Done);
    }
    line.session.accept(&header)?;
    if !matches!(request, Request::Wipe) {
        engine.start(body)?;
    }
    match request {
        Request::Provision { pin, policy } => {
            let pin = Pin::new(pin)?;
            engine.provision(line, &pin, policy, body)?;
            Ok(Response::Done)
        }
        Request::Wipe => engine.wipe(line).map(|()| Response::Done),
        Request::SetPolicy { policy } => {
            engine.set_policy(line, policy, body)?;
            Ok(Response::Done)
        }
        Request::Post {
            book,
            expected_seq,
            mut posting,
        } => {
            let mac = engine.request_mac(message)?;
            let postings = slice::from_mut(&mut posting);
            let request = PostRequest::new(book, expected_seq, postings, mac);
            engine.post(&request, body, line.reader.scratch())
        }
        Request::PostBatch {
            book,
            expected_seq,
            mut postings,
        } => {
            let mac = engine.request_mac(message)?;
            let request = PostRequest::new(book, expected_seq, &mut postings, mac);
            engine.post(&request, body, line.reader.scratch())
        }
        Request::Cut { book } => engine.cut(&book, body, line.reader.scratch()),
        Request::ReleaseTotal {
            book,
            ranges,
            c1,
            c2,
            tag,
        } => {
            let opening = engine.claim_total(&book, [c1, c2, tag], &ranges, body)?;
            engine.release(line, &opening, body)
        }
        Request::ReleaseBalance {
            book,
            account,
            last,
            c1,
            c2,
            account_tag,
        } => {
            let sum = [c1, c2, account_tag];
            let opening = engine.claim_balance(&book, sum, &account, &last, body)?;
            engine.release(line, &opening, body)
        }
        Request::ReleaseOpen {
            book,
            count,
            c1,
            c2,
        } => {
            let suite = engine.open_book(&book, body)?;
            let sum_len = keep(&[c1, c2], body)?.len();
            in_suite!(suite, S => engine.release_open::<S>(line, book, count, sum_len, body))
        }
        Request::ImportBook { rules, x } => {
            let import = engine.take_key(&rules, x, body)?;
            engine.import_book(line, &import, body)
        }
        other => execute(engine, other, body),
    }
}

/// The answer to a `Hello`, whose session has begun.
#[inline(never)]
pub(crate) fn hello<'b, P: Platform>(
    engine: &mut Engine<P>,
    body: &'b mut [u8],
) -> Result<Response<'b>, TokenError> {
    engine.start(body)?;
    Ok(Response::Hello(engine.info()))
}

/// The commands that need no line.
#[inline(never)]
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
