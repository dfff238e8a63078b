//! `tally post`: one amount, into an authenticated book through the token, or into an open one with
//! its public key alone.

use core_nostd::{
    ciphersuite::{Ciphersuite, SuiteVisitor},
    error::DecodeError,
    keys::{Nonce, PublicKey},
    wire::Posting,
};
use getrandom::SysRng;
use host_api::OpenEntry;
use rand_core::UnwrapErr;
use serde::Serialize;

use crate::{
    book::Book,
    chain::Chain,
    commands::account::check_nid,
    failure::{Failure, Result},
    rows::minor_units,
    server::Server,
    settings::Settings,
    spool::{Entries, Record},
    teller::Teller,
};

/// How often a posting is begun again because somebody else posted to the chain meanwhile.
const TRIES: usize = 4;

/// Arguments of `tally post`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name or id of the book
    #[arg(long)]
    book: String,
    /// The holder's national id; an open book has no accounts
    #[arg(long)]
    nid: Option<String>,
    /// A decimal of the book's currency; negative for a withdrawal
    #[arg(allow_negative_numbers = true)]
    amount: String,
}

/// What `tally post` prints.
#[derive(Serialize)]
struct Posted {
    book: String,
    writer: String,
    seq: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<String>,
}

/// Posts it.
pub fn run(settings: &Settings, args: &Args) -> Result<()> {
    args.nid.as_deref().map_or(Ok(()), check_nid)?;
    let server = settings.server()?;
    let book = Book::find(&server, &args.book)?;
    let minor = minor_units(&args.amount, &book.rules).map_err(Failure::usage)?;
    let posted = match (&args.nid, book.is_open()) {
        (Some(nid), false) => post_signed(settings, &server, &book, nid, minor)?,
        (None, true) => post_open(settings, &server, &book, minor)?,
        (None, false) => return Err(Failure::usage("whose account? Give --nid")),
        (Some(_), true) => {
            return Err(Failure::usage(
                "an open book has no accounts: leave --nid out",
            ));
        }
    };
    let Posted { writer, seq, .. } = &posted;
    let text = format!("book   {}\nwriter {writer}\nseq    {seq}", book.id);
    settings.format.print(&text, &posted)
}

fn post_signed(
    settings: &Settings,
    server: &Server,
    book: &Book,
    nid: &str,
    minor: i64,
) -> Result<Posted> {
    if let Some(teller) = Teller::unlocked(settings, server)? {
        let posted = teller.post(book, nid, minor)?;
        return Ok(Posted {
            book: posted.book,
            writer: posted.writer,
            seq: posted.seq,
            account: Some(posted.account),
            entry: None,
        });
    }
    let spool = settings.spool()?;
    let mut token = settings.unlocked_token()?;
    let mut chain = Chain::open(server, &mut token, &spool, book)?;
    for _ in 0..TRIES {
        let account = chain.account(nid)?;
        let posting = Posting {
            account: account.handle,
            prev: account.prev,
            minor,
        };
        if let Some(posted) = chain.post(&mut [posting])? {
            return Ok(Posted {
                book: book.id.to_string(),
                writer: posted.writer.to_string(),
                seq: posted.first_seq,
                account: Some(account.handle.to_string()),
                entry: None,
            });
        }
        chain.bring_into_step()?;
    }
    Err(Failure::failed(
        "other programs keep posting with this token at the same time. Nothing was posted: try \
         again",
    ))
}

/// Encrypts here, and sends under an id of our own, so that sending it twice stores it once.
fn post_open(settings: &Settings, server: &Server, book: &Book, minor: i64) -> Result<Posted> {
    let [c1, c2] = encrypt(book, minor)?;
    let mut entry = [0; 16];
    getrandom::fill(&mut entry).map_err(|error| Failure::failed(format!("randomness: {error}")))?;
    let entry = OpenEntry {
        entry: hex::encode(entry),
        c1: c1.into(),
        c2: c2.into(),
    };
    let id = entry.entry.clone();
    let record = Record::new(book.id.to_string(), Entries::Open(vec![entry]), None);

    let spool = settings.spool()?;
    spool.deliver(server)?;
    let path = spool.put(&record)?;
    let outcomes = spool.deliver_one(server, &path, &record)?;
    let place = outcomes
        .into_iter()
        .next()
        .ok_or_else(|| Failure::failed("the server does not say where the entry stands"))?;
    Ok(Posted {
        book: record.book,
        writer: place.writer,
        seq: place.seq,
        account: None,
        entry: Some(id),
    })
}

/// Encrypts under the public key of an open book: `c1` and `c2`, encoded.
pub fn encrypt(book: &Book, minor: i64) -> Result<[Vec<u8>; 2]> {
    let encrypt = Encrypt {
        public_key: &book.public_key,
        minor,
    };
    book.rules
        .suite
        .dispatch(encrypt)
        .map_err(|error| Failure::failed(format!("the server's public key of the book is {error}")))
}

/// The encodings of both parts of a fresh ciphertext.
struct Encrypt<'a> {
    public_key: &'a [u8],
    minor: i64,
}

impl SuiteVisitor for Encrypt<'_> {
    type Output = Result<[Vec<u8>; 2], DecodeError>;

    fn visit<S: Ciphersuite>(self) -> Self::Output {
        let key = PublicKey::<S>::from_bytes(self.public_key)?;
        let nonce = Nonce::random(&mut UnwrapErr(SysRng));
        let (c1, c2) = key.encrypt(self.minor, nonce).to_bytes();
        Ok([c1.as_ref().to_vec(), c2.as_ref().to_vec()])
    }
}
