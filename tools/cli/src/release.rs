//! Opening a sum: the token checks it and opens it, this host finds the amount, the token checks
//! that too. What comes out is a statement; whoever asked decides who gets to see it.

use std::ops::ControlFlow;

use core_nostd::{
    ids::{Handle, WriterId},
    tag::{Cut, LastPosition, Range},
    wire::scope::ScopeRecord,
};
use host_api as api;
use token_client::{ClientError, OwnedStatement};

use crate::{
    book::Book,
    decode::Decoding,
    failure::{Exit, Failure, Result},
    out::hint,
    settings::Token,
    statement,
};

/// Says once, on standard error, that the token waits for its button, and for what.
pub fn announce(token: &mut Token, what: &str) {
    say_once(token, format!("press the button on the token to {what}"));
}

/// Says once, on standard error, that the token makes everybody wait after wrong PINs.
pub fn announce_delay(token: &mut Token) {
    let text = "PINs were wrong before: the token takes up to 16 seconds for the next try";
    say_once(token, text.to_owned());
}

fn say_once(token: &mut Token, text: String) {
    let mut text = Some(text);
    token.on_waiting(Box::new(move || {
        if let Some(text) = text.take() {
            hint(&text);
        }
        ControlFlow::Continue(())
    }));
}

/// Opens a total of an authenticated book.
pub fn total(
    token: &mut Token,
    book: &Book,
    total: &api::Total,
    decoding: &Decoding,
) -> Result<api::Statement> {
    let ranges = total.ranges.iter().map(range).collect::<Option<Vec<_>>>();
    let (Some(ranges), Some(tag)) = (ranges, &total.tag) else {
        return Err(nonsense("a total without its ranges or its tag"));
    };
    decoding.announce(book, total.count);
    announce(token, &format!("open the total of \"{}\"", book.rules.name));
    let sum = [&total.c1, &total.c2, tag].map(|bytes| bytes.as_ref());
    let released = token.release_total(book.id, &ranges, sum);
    let ciphertext = [&total.c1, &total.c2];
    finish(token, book, released, ciphertext, total.count, decoding)
}

/// Opens a sum of an open book.
pub fn open_sum(
    token: &mut Token,
    book: &Book,
    total: &api::Total,
    decoding: &Decoding,
) -> Result<api::Statement> {
    decoding.announce(book, total.count);
    announce(
        token,
        &format!("open the sum of open book \"{}\"", book.rules.name),
    );
    let sum = [&total.c1, &total.c2].map(|bytes| bytes.as_ref());
    let released = token.release_open(book.id, total.count, sum);
    let ciphertext = [&total.c1, &total.c2];
    finish(token, book, released, ciphertext, total.count, decoding)
}

/// Opens the balance of one account.
pub fn balance(
    token: &mut Token,
    book: &Book,
    account: Handle,
    balance: &api::Balance,
    decoding: &Decoding,
) -> Result<api::Statement> {
    let last = balance
        .last
        .iter()
        .map(last_position)
        .collect::<Option<Vec<_>>>();
    let Some(last) = last else {
        return Err(nonsense("a balance with a malformed writer"));
    };
    decoding.announce(book, balance.count);
    announce(
        token,
        &format!("open ONE BALANCE of \"{}\"", book.rules.name),
    );
    let sum = [&balance.c1, &balance.c2, &balance.account_tag].map(|bytes| bytes.as_ref());
    let released = token.release_balance(book.id, account, &last, sum);
    let ciphertext = [&balance.c1, &balance.c2];
    finish(token, book, released, ciphertext, balance.count, decoding)
}

/// What the token opened last, decoded now: a sum of this book that `is_it`. Nothing is opened.
pub fn last(
    token: &mut Token,
    book: &Book,
    is_it: impl Fn(&ScopeRecord) -> bool,
    decoding: &Decoding,
) -> Result<api::Statement> {
    let released = token.last_statement()?;
    if released.book != book.id || !is_it(&released.scope) {
        return Err(Failure::failed(
            "the token opened something else last, and keeps nothing older: open it again, without \
             --last",
        ));
    }
    // The statement of a balance does not count its entries.
    let count = Some(released.count).filter(|count| *count > 0);
    decoded(token, book, &released, count, decoding)
}

/// Takes a release of the ciphertext that was asked for.
fn finish(
    token: &mut Token,
    book: &Book,
    released: Result<OwnedStatement, ClientError>,
    [c1, c2]: [&api::Base64; 2],
    count: u64,
    decoding: &Decoding,
) -> Result<api::Statement> {
    let released = released?;
    if released.book != book.id || released.c1 != c1.0 || released.c2 != c2.0 {
        return Err(Failure::new(
            Exit::NotVerified,
            "the token opened another ciphertext than it was given",
        ));
    }
    decoded(token, book, &released, Some(count), decoding)
}

/// Decodes a release, has the token confirm it, and verifies the statement as everybody will.
fn decoded(
    token: &mut Token,
    book: &Book,
    released: &OwnedStatement,
    count: Option<u64>,
    decoding: &Decoding,
) -> Result<api::Statement> {
    let bound = count.map(|count| book.bound(count));
    let minor = decoding.amount(book, released, bound)?;
    token.confirm_decode(released.number, minor)?;
    let statement = statement::publishable(book, released, minor);
    statement::verify(&statement).map_err(|error| {
        Failure::new(
            Exit::NotVerified,
            format_args!("the token's own statement does not verify: {error}"),
        )
    })?;
    Ok(statement)
}

fn nonsense(what: &str) -> Failure {
    Failure::failed(format!("the server sent {what}"))
}

fn range(range: &api::Range) -> Option<Range> {
    Some(Range {
        writer: WriterId::from_hex(&range.writer)?,
        from: cut(&range.from)?,
        to: cut(&range.to)?,
    })
}

/// A cut without MAC can only be the start of a chain; the token says so if it is not.
fn cut(end: &api::RangeEnd) -> Option<Cut> {
    let mac = match &end.mac {
        Some(mac) => mac.0.as_slice().try_into().ok()?,
        None => Cut::START.mac,
    };
    Some(Cut {
        position: end.position,
        mac,
    })
}

fn last_position(last: &api::LastPosition) -> Option<LastPosition> {
    let writer = WriterId::from_hex(&last.writer)?;
    Some(LastPosition {
        writer,
        seq: last.seq,
    })
}
