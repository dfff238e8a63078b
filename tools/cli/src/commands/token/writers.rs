//! `tally token writers` and `tally token writer …`: the treasury's list of whose entries count.

use clap::Subcommand;
use core_nostd::{
    book::BookKind,
    ids::WriterId,
    wire::{Closing, Standing, TokenError},
};
use serde::Serialize;
use token_client::OwnedWriter;

use crate::{
    failure::{Failure, Result},
    out::hint,
    release::announce,
    settings::{Settings, Token},
};

/// Subcommands of `tally token writer`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Close its chains for ever where the server has them end now; works only in ceremony mode.
    /// Whatever it posts afterwards counts in no total and no balance
    Revoke {
        /// Its id, or its name if that is the name of one only
        writer: String,
        /// Nothing of it counts, not even what it has posted so far
        #[arg(long)]
        nothing_counts: bool,
    },
    /// Let the entries of a writer count that this token does not know any more, as after a
    /// restore; works only in ceremony mode
    Admit {
        /// Its id
        writer: String,
        /// What people call it, up to 32 bytes
        name: String,
    },
}

/// A writer as it is printed.
#[derive(Serialize)]
struct Listed {
    writer: String,
    name: String,
    /// `active`, `retired` or `revoked`.
    standing: &'static str,
}

/// What a revocation prints.
#[derive(Serialize)]
struct Revoked {
    writer: String,
    name: String,
    /// Names of the books in which something of it counts, and up to which entry.
    books: Vec<(String, u64)>,
}

/// Prints the list.
pub fn list(settings: &Settings) -> Result<()> {
    let listed = settings.unlocked_token()?.writers()?;
    let listed: Vec<_> = listed
        .into_iter()
        .map(|listed| Listed {
            writer: listed.writer.to_string(),
            name: listed.name,
            standing: match listed.standing {
                Standing::Active => "active",
                Standing::Retired => "retired",
                Standing::Revoked => "revoked",
                _ => "unknown",
            },
        })
        .collect();
    let line = |listed: &Listed| {
        let Listed {
            writer,
            name,
            standing,
        } = listed;
        format!("{writer}  {standing:<8} {name}")
    };
    let text = match listed[..] {
        [] => "no writers but this token".to_owned(),
        _ => listed.iter().map(line).collect::<Vec<_>>().join("\n"),
    };
    settings.format.print(&text, &listed)
}

/// Runs one.
pub fn run(settings: &Settings, command: &Command) -> Result<()> {
    match command {
        Command::Revoke {
            writer,
            nothing_counts,
        } => revoke(settings, writer, *nothing_counts),
        Command::Admit { writer, name } => {
            let id = parse(writer)?;
            let mut token = settings.unlocked_token()?;
            announce(&mut token, &format!("admit writer {}", &writer[..8]));
            token.admit_writer(id, name)?;
            let listed = Listed {
                writer: id.to_string(),
                name: name.clone(),
                standing: "active",
            };
            let text = format!("admitted {id} as \"{name}\"");
            settings.format.print(&text, &listed)
        }
    }
}

fn revoke(settings: &Settings, writer: &str, nothing_counts: bool) -> Result<()> {
    let mut token = settings.unlocked_token()?;
    if !token.info().ceremony {
        return Err(TokenError::CeremonyRequired.into());
    }
    let OwnedWriter { writer, name, .. } = find(&mut token, writer)?;
    let ends = match nothing_counts {
        true => Vec::new(),
        false => ends(settings, &mut token, writer)?,
    };
    let closings: Vec<_> = ends.iter().map(|(closing, _)| *closing).collect();
    announce(&mut token, &format!("REVOKE writer \"{name}\" for ever"));
    token.revoke_writer(writer, &closings)?;
    let revoked = Revoked {
        writer: writer.to_string(),
        name,
        books: ends
            .into_iter()
            .map(|(closing, book)| (book, closing.end))
            .collect(),
    };
    let mut text = format!("revoked {writer}, \"{}\"", revoked.name);
    for (book, end) in &revoked.books {
        text += &format!("\nits first {end} entries in book \"{book}\" go on counting");
    }
    hint(&format!(
        "The server takes this writer's entries until its API key is revoked, too: `tally key \
         list`, then `tally key revoke ID` for the one with post:{writer}."
    ));
    settings.format.print(&text, &revoked)
}

/// Where the server has the chains of a writer end, with the names of the books.
fn ends(
    settings: &Settings,
    token: &mut Token,
    writer: WriterId,
) -> Result<Vec<(Closing, String)>> {
    let server = settings.server().map_err(|failure| {
        failure.and("It knows where the writer's chains end; --nothing-counts needs none")
    })?;
    let known: Vec<_> = server.books()?.into_iter().map(|book| book.book).collect();
    let mut ends = Vec::new();
    for (index, book) in (0..).zip(token.books()?) {
        let is_known = known.contains(&book.id.to_string());
        if book.rules.kind != BookKind::Authenticated || !is_known {
            continue;
        }
        let heads = server.heads(book.id)?;
        let of_writer = |head: &&host_api::Head| head.writer == writer.to_string();
        if let Some(head) = heads.iter().find(of_writer) {
            let end = head.next_seq;
            ends.push((Closing { index, end }, book.rules.name));
        }
    }
    Ok(ends)
}

/// The writer on the list with this id or, if no id is meant, this name.
fn find(token: &mut Token, text: &str) -> Result<OwnedWriter> {
    let mut listed = token.writers()?;
    let id = WriterId::from_hex(text);
    listed.retain(|listed| match id {
        Some(id) => listed.writer == id,
        None => listed.name == text,
    });
    match listed.pop() {
        Some(_) if !listed.is_empty() => Err(Failure::usage(format!(
            "several writers are named \"{text}\": give the id of one (`tally token writers`)"
        ))),
        Some(found) => Ok(found),
        None => Err(TokenError::UnknownWriter.into()),
    }
}

/// A writer's id.
pub fn parse(text: &str) -> Result<WriterId> {
    WriterId::from_hex(text)
        .ok_or_else(|| Failure::usage(format!("`{text}` is no writer's id, which has 32 digits")))
}
