//! `tally verify`: a statement, checked without any key.

use std::{
    fs,
    path::{Path, PathBuf},
};

use host_api::{Base64, Scope, Statement};
use serde::{Deserialize, Serialize};

use crate::{
    book::Book,
    failure::{Exit, Failure, Result},
    settings::Settings,
    statement,
};

/// Arguments of `tally verify`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The statement, as `tally total --statement` writes it
    file: PathBuf,
    /// The public key of the book, as `tally book public-key` prints it (with --json or without)
    #[arg(long, value_name = "FILE")]
    public_key: Option<PathBuf>,
}

/// What `tally verify` prints of a statement that holds.
#[derive(Serialize)]
struct Verified {
    verified: bool,
    /// Whether the public key was compared with one from elsewhere.
    public_key_compared: bool,
    book: String,
    name: String,
    currency: String,
    amount: String,
    entries: u64,
    number: u64,
}

/// Verifies it.
pub fn run(settings: &Settings, args: &Args) -> Result<()> {
    let (text, verified) = check(args)?;
    settings.format.print(&text, &verified)
}

fn check(args: &Args) -> Result<(String, Verified)> {
    let text = fs::read(&args.file).map_err(|error| Failure::file(&args.file, error))?;
    let statement: Statement = serde_json::from_slice(&text)
        .map_err(|error| not_verified(&args.file, format!("it is no statement: {error}")))?;
    let (book, _) = statement::verify(&statement)
        .map_err(|error| not_verified(&args.file, error.to_string()))?;
    if let Some(path) = &args.public_key
        && read_public_key(path)? != book.public_key
    {
        let reason = format!("its public key is not the one in {}", path.display());
        return Err(not_verified(&args.file, reason));
    }
    let public_key_compared = args.public_key.is_some();
    let verified = Verified {
        verified: true,
        public_key_compared,
        book: book.id.to_string(),
        name: book.rules.name.clone(),
        currency: book.rules.currency.to_string(),
        amount: statement.amount.clone(),
        entries: statement.count,
        number: statement.number,
    };
    Ok((explain(&book, &statement, public_key_compared), verified))
}

fn not_verified(path: &Path, reason: String) -> Failure {
    Failure::new(
        Exit::NotVerified,
        format_args!("{} does not verify: {reason}", path.display()),
    )
}

/// What a statement that holds proves, and what it does not.
fn explain(book: &Book, statement: &Statement, key_compared: bool) -> String {
    let Statement {
        amount,
        number,
        count,
        ..
    } = statement;
    let (currency, name) = (book.rules.currency, &book.rules.name);
    let (of, rests_on) = match &statement.scope {
        Scope::Total { .. } => (
            format!("the total of {count} entries of \"{name}\""),
            "that this ciphertext is the sum of exactly those entries: the token checked that \
             before it opened it, and anybody who has the log can add them up again",
        ),
        Scope::Balance { account, .. } => (
            format!("the balance of account {account} of \"{name}\""),
            "that this ciphertext is the sum of exactly that account's entries: the token checked \
             that before it opened it, and anybody who has the log can add them up again",
        ),
        Scope::Open => (
            format!("a sum of open book \"{name}\", said to have {count} entries"),
            "what this ciphertext is the sum of: in an open book nobody checks that. Anybody who \
             has the log can add it up again",
        ),
    };
    let key = if key_compared {
        "the public key is the one you gave"
    } else {
        "the public key is the one in the statement: compare it with the book's (--public-key)"
    };
    format!(
        "{currency} {amount}\nis {of}, statement {number} of its token.\n\
         Proved: the ciphertext in the statement holds this amount under the book's public key.\n\
         Not proved: {rests_on}.\n\
         Key: {key}."
    )
}

/// The key in a file: alone in base64url, or as `public_key` of a JSON document.
fn read_public_key(path: &Path) -> Result<Vec<u8>> {
    #[derive(Deserialize)]
    struct Document {
        public_key: Base64,
    }
    let text = fs::read_to_string(path).map_err(|error| Failure::file(path, error))?;
    let document = serde_json::from_str(&text).map(|Document { public_key }| public_key);
    let bare = || serde_json::from_value(text.trim().into());
    document
        .or_else(|_| bare())
        .map(|Base64(key)| key)
        .map_err(|_| Failure::usage(format!("{} holds no public key", path.display())))
}

#[cfg(test)]
mod tests {
    use core_nostd::book::BookKind;

    use super::*;
    use crate::statement::tests::sample;

    struct Files(tempfile::TempDir);

    impl Files {
        fn new() -> Self {
            Self(tempfile::tempdir().expect("a folder"))
        }

        fn write(&self, name: &str, text: &str) -> PathBuf {
            let path = self.0.path().join(name);
            fs::write(&path, text).expect("a file");
            path
        }
    }

    fn verify(file: &Path, public_key: Option<&Path>) -> Result<Verified> {
        let args = Args {
            file: file.to_owned(),
            public_key: public_key.map(Path::to_owned),
        };
        check(&args).map(|(_, verified)| verified)
    }

    #[test]
    fn a_sound_statement_verifies_with_its_key_in_either_form() {
        let files = Files::new();
        let statement = sample(BookKind::Authenticated, -5);
        let json = serde_json::to_string(&statement).expect("JSON");
        let file = files.write("s.json", &json);
        assert!(!verify(&file, None).expect("sound").public_key_compared);

        let key = serde_json::to_value(&statement.book.public_key).expect("JSON");
        let bare = files.write("key.txt", &format!("{}\n", key.as_str().expect("a string")));
        let document = files.write(
            "key.json",
            &format!("{{\"public_key\":{key},\"name\":\"x\"}}"),
        );
        assert!(
            verify(&file, Some(&bare))
                .expect("sound")
                .public_key_compared
        );
        verify(&file, Some(&document)).expect("sound");
    }

    #[test]
    fn another_key_another_amount_or_another_file_has_its_own_exit_code() {
        let files = Files::new();
        let statement = sample(BookKind::Authenticated, -5);
        let sound = files.write("s.json", &serde_json::to_string(&statement).expect("JSON"));
        let other = sample(BookKind::Authenticated, -5).book;
        let key = files.write("key.json", &serde_json::to_string(&other).expect("JSON"));
        let changed = Statement {
            number: 4,
            ..statement
        };
        let changed = files.write("c.json", &serde_json::to_string(&changed).expect("JSON"));
        let garbage = files.write("g.json", "{}");

        let exit = |file: &Path, key| verify(file, key).err().expect("refused").exit;
        assert_eq!(exit(&sound, Some(&key)), Exit::NotVerified);
        assert_eq!(exit(&changed, None), Exit::NotVerified);
        assert_eq!(exit(&garbage, None), Exit::NotVerified);
        let no_key = files.write("k", "no key");
        assert_eq!(exit(&sound, Some(&no_key)), Exit::Usage);
        assert_eq!(exit(&files.0.path().join("none"), None), Exit::Failed);
    }

    #[test]
    fn what_is_not_proved_is_said() {
        let statement = sample(BookKind::Open, 5);
        let book = Book::from_api(&statement.book).expect("a book");
        let text = explain(&book, &statement, false);
        assert!(
            text.starts_with("EUR 0.05\nis a sum of open book \"till\""),
            "{text}"
        );
        assert!(
            text.contains("Not proved: what this ciphertext is the sum of"),
            "{text}"
        );
        assert!(text.contains("compare it with the book's"), "{text}");
    }
}
