//! From a frame to its answer: the one table of commands.
//!
//! | command | Empty | Locked | Unlocked | Blocked |
//! |---|---|---|---|---|
//! | `Hello`, `Status`, `Lock` | yes | yes | yes | yes |
//! | `Wipe` (ceremony mode) | yes | yes | yes | yes |
//! | `Provision` | yes | `AlreadyProvisioned` | `AlreadyProvisioned` | `AlreadyProvisioned` |
//! | `Restore` (ceremony mode) | yes | `AlreadyProvisioned` | `AlreadyProvisioned` | the same |
//! | `Unlock`, `ChangePin` | `NotProvisioned` | yes | yes | `Blocked` |
//! | `EnrolJoin`, `…Confirm`, `…Finish` | as `Provision`, in ceremony mode | | | |
//! | all others | `NotProvisioned` | `Locked` | yes | `Blocked` |
//!
//! Unlocked, a treasury answers `TakeBook` with `WrongRole`, and a writer answers so `CreateBook`,
//! `ImportBook`, the releases, `RevealNid`, `SetPolicy`, `Backup`, `NewWriter`, `EnrolOffer`,
//! `EnrolReveal`, `EnrolGrant`, `GrantBook`, `Writer`, `AdmitWriter` and `RevokeWriter`.
//!
//! What is wrong with a PIN or a name shows first; then the state, the role, ceremony mode, and
//! the rest of the request.
//!
//! A store that can't be read answers everything but `Wipe` with `StorageFailed`.

use core::slice;

use crate::{
    engine::Engine,
    foreign_keys::Import,
    platform::Platform,
    posting::PostRequest,
    release::{Authenticated, OpenSum, Opening, Verified},
    reveal::Reveal,
    serial::Line,
    suites::in_suite,
    vault::Pin,
    writers::{self, Name, Revocation},
};
use core_nostd::{
    backup::Quorum,
    ids::WriterId,
    keys::RootSeed,
    wire::{Policy, Request, Response, TokenError, decode_request},
};

/// The answer to the frame that has just ended.
///
/// A request is large, and so is the work that some ask for: it is read anew in each step, so that
/// it is nowhere on the stack when a person is asked or a statement is made.
#[inline(never)]
pub(crate) fn respond<'b, P: Platform>(
    line: &mut Line<P::Serial>,
    engine: &mut Engine<P>,
    body: &'b mut [u8],
) -> Result<Response<'b>, TokenError> {
    match &read(line, engine, body) {
        Ok(Step::Hello) => hello(engine, body),
        // It came too late: what it was to end has been answered.
        Ok(Step::Nothing) => Ok(Response::Done),
        Ok(Step::Claim(claim)) => open(line, engine, claim, body),
        Ok(Step::Ask(ask)) => fulfil(line, engine, ask, body),
        Ok(Step::Act) => act(line, engine, body),
        Err(error) => Err(*error),
    }
}

/// What a request comes to. Nothing of the request is borrowed.
enum Step {
    Hello,
    Nothing,
    Claim(Verified),
    Ask(Ask),
    Act,
}

/// Reads the frame that has just ended, which stays where it is, and takes the command if it is one
/// that a person must agree to.
#[inline(never)]
fn read<P: Platform>(
    line: &mut Line<P::Serial>,
    engine: &mut Engine<P>,
    body: &mut [u8],
) -> Result<Step, TokenError> {
    line.address = Some(line.session.nobody());
    let (header, message) = line.reader.frame()?;
    line.address = Some(header);
    let request = decode_request(message);
    if let Ok(Request::Hello) = request {
        line.session.hello(&header);
        engine.enrolment.greet(header.session);
        return Ok(Step::Hello);
    }
    line.session.check(&header)?;
    let request = request.as_ref().map_err(|_| TokenError::Malformed)?;
    if let Request::Cancel = request {
        line.address = None;
        return Ok(Step::Nothing);
    }
    line.session.accept(&header)?;
    if !matches!(request, Request::Wipe) {
        engine.start(body)?;
    }
    match verify(engine, request, body)? {
        Some(claim) => Ok(Step::Claim(claim)),
        None => take(engine, request, body),
    }
}

