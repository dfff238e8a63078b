//! Books as the server keeps them, found by name, and compared with the token's before anything is
//! posted or opened.

use core_nostd::{
    amount::Amount,
    book::{BookKind, BookRules},
    ciphersuite::SuiteId,
    currency::Currency,
    ids::BookId,
};
use host_api as api;
use token_client::{OwnedBook, OwnedRules};

use crate::{
    failure::{Exit, Failure, Result},
    server::Server,
    settings::Token,
};

/// A book of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Book {
    /// Its identifier, which is the hash of its rules.
    pub id: BookId,
    /// Its rules.
    pub rules: OwnedRules,
    /// The encoding of its public key.
    pub public_key: Vec<u8>,
}

impl Book {
    /// The book of this name or id on the server.
    pub fn find(server: &Server, name: &str) -> Result<Self> {
        let books = server.books()?;
        let found = pick(
            &books,
            name,
            |book| (&book.name, &book.book),
            "on the server",
        )?;
        Self::from_api(found).ok_or_else(|| {
            Failure::new(
                Exit::Failed,
                format_args!("the server's book \"{name}\" has rules that are not those of its id"),
            )
        })
    }

    /// A book as the server gives it; `None` if its rules do not hash to its id.
    pub fn from_api(book: &api::Book) -> Option<Self> {
        let rules = BookRules {
            suite: SuiteId::from_name(&book.suite)?,
            kind: BookKind::from_name(&book.kind)?,
            currency: Currency::from_code(&book.currency).ok()?,
            cap: book.cap,
            min_entries: book.min_entries,
            name: &book.name,
        };
        let is_sound = rules.check().is_ok()
            && rules.currency.scale() == book.scale
            && BookId::from_hex(&book.book) == Some(rules.id());
        is_sound.then(|| Self {
            id: rules.id(),
            rules: OwnedRules::from(&rules),
            public_key: book.public_key.0.clone(),
        })
    }

    /// The book as the server takes it.
    pub fn to_api(&self) -> api::Book {
        api::Book {
            book: self.id.to_string(),
            suite: self.rules.suite.name().to_owned(),
            kind: self.rules.kind.name().to_owned(),
            currency: self.rules.currency.code().to_owned(),
            scale: self.rules.currency.scale(),
            cap: self.rules.cap,
            min_entries: self.rules.min_entries,
            name: self.rules.name.clone(),
            public_key: self.public_key.as_slice().into(),
        }
    }

    /// The token's record of this book, if suite, key and rules are the same.
    pub fn on_token(&self, token: &mut Token) -> Result<OwnedBook> {
        let books = token.books()?;
        let Some(book) = books.iter().find(|book| book.id == self.id) else {
            return Err(Failure::failed(self.explain_absence(&books)));
        };
        if token.public_key(self.id)? != self.public_key {
            return Err(Failure::failed(format!(
                "book \"{}\" has another key on the server than on this token: the book is that \
                 of another token, or the server is lying. Nothing was done",
                self.rules.name
            )));
        }
        Ok(book.clone())
    }

    /// Why the token does not have this book: other rules under the same name, or no such name.
    fn explain_absence(&self, books: &[OwnedBook]) -> String {
        let name = &self.rules.name;
        match books.iter().find(|book| book.rules.name == *name) {
            Some(book) => format!(
                "book \"{name}\" has other rules on the server than on the token ({}): they are \
                 different books. Name the right server or token, or create the book under another \
                 name",
                differences(&self.rules, &book.rules).join(", ")
            ),
            None => format!("the token has no book \"{name}\": it is the book of another token"),
        }
    }

    /// An amount of this book's currency.
    pub fn amount(&self, minor: i64) -> Amount {
        Amount::from_minor(minor, self.rules.currency)
    }

    /// Entries times cap: what a sum of so many entries is at most, in minor units.
    pub fn bound(&self, entries: u64) -> u128 {
        self.rules.as_rules().bound(entries)
    }

    /// Refuses open books, for a reason.
    pub fn require_authenticated(&self, why: &str) -> Result<()> {
        match self.rules.kind {
            BookKind::Authenticated => Ok(()),
            _ => Err(Failure::usage(format!(
                "\"{}\" is an open book: {why}",
                self.rules.name
            ))),
        }
    }

    /// Whether this is an open book.
    pub fn is_open(&self) -> bool {
        self.rules.kind == BookKind::Open
    }
}

/// The token's book with this id or, if no id is meant, this name.
pub fn on_token(token: &mut Token, name: &str) -> Result<OwnedBook> {
    let books = token.books()?.into_iter();
    let books: Vec<_> = books.map(|book| (book.id.to_string(), book)).collect();
    let (_, book) = pick(
        &books,
        name,
        |(id, book)| (&book.rules.name, id),
        "on the token",
    )?;
    Ok(book.clone())
}

