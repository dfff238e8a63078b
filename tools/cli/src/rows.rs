//! The rows of a CSV file to be imported: `nid,amount` in the first line, then one posting a line.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read, Write},
    path::Path,
};

use core_nostd::{amount::Amount, cap::OverCap, nid::Nid};
use sha2::{Digest, Sha256};
use token_client::OwnedRules;
use zeroize::Zeroizing;

use crate::failure::{Failure, Result};

/// The first line.
const HEADER: [&str; 2] = ["nid", "amount"];
/// Longest line in bytes. A NID and an amount need a fraction of it.
const LINE_LEN_MAX: u64 = 1024;
/// How many bad rows are shown.
const SHOWN_MAX: usize = 20;

/// One row that can be posted.
pub struct Row {
    /// The account holder.
    pub nid: Nid,
    /// Minor units, within the book's cap.
    pub minor: i64,
}

/// One row that can't.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRow {
    /// Its line in the file, from 1.
    pub line: u64,
    /// What is wrong with it; no NID.
    pub reason: String,
}

/// What a whole file holds.
#[derive(Debug, PartialEq, Eq)]
pub struct Survey {
    /// Number of rows that can be posted.
    pub good: u64,
    /// The first rows that can't.
    pub bad: Vec<BadRow>,
    /// Number of rows that can't.
    pub bad_count: u64,
    /// SHA-256 of the file, in hex.
    pub sha256: String,
}

impl Survey {
    /// Reads a whole file. Every bad row goes to `report`, too: a line of CSV with its line in the
    /// file and what is wrong with it.
    pub fn of(path: &Path, rules: &OwnedRules, report: &mut dyn Write) -> Result<Self> {
        let failed = |error| Failure::failed(format!("the report can't be written: {error}"));
        writeln!(report, "line,reason").map_err(failed)?;
        let mut survey = Self {
            good: 0,
            bad: Vec::new(),
            bad_count: 0,
            sha256: String::new(),
        };
        let mut rows = Rows::open(path, rules)?;
        while let Some(row) = rows.next()? {
            match row {
                Ok(_) => survey.good += 1,
                Err(bad) => {
                    survey.bad_count += 1;
                    let reason = bad.reason.replace('"', "\"\"");
                    writeln!(report, "{},\"{reason}\"", bad.line).map_err(failed)?;
                    if survey.bad.len() < SHOWN_MAX {
                        survey.bad.push(bad);
                    }
                }
            }
        }
        report.flush().map_err(failed)?;
        survey.sha256 = hex::encode(rows.hash.finalize());
        Ok(survey)
    }

    /// The bad rows, a line each.
    pub fn complaint(&self) -> String {
        let mut text = String::new();
        for BadRow { line, reason } in &self.bad {
            text += &format!("line {line}: {reason}\n");
        }
        let more = self.bad_count - self.bad.len() as u64;
        if more > 0 {
            text += &format!("and {more} more\n");
        }
        text
    }
}

/// Reads rows one by one.
pub struct Rows<'a> {
    rules: &'a OwnedRules,
    input: Input,
    line: u64,
    hash: Sha256,
}

type Input = BufReader<Box<dyn Read>>;

impl<'a> Rows<'a> {
    /// Opens a file and reads its header.
    pub fn open(path: &Path, rules: &'a OwnedRules) -> Result<Self> {
        let file = File::open(path).map_err(|error| Failure::file(path, error))?;
        Self::read(Box::new(file), rules).map_err(|mut failure| {
            failure.text = format!("{}: {}", path.display(), failure.text);
            failure
        })
    }

    fn read(input: Box<dyn Read>, rules: &'a OwnedRules) -> Result<Self> {
        let input = BufReader::with_capacity(1 << 16, input);
        let mut rows = Self {
            rules,
            input,
            line: 0,
            hash: Sha256::new(),
        };
        let header = rows.next_line()?.unwrap_or_default();
        let text = std::str::from_utf8(&header).unwrap_or_default();
        let names = split(text.trim_start_matches('\u{feff}').trim_end());
        if !names.is_ok_and(|names| names.each_ref().map(|name| name.as_str()) == HEADER) {
            return Err(Failure::usage("the first line must be `nid,amount`"));
        }
        Ok(rows)
    }

