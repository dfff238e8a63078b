//! A file of ciphertexts: `[{"c1": "dec", "c2": "dec"}, …]`, the numbers in quotation marks or
//! bare, or `[[c1, c2], …]`, which is what Python's `json.dumps` makes of LightPHE's values. A row
//! of the first kind may have a `"nid"`, for `tally lightphe migrate`.
//!
//! Read row by row, and rows are counted from 0.

use std::{
    collections::HashMap,
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
};

use core_nostd::ids::BookId;
use crypto_bigint::BoxedUint;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{
    key::integer,
    text::{TextError, Token, Tokens},
};
use crate::failure::{Failure, Result};

/// Most rows in one file.
pub const ROWS_MAX: u64 = 250_000;
/// How many bad rows are named.
const SHOWN_MAX: usize = 20;

/// One row. Nothing is known yet about its numbers.
pub struct Row {
    /// The account holder, if one is named.
    pub nid: Option<Zeroizing<String>>,
    /// `c1`.
    pub c1: BoxedUint,
    /// `c2`.
    pub c2: BoxedUint,
}

/// Reads rows one by one.
pub struct Rows<R> {
    tokens: Tokens<R>,
    /// The number of the next row.
    next: u64,
    ended: bool,
}

impl Rows<BufReader<File>> {
    /// Opens a file.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|error| Failure::file(path, error))?;
        Self::new(BufReader::with_capacity(1 << 16, file))
            .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
    }
}

impl<R: BufRead> Rows<R> {
    fn new(input: R) -> Result<Self, TextError> {
        let mut tokens = Tokens::new(input);
        tokens.expect(b'[')?;
        let ended = tokens.at(b']')?;
        let mut rows = Self {
            tokens,
            next: 0,
            ended,
        };
        if ended {
            rows.tokens.expect_end()?;
        }
        Ok(rows)
    }

    fn read(&mut self) -> Result<Row, TextError> {
        if self.next == ROWS_MAX {
            let what = format!("more than {ROWS_MAX} rows: split the file");
            return Err(self.tokens.error(what));
        }
        let row = match self.tokens.next()? {
            Token::Mark(b'{') => self.object()?,
            Token::Mark(b'[') => self.pair(b']')?,
            Token::Mark(b'(') => self.pair(b')')?,
            _ => {
                let what = "here should be a ciphertext, {\"c1\": \"…\", \"c2\": \"…\"}";
                return Err(self.tokens.error(what));
            }
        };
        if !self.tokens.goes_on(b']')? {
            self.tokens.expect_end()?;
            self.ended = true;
        }
        Ok(row)
    }

    fn pair(&mut self, end: u8) -> Result<Row, TextError> {
        let c1 = self.number()?;
        self.tokens.expect(b',')?;
        let c2 = self.number()?;
        if self.tokens.goes_on(end)? {
            return Err(self.tokens.error("a ciphertext has two parts"));
        }
        Ok(Row { nid: None, c1, c2 })
    }

    fn object(&mut self) -> Result<Row, TextError> {
        let (mut nid, mut c1, mut c2) = (None, None, None);
        loop {
            let Token::Text(name) = self.tokens.next()? else {
                return Err(self
                    .tokens
                    .error("here should be a name in quotation marks"));
            };
            self.tokens.expect(b':')?;
            let twice = match name.as_str() {
                "c1" => c1.replace(self.number()?).is_some(),
                "c2" => c2.replace(self.number()?).is_some(),
                "nid" => match self.tokens.next()? {
                    Token::Text(text) | Token::Integer(text) => nid.replace(text).is_some(),
                    _ => return Err(self.tokens.error("a nid is text in quotation marks")),
                },
                _ => return Err(self.tokens.error("a row has c1, c2 and nid, nothing else")),
            };
            if twice {
                return Err(self.tokens.error("the same name twice in a row"));
            }
            if !self.tokens.goes_on(b'}')? {
                break;
            }
        }
        match (c1, c2) {
            (Some(c1), Some(c2)) => Ok(Row { nid, c1, c2 }),
            _ => Err(self.tokens.error("a ciphertext has c1 and c2")),
        }
    }