/// The one of `items` with this id or, if no id is meant, this name.
pub fn pick<'a, T>(
    items: &'a [T],
    name: &str,
    name_and_id: impl Fn(&T) -> (&str, &str),
    place: &str,
) -> Result<&'a T> {
    let named: Vec<_> = items
        .iter()
        .filter(|item| {
            let (its_name, its_id) = name_and_id(item);
            its_name == name || its_id.eq_ignore_ascii_case(name)
        })
        .collect();
    match named[..] {
        [one] => Ok(one),
        [] => {
            let known: Vec<_> = items.iter().map(|item| name_and_id(item).0).collect();
            let known = match known[..] {
                [] => "there are none".to_owned(),
                _ => format!("there are: {}", known.join(", ")),
            };
            Err(Failure::usage(format!(
                "there is no book \"{name}\" {place}; {known}"
            )))
        }
        _ => {
            let ids: Vec<_> = named.iter().map(|item| name_and_id(item).1).collect();
            Err(Failure::usage(format!(
                "{} books are named \"{name}\" {place}: give the id of one, {}",
                ids.len(),
                ids.join(" or ")
            )))
        }
    }
}

/// The fields in which two sets of rules differ.
fn differences(server: &OwnedRules, token: &OwnedRules) -> Vec<String> {
    let fields = |rules: &OwnedRules| {
        [
            ("suite", rules.suite.to_string()),
            ("kind", rules.kind.name().to_owned()),
            ("currency", rules.currency.to_string()),
            ("cap", rules.cap.to_string()),
            ("entries between cuts", rules.min_entries.to_string()),
        ]
    };
    std::iter::zip(fields(server), fields(token))
        .filter(|(server, token)| server != token)
        .map(|((field, server), (_, token))| format!("{field} {server} there, {token} here"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book(name: &str, cap: u64) -> Book {
        let rules = BookRules {
            suite: SuiteId::Ristretto255,
            kind: BookKind::Authenticated,
            currency: Currency::from_code("EUR").expect("a currency"),
            cap,
            min_entries: 16,
            name,
        };
        Book {
            id: rules.id(),
            rules: OwnedRules::from(&rules),
            public_key: vec![1; 32],
        }
    }

    fn on_token(book: &Book) -> OwnedBook {
        OwnedBook {
            id: book.id,
            rules: book.rules.clone(),
            next_seq: 0,
            last_cut: 0,
        }
    }

    #[test]
    fn a_book_survives_the_way_to_the_server_and_back() {
        let book = book("till", 100);
        assert_eq!(Book::from_api(&book.to_api()), Some(book));
    }

    #[test]
    fn a_book_whose_rules_were_changed_is_no_book() {
        let sound = book("till", 100).to_api();
        let changed = [
            api::Book {
                cap: 101,
                ..sound.clone()
            },
            api::Book {
                name: "safe".into(),
                ..sound.clone()
            },
            api::Book {
                scale: 3,
                ..sound.clone()
            },
            api::Book {
                kind: "open".into(),
                ..sound.clone()
            },
            api::Book {
                book: "00".repeat(32),
                ..sound
            },
        ];
        assert!(changed.iter().all(|book| Book::from_api(book).is_none()));
    }

    #[test]
    fn a_book_is_found_by_name_or_id_and_never_guessed() {
        let books = [book("till", 100), book("till", 200), book("safe", 100)].map(|b| b.to_api());
        let find = |name| pick(&books, name, |book| (&book.name, &book.book), "here");
        assert_eq!(find("safe").expect("by name").book, books[2].book);
        assert_eq!(find(&books[1].book).expect("by id").cap, 200);

        let ambiguous = find("till").expect_err("two of them").text;
        let expected = format!(
            "2 books are named \"till\" here: give the id of one, {} or {}",
            books[0].book, books[1].book
        );
        assert_eq!(ambiguous, expected);
        let unknown = find("bank").expect_err("none").text;
        assert_eq!(
            unknown,
            "there is no book \"bank\" here; there are: till, till, safe"
        );
    }

    #[test]
    fn other_rules_on_the_token_are_named() {
        let text = book("till", 100).explain_absence(&[on_token(&book("till", 200))]);
        assert!(text.contains("(cap 100 there, 200 here)"), "{text}");
        let text = book("till", 100).explain_absence(&[on_token(&book("safe", 100))]);
        assert_eq!(
            text,
            "the token has no book \"till\": it is the book of another token"
        );
    }
}
