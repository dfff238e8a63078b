//! The common part of JSON and of Python's literals: brackets, integers of any size, and text in
//! quotation marks, read as tokens of limited length. There is nothing in it to evaluate.

use std::io::{self, BufRead};

use zeroize::Zeroizing;

/// Longest integer or text, in bytes; an integer of 8192 bits has 2467 digits.
const TOKEN_LEN_MAX: usize = 2500;

/// One token. Integers and text are wiped when dropped.
pub enum Token {
    /// `{`, `}`, `[`, `]`, `(`, `)`, `,` or `:`.
    Mark(u8),
    /// Digits, with a minus before them or without.
    Integer(Zeroizing<String>),
    /// What stands between quotation marks of either kind.
    Text(Zeroizing<String>),
    /// The end of the file.
    End,
}

/// Why a text is not what it should be, and at which byte from 0.
#[derive(Debug, thiserror::Error)]
pub enum TextError {
    /// It can't be read.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It is something else.
    #[error("at byte {at}: {what}")]
    Unexpected {
        /// Where it begins.
        at: u64,
        /// What was found, and what should be there.
        what: String,
    },
}

/// Reads tokens one by one.
pub struct Tokens<R> {
    input: R,
    /// Bytes read.
    offset: u64,
    /// Where the last token began.
    start: u64,
}

impl<R: BufRead> Tokens<R> {
    /// The tokens of `input`.
    pub fn new(input: R) -> Self {
        Self {
            input,
            offset: 0,
            start: 0,
        }
    }

    /// The next token.
    pub fn next(&mut self) -> Result<Token, TextError> {
        while self.peek()?.is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.bump();
        }
        self.start = self.offset;
        let Some(first) = self.peek()? else {
            return Ok(Token::End);
        };
        match first {
            b'{' | b'}' | b'[' | b']' | b'(' | b')' | b',' | b':' => {
                self.bump();
                Ok(Token::Mark(first))
            }
            b'"' | b'\'' => self.quoted(first).map(Token::Text),
            b'-' | b'0'..=b'9' => self.integer().map(Token::Integer),
            _ => Err(self.error(
                "there are only numbers, text in quotation marks, and brackets in such a file; \
                 anything else is not read, let alone run",
            )),
        }
    }

    /// The next token, which must be this mark.
    pub fn expect(&mut self, mark: u8) -> Result<(), TextError> {
        match self.next()? {
            Token::Mark(found) if found == mark => Ok(()),
            _ => Err(self.error(format!("here should be `{}`", char::from(mark)))),
        }
    }

    /// What follows an item of a list that ends with `end`: whether there is another one. A comma
    /// before the end is allowed, as in Python.
    pub fn goes_on(&mut self, end: u8) -> Result<bool, TextError> {
        match self.next()? {
            Token::Mark(b',') => Ok(!self.at(end)?),
            Token::Mark(mark) if mark == end => Ok(false),
            _ => Err(self.error(format!("here should be `,` or `{}`", char::from(end)))),
        }
    }

    /// Whether the next token is this mark, which is then passed.
    pub fn at(&mut self, mark: u8) -> Result<bool, TextError> {
        while self.peek()?.is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.bump();
        }
        let found = self.peek()? == Some(mark);
        if found {
            self.bump();
        }
        Ok(found)
    }

    /// Nothing may follow.
    pub fn expect_end(&mut self) -> Result<(), TextError> {
        match self.next()? {
            Token::End => Ok(()),
            _ => Err(self.error("here the file should end")),
        }
    }

    /// An error about the token that was read last.
    pub fn error(&self, what: impl Into<String>) -> TextError {
        TextError::Unexpected {
            at: self.start,
            what: what.into(),
        }
    }

    fn integer(&mut self) -> Result<Zeroizing<String>, TextError> {
        let mut digits = Zeroizing::new(String::with_capacity(TOKEN_LEN_MAX));
        while let Some(byte) = self.peek()?
            && (byte.is_ascii_alphanumeric() || b"-+._".contains(&byte))
        {
            if digits.len() == TOKEN_LEN_MAX {
                return Err(self.error(format!("a number of more than {TOKEN_LEN_MAX} digits")));
            }
            digits.push(char::from(byte));
            self.bump();
        }
        let magnitude = digits.strip_prefix('-').unwrap_or(&digits);
        if !is_decimal(magnitude) {
            return Err(self.error("a number that is no whole decimal number"));
        }
        Ok(digits)
    }

    fn quoted(&mut self, quote: u8) -> Result<Zeroizing<String>, TextError> {
        self.bump();
        let mut text = Zeroizing::new(Vec::with_capacity(TOKEN_LEN_MAX));
        loop {
            match self.peek()? {
                Some(byte) if byte == quote => break,
                Some(b'\\') => return Err(self.error("text with a backslash in it")),
                Some(byte) if byte >= b' ' && text.len() < TOKEN_LEN_MAX => text.push(byte),
                Some(b'\n' | b'\r') | None => {
                    return Err(self.error("a quotation mark is not closed"));
                }
                Some(_) => {
                    return Err(self.error("text that is too long, or has control characters"));
                }
            }
            self.bump();
        }
        self.bump();
        match std::str::from_utf8(&text) {
            Ok(text) => Ok(Zeroizing::new(text.to_owned())),
            Err(_) => Err(self.error("text that is not UTF-8")),
        }
    }

    fn peek(&mut self) -> Result<Option<u8>, TextError> {
        Ok(self.input.fill_buf()?.first().copied())
    }

    fn bump(&mut self) {
        self.input.consume(1);
        self.offset += 1;
    }
}