/// Verifies the claim, if the request makes one.
#[inline(never)]
fn verify<P: Platform>(
    engine: &mut Engine<P>,
    request: &Request<'_>,
    body: &mut [u8],
) -> Result<Option<Verified>, TokenError> {
    let claim = match request {
        Request::ReleaseTotal {
            book,
            ranges,
            c1,
            c2,
            tag,
        } => engine.verify_total(book, [c1, c2, tag], ranges, body),
        Request::ReleaseBalance {
            book,
            account,
            last,
            c1,
            c2,
            account_tag,
        } => engine.verify_balance(book, [c1, c2, account_tag], account, last, body),
        _ => return Ok(None),
    };
    claim.map(Some)
}

/// Opens what was verified, once a person agrees.
#[inline(never)]
fn open<'b, P: Platform>(
    line: &mut Line<P::Serial>,
    engine: &mut Engine<P>,
    claim: &Verified,
    body: &'b mut [u8],
) -> Result<Response<'b>, TokenError> {
    engine.take_verdict()?;
    match &opening(claim, line.reader.message()) {
        Ok(opening) => engine.release(line, opening, body),
        Err(error) => Err(*error),
    }
}

/// What the message claims and was verified.
#[inline(never)]
fn opening(claim: &Verified, message: &[u8]) -> Result<Opening<Authenticated>, TokenError> {
    match &decode_request(message) {
        Ok(Request::ReleaseTotal {
            book,
            ranges,
            c1,
            c2,
            ..
        }) => Opening::total(claim, book, [c1, c2], ranges),
        Ok(Request::ReleaseBalance {
            book,
            account,
            last,
            c1,
            c2,
            ..
        }) => Opening::balance(claim, book, [c1, c2], account, last),
        _ => Err(TokenError::Malformed),
    }
}

/// The commands that no person needs to agree to.
#[inline(never)]
fn act<'b, P: Platform>(
    line: &mut Line<P::Serial>,
    engine: &mut Engine<P>,
    body: &'b mut [u8],
) -> Result<Response<'b>, TokenError> {
    let message = line.reader.message();
    match &mut decode_request(message) {
        Ok(Request::Post {
            book,
            expected_seq,
            posting,
        }) => {
            let mac = engine.request_mac(message)?;
            let postings = slice::from_mut(posting);
            let request = PostRequest::new(*book, *expected_seq, postings, mac);
            engine.post(&request, body, line.reader.scratch())
        }
        Ok(Request::PostBatch {
            book,
            expected_seq,
            postings,
        }) => {
            let mac = engine.request_mac(message)?;
            let request = PostRequest::new(*book, *expected_seq, postings, mac);
            engine.post(&request, body, line.reader.scratch())
        }
        Ok(Request::Cut { book }) => engine.cut(book, body, line.reader.scratch()),
        Ok(Request::AuditLog { from }) => engine.audit_log(*from, body, line.reader.scratch()),
        Ok(other) => execute(engine, other, body),
        Err(_) => Err(TokenError::Malformed),
    }
}

/// A command that waits, for a person to agree or for the time between two PINs, checked as far as
/// that can be done before. It borrows nothing of its frame; what it needs of it may be in the
/// body.
enum Ask {
    Provision {
        pin: Pin,
        policy: Policy,
    },
    Restore {
        pin: Pin,
        policy: Policy,
        seed: RootSeed,
    },
    Unlock(Pin),
    ChangePin {
        old: Pin,
        new: Pin,
    },
    Wipe,
    SetPolicy(Policy),
    NewWriter,
    Backup(Quorum),
    Reveal(Reveal),
    ReleaseOpen(OpenSum),
    Import(Import),
    EnrolOffer,
    EnrolConfirm([u8; 32]),
    EnrolGrant(Name),
    AdmitWriter(WriterId, Name),
    RevokeWriter(Revocation),
}

