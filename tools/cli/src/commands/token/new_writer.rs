//! `tally token new-writer`: the way out when token and server have lost step for good, as after
//! the server was restored from a copy that is older than the token.

use core_nostd::{book::BookKind, wire::TokenError};
use serde::Serialize;

use crate::{
    book::Book,
    chain::Chain,
    failure::Result,
    out::hint,
    release::announce,
    settings::{Settings, Token},
};

/// Options of `tally token new-writer`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Give up signed entries that wait here and that the server refuses; their files are kept
    #[arg(long)]
    abandon: bool,
}

/// What is printed.
#[derive(Serialize)]
struct Renewed {
    /// The identifier that was given up.
    old: Option<String>,
    /// The new one.
    writer: Option<String>,
    /// Entries of the old chains that the server does not have.
    missing: Vec<Missing>,
}

/// What the server does not have of one chain.
#[derive(Serialize)]
struct Missing {
    book: String,
    name: String,
    from: u64,
    to: u64,
}

/// Runs it.
pub fn run(settings: &Settings, args: &Args) -> Result<()> {
    let mut token = settings.unlocked_token()?;
    if !token.info().ceremony {
        return Err(TokenError::CeremonyRequired.into());
    }
    let missing = save(settings, &mut token, args.abandon)?;
    for Missing { name, from, to, .. } in &missing {
        hint(&format!(
            "entries {from} to {} of this token in book \"{name}\" are not on the server and will \
             never be: post again what they were",
            to - 1
        ));
    }
    let old = token.info().writer.map(|writer| writer.to_string());
    announce(&mut token, "retire its chains and begin new ones");
    token.new_writer()?;
    let writer = token.hello()?.writer.map(|writer| writer.to_string());
    let text = format!(
        "the token goes on as writer {}, in new chains; what the server has of the old ones still \
         counts",
        writer.as_deref().unwrap_or_default()
    );
    settings.format.print(
        &text,
        &Renewed {
            old,
            writer,
            missing,
        },
    )
}

/// Sends everything that can be sent: what waits here, and the last answer of the token, which it
/// forgets with its chains. Returns what the server does not have then.
fn save(settings: &Settings, token: &mut Token, abandon: bool) -> Result<Vec<Missing>> {
    let (server, spool) = (settings.server()?, settings.spool()?);
    if let Err(failure) = spool.deliver(&server) {
        if !abandon {
            return Err(failure.and("--abandon puts them aside"));
        }
        for path in spool.abandon(&server)? {
            hint(&format!("put aside: {}", path.display()));
        }
    }
    let mut missing = Vec::new();
    let on_server = server.books()?;
    for owned in token.books()? {
        let id = owned.id.to_string();
        let known = on_server.iter().find(|book| book.book == id);
        let Some(book) = known.and_then(Book::from_api) else {
            continue;
        };
        if book.rules.kind != BookKind::Authenticated {
            continue;
        }
        if let Some(gap) = Chain::close(&server, token, &spool, &book)? {
            missing.push(Missing {
                book: id,
                name: book.rules.name,
                from: gap.start,
                to: gap.end,
            });
        }
    }
    Ok(missing)
}