/// Whether this is how a number that is not negative is written: digits, no zero before others.
pub fn is_decimal(text: &str) -> bool {
    let canonical = text == "0" || !text.starts_with('0');
    canonical && !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Result<String, String> {
        let mut tokens = Tokens::new(text.as_bytes());
        let mut seen = String::new();
        loop {
            match tokens.next().map_err(|error| error.to_string())? {
                Token::Mark(mark) => seen.push(char::from(mark)),
                Token::Integer(digits) => seen += &format!("<{}>", *digits),
                Token::Text(text) => seen += &format!("\"{}\"", *text),
                Token::End => return Ok(seen),
            }
        }
    }

    #[test]
    fn json_and_pythons_literals_are_the_same_tokens() {
        let python = all("{'p': 23,\n 'c': (4, -5,)}\n");
        assert_eq!(python.as_deref(), Ok("{\"p\":<23>,\"c\":(<4>,<-5>,)}"));
        assert_eq!(all("[{\"p\":0}]").as_deref(), Ok("[{\"p\":<0>}]"));
        assert_eq!(all(" ").as_deref(), Ok(""));
    }

    #[test]
    fn nothing_else_is_read() {
        for text in [
            "__import__('os')",
            "{'p': True}",
            "{'p': 2**64}",
            "0x10",
            "1e5",
            "1.5",
            "007",
            "1_000",
            "-",
            "--1",
            "'a\\n'",
            "'open",
            "\"a\nb\"",
            "# comment",
            "\u{feff}{}",
        ] {
            assert!(all(text).is_err(), "{text}");
        }
    }

    #[test]
    fn no_token_is_longer_than_its_bound() {
        let digits = "9".repeat(TOKEN_LEN_MAX);
        assert!(all(&digits).is_ok());
        assert!(all(&format!("{digits}9")).is_err());
        let quoted = |len| format!("'{}'", "a".repeat(len));
        assert!(all(&quoted(TOKEN_LEN_MAX)).is_ok());
        assert!(all(&quoted(TOKEN_LEN_MAX + 1)).is_err());
    }

    #[test]
    fn an_error_names_the_byte() {
        let error = all("{'p': print}").expect_err("code");
        assert!(error.starts_with("at byte 6: "), "{error}");
    }
}