    /// A number, in quotation marks or not.
    fn number(&mut self) -> Result<BoxedUint, TextError> {
        let number = match self.tokens.next()? {
            Token::Integer(digits) | Token::Text(digits) => integer(&digits),
            _ => None,
        };
        number.ok_or_else(|| {
            self.tokens
                .error("here should be a whole decimal number that is not negative")
        })
    }
}

impl<R: BufRead> Iterator for Rows<R> {
    /// The row's number and the row; the file ends at the first error.
    type Item = Result<(u64, Row)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let number = self.next;
        let row = self.read();
        self.next += 1;
        self.ended |= row.is_err();
        Some(row.map(|row| (number, row)).map_err(|error| {
            Failure::usage(format!(
                "row {number} (from 0), {error}. Nothing was posted"
            ))
        }))
    }
}

/// Rows that are refused, to be named all at once.
#[derive(Debug, Default)]
pub struct Complaints {
    lines: Vec<String>,
    count: u64,
}

impl Complaints {
    /// One more.
    pub fn add(&mut self, row: u64, why: impl std::fmt::Display) {
        self.count += 1;
        if self.lines.len() < SHOWN_MAX {
            self.lines.push(format!("row {row}: {why}"));
        }
    }

    /// The failure that names them, if there are any.
    pub fn into_result(self, advice: &str) -> Result<()> {
        if self.count == 0 {
            return Ok(());
        }
        let more = match self.count - self.lines.len() as u64 {
            0 => String::new(),
            more => format!("\nand {more} more"),
        };
        Err(Failure::usage(format!(
            "{} rows (counted from 0) can't be taken:\n{}{more}\nNothing was posted. {advice}",
            self.count,
            self.lines.join("\n")
        )))
    }
}

/// Names rows, so that a row is posted once however often its file is.
pub struct RowIds {
    prefix: Sha256,
    /// How often each ciphertext was seen.
    seen: HashMap<[u8; 16], u64>,
}

impl RowIds {
    /// Of rows that come into this book under this label.
    pub fn new(book: &BookId, label: &str) -> Self {
        let len = label.len() as u64;
        let prefix = Sha256::new()
            .chain_update(b"tallystick-lightphe-row-v1")
            .chain_update(book.0)
            .chain_update(len.to_be_bytes())
            .chain_update(label);
        Self {
            prefix,
            seen: HashMap::new(),
        }
    }

    /// The entry id of the next row:
    /// `SHA-256(book, label, c1, c2, how many equal rows are before it)`, cut to 16 bytes.
    ///
    /// So the order of rows does not matter, a longer file of the same rows brings only what is
    /// new, and a ciphertext that is in a file twice counts twice.
    pub fn next(&mut self, row: &Row) -> [u8; 16] {
        let mut hash = self.prefix.clone();
        for part in [&row.c1, &row.c2] {
            let bytes = part.to_be_bytes_trimmed_vartime();
            hash.update((bytes.len() as u64).to_be_bytes());
            hash.update(bytes);
        }
        let before = self.seen.entry(cut(hash.clone())).or_default();
        let id = cut(hash.chain_update(before.to_be_bytes()));
        *before += 1;
        id
    }
}

