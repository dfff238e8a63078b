//! What is a row, what is none, and what is said about the latter.

use core_nostd::{book::BookKind, ciphersuite::SuiteId, currency::Currency};

use super::*;

fn rules() -> OwnedRules {
    OwnedRules {
        suite: SuiteId::Ristretto255,
        kind: BookKind::Authenticated,
        currency: Currency::from_code("EUR").expect("a currency"),
        cap: 100_000,
        min_entries: 16,
        name: "till".to_owned(),
    }
}

/// Good rows as (NID, minor units), bad ones as (line, reason).
type Read = (Vec<(String, i64)>, Vec<(u64, String)>);

fn read(text: &[u8]) -> Result<Read> {
    let rules = rules();
    let mut rows = Rows::read(Box::new(std::io::Cursor::new(text.to_vec())), &rules)?;
    let mut read = Read::default();
    while let Some(row) = rows.next()? {
        match row {
            Ok(Row { nid, minor }) => read.0.push((nid.as_str().to_owned(), minor)),
            Err(BadRow { line, reason }) => read.1.push((line, reason)),
        }
    }
    Ok(read)
}

#[test]
fn rows_are_read_in_the_spellings_that_spreadsheets_use() {
    let text = b"\xef\xbb\xbfnid,amount\r\nAB-1234,12.50\r\n\r\n\"cd 5678\",\"-3\"\r\nEF9012, 0.05";
    let (good, bad) = read(text).expect("rows");
    let expected = [("AB1234", 1250), ("CD5678", -300), ("EF9012", 5)];
    assert_eq!(good, expected.map(|(nid, minor)| (nid.to_owned(), minor)));
    assert_eq!(bad, []);
}

#[test]
fn bad_rows_are_named_by_line_with_the_reason_and_without_the_nid() {
    let text = b"nid,amount\nAB1234,12.345\nSECRET99,1e5\nSECRET99,2000\nx!,1\nAB1234\n\
        AB1234,1,2\n\"AB1234,1\n\"AB1234\"x,1\nAB1234,5 USD\nAB1234,\nAB1234,1\nAB\xff234,1\n";
    let (good, bad) = read(text).expect("rows");
    assert_eq!(good, [("AB1234".to_owned(), 100)]);
    let malformed = "an amount is digits, with a point before the decimals if there are any, and \
        a sign in front if it is negative: 12.34 or -12.34";
    let letters = "an id has only the letters A to Z, digits, and the separators space - . / _";
    let expected = [
        (2, "EUR has 2 decimals, \"12.345\" has 3"),
        (3, malformed),
        (
            4,
            "2000.00 EUR is above the book's cap of 1000.00 for one entry",
        ),
        (5, letters),
        (6, "the line has one field, not two: nid,amount"),
        (7, "the line has more than two fields: nid,amount"),
        (8, "a quotation mark is not closed"),
        (9, "text follows a closing quotation mark"),
        (10, "the book keeps EUR, not USD"),
        (11, malformed),
        (13, "the line is not UTF-8"),
    ];
    assert_eq!(
        bad,
        expected.map(|(line, reason)| (line, reason.to_owned()))
    );
    assert!(bad.iter().all(|(_, reason)| !reason.contains("SECRET99")));
}

#[test]
fn a_line_without_end_costs_one_row_and_no_memory() {
    let mut text = b"nid,amount\n".to_vec();
    text.extend(vec![b'7'; 5 * 1024]);
    text.extend(b"\nAB1234,1\n");
    let (good, bad) = read(&text).expect("rows");
    assert_eq!(good, [("AB1234".to_owned(), 100)]);
    assert_eq!(bad, [(2, "the line is too long for a posting".to_owned())]);
}

#[test]
fn another_first_line_is_refused() {
    for text in [
        &b""[..],
        b"AB1234,1\n",
        b"amount,nid\n",
        b"nid;amount\n",
        b"nid\n",
    ] {
        let failure = read(text).expect_err("no header");
        assert_eq!(failure.text, "the first line must be `nid,amount`");
    }
}

#[test]
fn a_survey_counts_hashes_and_shows_no_more_than_a_screen() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.csv");
    let text = format!("nid,amount\nAB1234,1\n{}", "AB1234,x\n".repeat(25));
    std::fs::write(&path, &text).expect("a file");
    let mut report = Vec::new();
    let survey = Survey::of(&path, &rules(), &mut report).expect("a survey");
    let report = String::from_utf8(report).expect("text");
    assert_eq!(report.lines().count(), 26);
    assert!(
        report.starts_with("line,reason\n3,\"an amount is digits"),
        "{report}"
    );
    assert!(
        report
            .lines()
            .last()
            .is_some_and(|line| line.starts_with("27,\""))
    );
    assert_eq!(
        (survey.good, survey.bad_count, survey.bad.len()),
        (1, 25, 20)
    );
    assert_eq!(survey.sha256, hex::encode(Sha256::digest(&text)));
    assert!(
        survey
            .complaint()
            .starts_with("line 3: an amount is digits")
    );
    assert!(survey.complaint().ends_with("\nand 5 more\n"));
}

#[test]
fn an_amount_may_name_its_currency() {
    let rules = rules();
    assert_eq!(minor_units("12.34 EUR", &rules), Ok(1234));
    assert_eq!(
        minor_units("12.345 EUR", &rules),
        Err("EUR has 2 decimals, \"12.345\" has 3".to_owned())
    );
    assert_eq!(minor_units("-1000", &rules), Ok(-100_000));
    assert!(minor_units("-1000.01", &rules).is_err());
    assert!(minor_units("1 000", &rules).is_err());
}
