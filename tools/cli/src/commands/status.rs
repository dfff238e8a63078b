//! `tally status`: token, server and spool, and whether they agree.

use host_api::teller::Info;
use serde::Serialize;
use token_client::OwnedBook;

use crate::{
    book::Book,
    commands::token::info::TokenInfo,
    failure::{Failure, Result},
    server::Server,
    settings::Settings,
    spool::Spool,
    teller::Teller,
};

/// What `tally status` prints. What can't be reached is a text in place of what it would say.
#[derive(Serialize)]
struct Status {
    token: Option<TokenInfo>,
    token_error: Option<String>,
    server: Option<String>,
    server_error: Option<String>,
    /// The token attached to the server, if there is one and no other was named.
    server_token: Option<Info>,
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
    /// Whether the token has it; none if it can't be asked.
    on_token: Option<bool>,
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
    let (mut token, token_error) = settled(settings.token_address().map(|_| settings.token()));
    // A locked token does not say which books it has.
    let (on_token, books_error) = settled(token.as_mut().map(|token| Ok(token.books()?)));
    let (server, server_error) = settled(settings.has_server().then(|| settings.server()));
    let (books, list_error) = settled(server.as_ref().map(|server| Ok(server.books()?)));
    let books = books.unwrap_or_default();

    let writer = token.as_ref().and_then(|token| token.info().writer);
    let ours = Ours {
        books: on_token.as_deref(),
        writer: writer.map(|writer| writer.to_string()),
    };
    let on_server = server
        .iter()
        .flat_map(|server| books.iter().map(move |book| (server, book)));
    let mut statuses = on_server
        .map(|(server, book)| ours.status(server, book))
        .collect::<Result<Vec<_>>>()?;
    let is_here = |on_token: &OwnedBook| books.iter().any(|b| b.book == on_token.id.to_string());
    let elsewhere = on_token.iter().flatten().filter(|book| !is_here(book));
    statuses.extend(elsewhere.map(token_only));

    let teller = server.as_ref().map(|server| Teller::find(settings, server));
    let address = settings.token_address().map(ToString::to_string);
    let told = token.as_mut().zip(address);
    let (token, told_error) = settled(told.map(|(token, address)| TokenInfo::ask(address, token)));
    let status = Status {
        token,
        token_error: token_error.or(books_error).or(told_error),
        server_token: settled(teller)
            .0
            .flatten()
            .map(|teller| teller.info().clone()),
        server: server.map(|server| server.url().to_owned()),
        server_error: server_error.or(list_error),
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

/// What the token at hand says of its chains.
struct Ours<'a> {
    /// Its books; none if it can't be asked.
    books: Option<&'a [OwnedBook]>,
    writer: Option<String>,
}

impl Ours<'_> {
    /// One book of the server.
    fn status(&self, server: &Server, book: &host_api::Book) -> Result<BookStatus> {
        let id = Book::from_api(book)
            .ok_or_else(|| {
                Failure::failed(format!("the server's book \"{}\" is unsound", book.name))
            })?
            .id;
        let heads = server.heads(id)?;
        let of_token = self
            .books
            .iter()
            .copied()
            .flatten()
            .find(|ours| ours.id == id);
        let head = heads
            .iter()
            .find(|head| Some(&head.writer) == self.writer.as_ref());
        let has_chain = book.kind == "authenticated";
        let token_next_seq = of_token.filter(|_| has_chain).map(|book| book.next_seq);
        let server_next_seq = token_next_seq.map(|_| head.map_or(0, |head| head.next_seq));
        Ok(BookStatus {
            book: book.book.clone(),
            name: book.name.clone(),
            on_server: true,
            on_token: self.books.map(|_| of_token.is_some()),
            entries: heads.iter().map(|head| head.next_seq).sum(),
            writers: heads.len(),
            token_next_seq,
            server_next_seq,
            agree: token_next_seq.map(|next| Some(next) == server_next_seq),
        })
    }
}

fn token_only(book: &OwnedBook) -> BookStatus {
    BookStatus {
        book: book.id.to_string(),
        name: book.rules.name.clone(),
        on_server: false,
        on_token: Some(true),
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
            (Some(info), None) => info.text(),
            (Some(info), Some(error)) => format!("{}\n             {error}", info.text()),
            (None, Some(error)) => format!("token        {error}"),
            (None, None) => match &self.server_token {
                Some(info) => format!(
                    "token        attached to the server, {}\nwriter       {}",
                    info.state,
                    info.writer.as_deref().unwrap_or("none yet")
                ),
                None => "token        none was named".to_owned(),
            },
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
            _ => match self.on_token {
                Some(true) => "on the token, too".to_owned(),
                Some(false) => "not on this token".to_owned(),
                None => "not compared with a token".to_owned(),
            },
        };
        format!(
            "{} entries of {} writer{}; {agreement}",
            self.entries,
            self.writers,
            if self.writers == 1 { "" } else { "s" }
        )
    }
}