/// Takes a command, if it is one that waits.
#[inline(never)]
fn take<P: Platform>(
    engine: &mut Engine<P>,
    request: &Request<'_>,
    body: &mut [u8],
) -> Result<Step, TokenError> {
    Ok(Step::Ask(match request {
        Request::Provision { pin, policy } => Ask::Provision {
            pin: Pin::new(pin)?,
            policy: *policy,
        },
        Request::Restore {
            pin,
            policy,
            shares,
        } => Ask::Restore {
            seed: engine.take_shares(shares)?,
            pin: Pin::new(pin)?,
            policy: *policy,
        },
        Request::Unlock { pin } => Ask::Unlock(Pin::new(pin)?),
        Request::ChangePin { old, new } => Ask::ChangePin {
            old: Pin::new(old)?,
            new: Pin::new(new)?,
        },
        Request::Wipe => Ask::Wipe,
        Request::SetPolicy { policy } => Ask::SetPolicy(*policy),
        Request::NewWriter => Ask::NewWriter,
        Request::Backup { threshold, shares } => {
            Ask::Backup(engine.take_quorum(*threshold, *shares)?)
        }
        Request::RevealNid {
            book,
            account,
            sealed_nid,
        } => Ask::Reveal(engine.take_box(book, account, sealed_nid, body)?),
        Request::ReleaseOpen {
            book,
            count,
            c1,
            c2,
        } => Ask::ReleaseOpen(engine.take_open_sum(book, *count, [c1, c2], body)?),
        Request::ImportBook { rules, x } => Ask::Import(engine.take_key(rules, x, body)?),
        Request::EnrolOffer => Ask::EnrolOffer,
        Request::EnrolConfirm { point } => Ask::EnrolConfirm(*point),
        Request::EnrolGrant { name } => Ask::EnrolGrant(writers::name(name)?),
        Request::AdmitWriter { writer, name } => Ask::AdmitWriter(*writer, writers::name(name)?),
        Request::RevokeWriter { writer, closings } => {
            Ask::RevokeWriter(engine.take_revocation(writer, closings, body)?)
        }
        _ => return Ok(Step::Act),
    }))
}

/// Waits, and then does it. Meanwhile the frame buffer takes other frames.
#[inline(never)]
fn fulfil<'b, P: Platform>(
    line: &mut Line<P::Serial>,
    engine: &mut Engine<P>,
    ask: &Ask,
    body: &'b mut [u8],
) -> Result<Response<'b>, TokenError> {
    match ask {
        Ask::Provision { pin, policy } => engine.provision(line, pin, *policy, body)?,
        Ask::Restore { pin, policy, seed } => engine.restore(line, seed, pin, *policy, body)?,
        Ask::Unlock(pin) => engine.unlock(line, pin, body)?,
        Ask::ChangePin { old, new } => engine.change_pin(line, old, new, body)?,
        Ask::Wipe => engine.wipe(line, body)?,
        Ask::SetPolicy(policy) => engine.set_policy(line, *policy, body)?,
        Ask::NewWriter => engine.renew_writer(line, body)?,
        Ask::Backup(quorum) => return engine.backup(line, *quorum, body),
        Ask::Reveal(found) => return engine.reveal(line, found, body),
        Ask::ReleaseOpen(sum) => {
            return in_suite!(sum.suite, S => engine.release_open::<S>(line, sum, body));
        }
        Ask::Import(import) => return engine.import_book(line, import, body),
        Ask::EnrolOffer => return engine.enrol_offer(line, body),
        Ask::EnrolConfirm(point) => engine.enrol_confirm(line, point)?,
        Ask::EnrolGrant(name) => return engine.enrol_grant(line, name, body),
        Ask::AdmitWriter(writer, name) => engine.admit_writer(line, writer, name, body)?,
        Ask::RevokeWriter(revocation) => engine.revoke_writer(line, revocation, body)?,
    }
    Ok(Response::Done)
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
    request: &Request<'_>,
    body: &'b mut [u8],
) -> Result<Response<'b>, TokenError> {
    match request {
        Request::Lock => engine.lock(),
        Request::Status => return Ok(Response::Status(engine.status())),
        Request::AuditAcknowledge { through, hash } => engine.acknowledge(*through, hash, body)?,
        Request::PublicKey { book } => return engine.public_key(book, body),
        Request::CreateBook { rules } => return engine.create_book(rules, body),
        Request::Book { index } => return engine.book(*index, body),
        Request::EnrolJoin { commitment } => return engine.enrol_join(commitment),
        Request::EnrolReveal { writer, point } => return engine.enrol_reveal(writer, point, body),
        Request::EnrolFinish { pin, sealed } => {
            engine.enrol_finish(&Pin::new(pin)?, sealed, body)?;
        }
        Request::GrantBook { book, writer } => return engine.grant_book(book, writer, body),
        Request::TakeBook {
            rules,
            public_key,
            mac,
        } => return engine.take_book(rules, public_key, mac, body),
        Request::Writer { index } => return engine.writer(*index, body),
        Request::Handle { book, nid } => return engine.handle(book, nid, body),
        Request::LastEntry { book } => return engine.last_entry(book, body),
        Request::ConfirmDecode { number, minor } => engine.confirm_decode(*number, *minor, body)?,
        Request::LastStatement => return engine.last_statement(body).map(Response::Statement),
        // The others were dealt with before, or belong to versions to come.
        _ => return Err(TokenError::Malformed),
    }
    Ok(Response::Done)
}
