//! What people type: amounts, national ids, identifiers, shares of a backup.

use core_nostd::{
    amount::{AMOUNT_TEXT_MAX, Amount},
    backup::Share,
    ciphersuite::SuiteId,
    currency::Currency,
    ids::{BookId, Handle, WriterId},
    nid::{LEN_MAX, LEN_MIN, Nid},
};

use crate::without_heap;

/// One currency for each number of decimals; the first byte of an input chooses.
pub(crate) const CURRENCIES: [&str; 4] = ["JPY", "EUR", "KWD", "CLF"];

/// An amount: it is what its digits say, and comes back from what it prints.
pub fn amount(data: &[u8]) -> bool {
    let Some((choice, text)) = data.split_first() else {
        return false;
    };
    let (Some(code), Ok(text)) = (
        CURRENCIES.get(usize::from(*choice)),
        std::str::from_utf8(text),
    ) else {
        return false;
    };
    let currency = Currency::from_code(code).expect("an active code");
    match without_heap(|| Amount::parse(text, currency)) {
        Ok(amount) => {
            assert_eq!(i128::from(amount.minor()), digits(text, currency.scale()));
            let printed = amount.to_string();
            assert!(printed.len() <= AMOUNT_TEXT_MAX);
            assert_eq!(Amount::parse(&printed, currency), Ok(amount));
            true
        }
        Err(error) => {
            let length = text.chars().count();
            assert!(error.to_string().len() < 200, "a message of bounded length");
            assert_eq!(
                matches!(error, core_nostd::amount::AmountError::TooLong),
                length > AMOUNT_TEXT_MAX
            );
            false
        }
    }
}

/// The digits of an accepted text as an integer, as if it had all its decimals.
fn digits(text: &str, scale: u8) -> i128 {
    let decimals = text.split_once('.').map_or(0, |(_, after)| after.len());
    let digits = text.bytes().filter(u8::is_ascii_digit);
    let digits = digits.fold(0, |sum, digit| sum * 10 + i128::from(digit - b'0'));
    let missing = u32::from(scale) - u32::try_from(decimals).expect("a short text");
    let magnitude = digits * 10_i128.pow(missing);
    if text.starts_with('-') {
        -magnitude
    } else {
        magnitude
    }
}

/// A national id: in normal form it is its own normal form, and separators and capitals do not
/// matter. The first 33 bytes are also tried as a padded id, of which each has one.
pub fn nid(data: &[u8]) -> bool {
    if let Some(padded) = data.first_chunk()
        && let Some(nid) = without_heap(|| Nid::from_padded(padded))
    {
        assert_eq!(nid.padded(), *padded);
        assert_eq!(normal(nid.as_str()).as_deref(), Some(nid.as_str()));
    }
    let Ok(text) = std::str::from_utf8(data) else {
        return false;
    };
    let Some(normalised) = normal(text) else {
        return false;
    };
    assert!((LEN_MIN..=LEN_MAX).contains(&normalised.len()));
    assert!(
        normalised
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    );
    let significant: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
    assert_eq!(significant.to_ascii_uppercase(), normalised);
    assert_eq!(normal(&normalised).as_ref(), Some(&normalised));
    // Other white space is trimmed off the ends and refused in between.
    let spread: String = text
        .trim()
        .to_ascii_lowercase()
        .chars()
        .flat_map(|character| [character, '-'])
        .collect();
    assert_eq!(normal(&spread).as_ref(), Some(&normalised));
    true
}

fn normal(text: &str) -> Option<String> {
    let nid = without_heap(|| Nid::normalise(text)).ok()?;
    assert!(
        Nid::from_padded(&nid.padded()).is_some_and(|again| again.as_str() == nid.as_str()),
        "what was padded comes back"
    );
    Some(nid.as_str().to_owned())
}

/// Identifiers in hexadecimal, codes of currencies, names of suites: each prints as it was read
/// (identifiers in small letters).
pub fn identifier(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else {
        return false;
    };
    let read = without_heap(|| {
        (
            BookId::from_hex(text),
            Handle::from_hex(text),
            WriterId::from_hex(text),
            Currency::from_code(text),
            SuiteId::from_name(text),
        )
    });
    let (book, handle, writer, currency, suite) = read;
    let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    assert_eq!(book.is_some(), is_hex && text.len() == 64);
    assert_eq!(writer.is_some(), is_hex && text.len() == 32);
    assert_eq!(book.map(|id| id.0), handle.map(|id| id.0));
    let small = text.to_ascii_lowercase();
    let printed = [
        book.map(|id| id.to_string()),
        writer.map(|id| id.to_string()),
    ];
    assert!(printed.iter().flatten().all(|printed| *printed == small));
    if let Ok(currency) = currency {
        assert_eq!(currency.code(), text);
        assert!(currency.scale() <= 4);
    }
    if let Some(suite) = suite {
        assert_eq!(suite.name(), text);
        assert_eq!(SuiteId::from_u8(suite as u8), Some(suite));
    }
    book.is_some() || writer.is_some() || currency.is_ok() || suite.is_some()
}

/// The words of a share: written again they are the same words, one space apart, and with another
/// last word they are no share.
pub fn share(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else {
        return false;
    };
    let Ok(share) = without_heap(|| Share::from_words(text)) else {
        return false;
    };
    let mut written = String::new();
    share.write_words(&mut written).expect("a text has room");
    assert!(written.len() <= Share::TEXT_MAX);
    let words: Vec<_> = text.split_ascii_whitespace().collect();
    assert_eq!(words.join(" ").to_ascii_lowercase(), written);
    let again = Share::from_words(&written.to_ascii_uppercase());
    assert!(again.is_ok_and(|again| again.identifier() == share.identifier()));
    let (head, last) = written.rsplit_once(' ').expect("20 words or more");
    let other = ["academic", "acid"].into_iter().find(|word| *word != last);
    let changed = format!("{head} {}", other.expect("one of two differs"));
    assert!(Share::from_words(&changed).is_err());
    true
}