    /// The next row, good or bad; `None` at the end. Empty lines are passed over.
    pub fn next(&mut self) -> Result<Option<Result<Row, BadRow>>> {
        while let Some(bytes) = self.next_line()? {
            let line = self.line;
            let bad = |reason: String| BadRow { line, reason };
            if bytes.len() as u64 >= LINE_LEN_MAX {
                return Ok(Some(Err(bad(
                    "the line is too long for a posting".to_owned()
                ))));
            }
            let row = match std::str::from_utf8(&bytes).map(str::trim) {
                Ok("") => continue,
                Ok(text) => parse(text, self.rules).map_err(bad),
                Err(_) => Err(bad("the line is not UTF-8".to_owned())),
            };
            return Ok(Some(row));
        }
        Ok(None)
    }

    /// The next line, of which no more than the first [`LINE_LEN_MAX`] bytes are kept.
    fn next_line(&mut self) -> Result<Option<Zeroizing<Vec<u8>>>> {
        let mut line = Zeroizing::new(Vec::new());
        loop {
            let mut piece = Zeroizing::new(Vec::new());
            let len = (&mut self.input)
                .take(LINE_LEN_MAX)
                .read_until(b'\n', &mut piece)
                .map_err(|error| Failure::failed(format!("reading failed: {error}")))?;
            self.hash.update(&*piece);
            if line.is_empty() {
                line.extend_from_slice(&piece);
            }
            match piece.last() {
                None if line.is_empty() => return Ok(None),
                Some(last) if *last != b'\n' && len as u64 == LINE_LEN_MAX => {}
                _ => break,
            }
        }
        self.line += 1;
        Ok(Some(line))
    }
}

fn parse(text: &str, rules: &OwnedRules) -> Result<Row, String> {
    let [nid, amount] = split(text)?;
    let nid = Nid::normalise(&nid).map_err(|error| error.to_string())?;
    Ok(Row {
        nid,
        minor: minor_units(amount.trim(), rules)?,
    })
}

/// The two fields of a line, which may be in quotation marks.
fn split(text: &str) -> Result<[Zeroizing<String>; 2], String> {
    let mut fields = [const { String::new() }; 2].map(Zeroizing::new);
    let [nid, amount] = &mut fields;
    let rest = field(text, nid)?.ok_or("the line has one field, not two: nid,amount")?;
    match field(rest, amount)? {
        None => Ok(fields),
        Some(_) => Err("the line has more than two fields: nid,amount".to_owned()),
    }
}

/// Reads one field and returns what follows its comma; `None` if there is no comma.
fn field<'a>(text: &'a str, field: &mut String) -> Result<Option<&'a str>, String> {
    let Some(mut rest) = text.strip_prefix('"') else {
        let (plain, rest) = match text.split_once(',') {
            Some((plain, rest)) => (plain, Some(rest)),
            None => (text, None),
        };
        field.push_str(plain);
        return Ok(rest);
    };
    loop {
        let (quoted, after) = rest
            .split_once('"')
            .ok_or("a quotation mark is not closed")?;
        field.push_str(quoted);
        match after.strip_prefix('"') {
            // A mark inside the field is doubled.
            Some(after) => {
                field.push('"');
                rest = after;
            }
            None if after.is_empty() => return Ok(None),
            None => {
                let after = after.strip_prefix(',');
                return after
                    .map(Some)
                    .ok_or("text follows a closing quotation mark".to_owned());
            }
        }
    }
}

/// Reads an amount of a book: in its currency, which may be named behind it, and within its cap.
pub fn minor_units(text: &str, rules: &OwnedRules) -> Result<i64, String> {
    let currency = rules.currency;
    let number = match text.rsplit_once(' ') {
        Some((number, code)) if code == currency.code() => number.trim_end(),
        Some((_, code)) if code.len() == 3 && code.bytes().all(|c| c.is_ascii_uppercase()) => {
            return Err(format!("the book keeps {currency}, not {code}"));
        }
        _ => text,
    };
    let amount = Amount::parse(number, currency).map_err(|error| error.to_string())?;
    match rules.as_rules().admit(amount.minor()) {
        Ok(amount) => Ok(amount.minor()),
        Err(OverCap { cap }) => Err(format!(
            "{amount} {currency} is above the book's cap of {cap} for one entry"
        )),
    }
}

#[cfg(test)]
mod tests;