fn cut(hash: Sha256) -> [u8; 16] {
    let mut id = [0; 16];
    id.copy_from_slice(&hash.finalize()[..16]);
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Result<Vec<Row>, String> {
        let rows = Rows::new(text.as_bytes()).map_err(|error| error.to_string())?;
        rows.map(|row| row.map(|(_, row)| row).map_err(|failure| failure.text))
            .collect()
    }

    fn numbers(text: &str) -> Vec<[String; 2]> {
        let decimal = |number: &BoxedUint| number.to_string_radix_vartime(10);
        let rows = rows(text).expect(text);
        rows.iter()
            .map(|row| [decimal(&row.c1), decimal(&row.c2)])
            .collect()
    }

    #[test]
    fn rows_come_in_json_and_as_python_writes_them() {
        let expected = [
            ["12", "340282366920938463463374607431768211507"],
            ["3", "4"],
        ];
        for text in [
            r#"[{"c1":"12","c2":"340282366920938463463374607431768211507"},{"c2":"4","c1":"3"}]"#,
            r#"[{"c1":12,"c2":340282366920938463463374607431768211507},{"c1":3,"c2":4}]"#,
            "[[12, 340282366920938463463374607431768211507], [3, 4]]\n",
            "[(12, 340282366920938463463374607431768211507,), (3, 4),]",
        ] {
            assert_eq!(numbers(text), expected, "{text}");
        }
        assert!(numbers("[]").is_empty());
    }

    #[test]
    fn a_row_may_name_its_holder() {
        let rows = rows(r#"[{"nid":"AB 12","c1":1,"c2":2},{"nid":34,"c1":1,"c2":2}]"#);
        let nids: Vec<_> = rows.expect("rows").into_iter().map(|row| row.nid).collect();
        let nids: Vec<_> = nids
            .iter()
            .map(|nid| nid.as_ref().map(|nid| nid.as_str()))
            .collect();
        assert_eq!(nids, [Some("AB 12"), Some("34")]);
    }

    #[test]
    fn what_is_no_row_is_named_by_its_number_and_byte() {
        for text in [
            r#"[{"c1":1,"c2":2},{"c1":1}]"#,
            r#"[{"c1":1,"c2":2},{"c1":-1,"c2":1}]"#,
            r#"[{"c1":1,"c2":2},{"c1":"0x10","c2":1}]"#,
            r#"[{"c1":1,"c2":2},{"c1":1,"c2":1,"c3":1}]"#,
            r#"[{"c1":1,"c2":2},{"c1":1,"c1":1,"c2":1}]"#,
            r#"[{"c1":1,"c2":2},{"c1":[[[[1]]]],"c2":1}]"#,
            r#"[{"c1":1,"c2":2},[1]]"#,
            r#"[{"c1":1,"c2":2},[1,2,3]]"#,
            r#"[{"c1":1,"c2":2},7]"#,
            r#"[{"c1":1,"c2":2},__import__("os")]"#,
            r#"[{"c1":1,"c2":2},{"c1":1,"c2":2}"#,
        ] {
            let error = rows(text).err().expect(text);
            assert!(
                error.starts_with("row 1 (from 0), at byte "),
                "{text}: {error}"
            );
        }
        for text in ["", "{}", "[[1,2]] [", "[] x", "7"] {
            assert!(rows(text).is_err(), "{text}");
        }
    }

    #[test]
    fn equal_rows_have_ids_of_their_own_and_keep_them() {
        let book = BookId([7; 32]);
        let ids = |text: &str, label: &str| {
            let mut ids = RowIds::new(&book, label);
            let rows = rows(text).expect("rows");
            rows.iter().map(|row| ids.next(row)).collect::<Vec<_>>()
        };
        let once = ids("[[1,2],[3,4],[1,2]]", "");
        assert!(once[0] != once[1] && once[1] != once[2] && once[0] != once[2]);
        let longer = ids("[[3,4],[1,2],[5,6],[1,2],[1,2]]", "");
        assert_eq!(
            (longer[0], longer[1], longer[3]),
            (once[1], once[0], once[2])
        );
        assert!(!once.contains(&longer[2]) && !once.contains(&longer[4]));
        assert_ne!(ids("[[1,2]]", "may"), ids("[[1,2]]", ""));
        assert_ne!(ids("[[258,3]]", ""), ids("[[1,515]]", ""));
    }

    #[test]
    fn complaints_are_counted_and_the_first_are_shown() {
        assert!(Complaints::default().into_result("").is_ok());
        let mut complaints = Complaints::default();
        (0..25).for_each(|row| complaints.add(row, "bad"));
        let text = complaints
            .into_result("Mend them")
            .expect_err("bad rows")
            .text;
        assert!(
            text.starts_with("25 rows") && text.contains("row 19: bad\nand 5 more\n"),
            "{text}"
        );
        assert!(text.ends_with("Nothing was posted. Mend them"));
    }
}
