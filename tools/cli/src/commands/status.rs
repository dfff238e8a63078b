//! `tally status`: token, server and spool, and whether they agree.

use serde::Serialize;
use token_client::OwnedBook;

use crate::{
    book::Book,
    commands::token::TokenInfo,
    failure::{Failure, Result},
    server::Server,
    settings::{Settings, Token},
    spool::Spool,
};

/// What `tally status` prints. What can't be reached is a text in place of what it would say.
#[derive(Serialize)]
struct Status {
    token: Option<TokenInfo>,
    token_error: Option<String>,
    server: Option<String>,
    server_error: Option<String>,
    books: Vec<BookStatus>,
    spool: SpoolStatus,
}

#[derive(Serialize)]
struct SpoolStatus {
    folder: String,
    /// Signed answers that wait for the server.
    records: usize,
    /// Entries in them.
    entries: usize,
}

/// One book, on the server, on the token, or on both.
#[derive(Serialize)]
struct BookStatus {
    book: String,
    name: String,
    on_server: bool,
    on_token: bool,
    /// Entries of all writers on the server.
    entries: u64,
    /// Number of writers.
    writers: usize,
    /// Next position of the token's chain, by the token.
    token_next_seq: Option<u64>,
    /// Next position of the token's chain, by the server.
    server_next_seq: Option<u64>,
    /// Whether the two agree; none if one of them can't be asked.
    agree: Option<bool>,
}

/// Prints it.
pub fn run(settings: &Settings) -> Result<()> {
    let (token, token_error) = settled(settings.token_address().map(|_| settings.token()));
    let (server, server_error) = settled(settings.has_server().then(|| settings.server()));
    let (books, server_error) = match server.as_ref().map(Server::books).transpose() {
        Ok(books) => (books.unwrap_or_default(), server_error),
        Err(error) => (Vec::new(), Some(Failure::from(error).text)),
    };
    let mut token = token;
    let on_token = token
        .as_mut()
        .map(Token::books)
        .transpose()
        .unwrap_or_default();
    let on_token = on_token.unwrap_or_default();
    let writer = token.as_ref().and_then(|token| token.info().writer);
    let writer = writer.map(|writer| writer.to_string());

    let mut statuses = Vec::new();
    for book in &books {
        let server = server
            .as_ref()
            .ok_or_else(|| Failure::failed("no server"))?;
        statuses.push(book_status(server, book, &on_token, writer.as_deref())?);
    }
    let only_on_token = |book: &&OwnedBook| books.iter().all(|b| b.book != book.id.to_string());
    statuses.extend(on_token.iter().filter(only_on_token).map(token_only));

    let address = settings.token_address().map(ToString::to_string);
    let status = Status {
        token: token
            .zip(address)
            .map(|(token, address)| TokenInfo::new(address, token.info())),
        token_error,
        server: server.map(|server| server.url().to_owned()),
        server_error,
        books: statuses,
        spool: spool_status(&settings.spool()?)?,
    };
    settings.format.print(&status.text(), &status)
}

/// What was asked for, or why it can't be had.
fn settled<T>(asked: Option<Result<T>>) -> (Option<T>, Option<String>) {
    match asked {
        None => (None, None),
        Some(Ok(value)) => (Some(value), None),
        Some(Err(failure)) => (None, Some(failure.text)),
    }
}

fn book_status(
    server: &Server,
    book: &host_api::Book,
    on_token: &[OwnedBook],
    writer: Option<&str>,
) -> Result<BookStatus> {
    let id = Book::from_api(book)
        .ok_or_else(|| Failure::failed(format!("the server's book \"{}\" is unsound", book.name)))?
        .id;
    let heads = server.heads(id)?;
    let of_token = on_token.iter().find(|on_token| on_token.id == id);
    let head = heads
        .iter()
        .find(|head| Some(head.writer.as_str()) == writer);
    let is_open = book.kind == "open";
    let token_next_seq = of_token.filter(|_| !is_open).map(|book| book.next_seq);
    let server_next_seq = token_next_seq.map(|_| head.map_or(0, |head| head.next_seq));
    Ok(BookStatus {
        book: book.book.clone(),
        name: book.name.clone(),
        on_server: true,
        on_token: of_token.is_some(),
        entries: heads.iter().map(|head| head.next_seq).sum(),
        writers: heads.len(),
        token_next_seq,
        server_next_seq,
        agree: token_next_seq.map(|next| Some(next) == server_next_seq),
    })
}

fn token_only(book: &OwnedBook) -> BookStatus {
    BookStatus {
        book: book.id.to_string(),
        name: book.rules.name.clone(),
        on_server: false,
        on_token: true,
        entries: 0,
        writers: 0,
        token_next_seq: Some(book.next_seq),
        server_next_seq: None,
        agree: None,
    }
}

fn spool_status(spool: &Spool) -> Result<SpoolStatus> {
    let records = spool.records()?;
    Ok(SpoolStatus {
        folder: spool.folder().display().to_string(),
        records: records.len(),
        entries: records.iter().map(|(_, record)| record.len()).sum(),
    })
}

impl Status {
    fn text(&self) -> String {
        let token = match (&self.token, &self.token_error) {
            (Some(info), _) => info.text(),
            (None, Some(error)) => format!("token        {error}"),
            (None, None) => "token        none was named".to_owned(),
        };
        let server = match (&self.server, &self.server_error) {
            (_, Some(error)) => error.as_str(),
            (Some(url), None) => url,
            (None, None) => "none was named",
        };
        let SpoolStatus {
            folder,
            records,
            entries,
        } = &self.spool;
        let spool = match records {
            0 => "nothing waits for the server".to_owned(),
            _ => format!("{entries} signed entries wait for the server in {folder}"),
        };
        let mut text = format!("{token}\nserver       {server}\nspool        {spool}");
        for book in &self.books {
            text += &format!("\nbook         {}: {}", book.name, book.text());
        }
        text
    }
}

impl BookStatus {
    fn text(&self) -> String {
        if !self.on_server {
            return "on the token only; `tally book create` with the same rules puts it on the \
                    server"
                .to_owned();
        }
        let agreement = match (self.agree, self.token_next_seq, self.server_next_seq) {
            (Some(true), Some(next), _) => format!("this token's chain is at {next} on both"),
            (Some(false), Some(token), Some(server)) => format!(
                "this token's chain is at {token} on the token, {server} on the server: the next \
                 posting brings them into step, or says why it can't"
            ),
            _ if self.on_token => "on the token, too".to_owned(),
            _ => "not on this token".to_owned(),
        };
        format!(
            "{} entries of {} writers; {agreement}",
            self.entries, self.writers
        )
    }
}
