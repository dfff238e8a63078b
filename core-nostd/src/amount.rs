//! Amounts of money: whole minor units of one currency.
//!
//! Decimal texts become amounts exactly or not at all; nothing here rounds and nothing is a float.

use core::{
    fmt::{self, Write},
    iter::repeat_n,
};

use crate::currency::Currency;

/// The longest text that [`Amount::parse`] reads, in characters: a sign, the 19 digits of the
/// largest amount and a point fit with room to spare.
pub const AMOUNT_TEXT_MAX: usize = 24;

/// A signed amount: `minor / 10^scale` units of `currency`. Withdrawals are negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Amount {
    minor: i64,
    currency: Currency,
}

impl Amount {
    /// An amount of whole minor units: 1234 is 12.34 EUR or 1234 JPY.
    #[must_use]
    pub fn from_minor(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Reads a decimal such as `12.34`, `-0.05`, `+7` or `12.5` (which is 12.50 EUR).
    ///
    /// ```
    /// use core_nostd::{amount::Amount, currency::Currency};
    ///
    /// let euro = Currency::from_code("EUR").unwrap();
    /// assert_eq!(Amount::parse("12.34", euro).unwrap().minor(), 1234);
    /// let error = Amount::parse("12.345", euro).unwrap_err();
    /// assert_eq!(error.to_string(), "EUR has 2 decimals, \"12.345\" has 3");
    /// ```
    ///
    /// # Errors
    /// [`AmountError`]: no spaces, exponents, thousands separators, empty whole part or trailing
    /// point, and not one decimal more than the currency has, even if it is a zero.
    pub fn parse(text: &str, currency: Currency) -> Result<Self, AmountError> {
        if text.chars().count() > AMOUNT_TEXT_MAX {
            return Err(AmountError::TooLong);
        }
        let (negative, unsigned) = match text.strip_prefix(['+', '-']) {
            Some(unsigned) => (text.starts_with('-'), unsigned),
            None => (false, text),
        };
        let (whole, decimals) = match unsigned.split_once('.') {
            Some((_, "")) => return Err(AmountError::Malformed),
            Some(parts) => parts,
            None => (unsigned, ""),
        };
        if whole.is_empty()
            || !whole
                .bytes()
                .chain(decimals.bytes())
                .all(|c| c.is_ascii_digit())
        {
            return Err(AmountError::Malformed);
        }
        let missing = usize::from(currency.scale())
            .checked_sub(decimals.len())
            .ok_or_else(|| AmountError::Decimals {
                currency,
                text: AmountText::new(text),
            })?;

        whole
            .bytes()
            .chain(decimals.bytes())
            .chain(repeat_n(b'0', missing))
            .try_fold(0u64, |sum, digit| {
                sum.checked_mul(10)?
                    .checked_add(u64::from(digit.wrapping_sub(b'0')))
            })
            .and_then(|magnitude| match negative {
                true => 0i64.checked_sub_unsigned(magnitude),
                false => 0i64.checked_add_unsigned(magnitude),
            })
            .map(|minor| Self { minor, currency })
            .ok_or(AmountError::OutOfRange(currency))
    }

    /// The amount in minor units.
    #[must_use]
    pub fn minor(&self) -> i64 {
        self.minor
    }

    /// The currency.
    #[must_use]
    pub fn currency(&self) -> Currency {
        self.currency
    }
}

impl fmt::Display for Amount {
    /// The exact decimal with all its decimals and without the currency: `-0.05`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = self.currency.scale();
        let unit = 10u64.pow(u32::from(scale));
        let magnitude = self.minor.unsigned_abs();
        let (whole, decimals) = (magnitude / unit, magnitude % unit);
        if self.minor < 0 {
            f.write_char('-')?;
        }
        match scale {
            0 => write!(f, "{whole}"),
            _ => write!(f, "{whole}.{decimals:0width$}", width = usize::from(scale)),
        }
    }
}

/// Why a text is not an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AmountError {
    /// More than [`AMOUNT_TEXT_MAX`] characters.
    TooLong,
    /// Not a plain decimal. Usually a comma, a space, a currency sign or an exponent.
    Malformed,
    /// More decimals than the currency has. Usually another currency was meant.
    Decimals {
        /// The currency the amount was read in.
        currency: Currency,
        /// What was read.
        text: AmountText,
    },
    /// Does not fit in 64 bits of this currency's minor units.
    OutOfRange(Currency),
}

impl fmt::Display for AmountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => {
                write!(f, "an amount has at most {AMOUNT_TEXT_MAX} characters")
            }
            Self::Malformed => f.write_str(
                "an amount is digits, with a point before the decimals if there are any, and a \
                 sign in front if it is negative: 12.34 or -12.34",
            ),
            Self::Decimals { currency, text } => {
                let text = text.as_str();
                let has = text
                    .split_once('.')
                    .map_or(0, |(_, decimals)| decimals.len());
                match currency.scale() {
                    0 => write!(f, "{currency} has no decimals, \"{text}\" has {has}"),
                    scale => write!(f, "{currency} has {scale} decimals, \"{text}\" has {has}"),
                }
            }
            Self::OutOfRange(currency) => {
                let limit = |minor| Amount::from_minor(minor, *currency);
                let (least, most) = (limit(i64::MIN), limit(i64::MAX));
                write!(f, "an amount in {currency} lies between {least} and {most}")
            }
        }
    }
}

impl core::error::Error for AmountError {}

/// A text of at most [`AMOUNT_TEXT_MAX`] ASCII characters, kept to be shown in an error.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AmountText([u8; AMOUNT_TEXT_MAX]);

impl AmountText {
    /// The text, which holds no zero byte: zeros fill the rest.
    fn new(text: &str) -> Self {
        let mut bytes = [0; AMOUNT_TEXT_MAX];
        bytes
            .iter_mut()
            .zip(text.bytes())
            .for_each(|(slot, byte)| *slot = byte);
        Self(bytes)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0)
            .unwrap_or_default()
            .trim_end_matches('\0')
    }
}

impl fmt::Debug for AmountText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use proptest::prelude::*;
    use std::string::{String, ToString};

    use super::*;

    fn currency(code: &str) -> Currency {
        Currency::from_code(code).expect("an active code")
    }

    fn minor(text: &str, code: &str) -> Result<i64, AmountError> {
        Amount::parse(text, currency(code)).map(|amount| amount.minor())
    }

    #[test]
    fn decimals_are_read_exactly() {
        for (text, code, expected) in [
            ("12.34", "EUR", 1234),
            ("+12.34", "EUR", 1234),
            ("-12.50", "EUR", -1250),
            ("12.5", "EUR", 1250),
            ("7", "EUR", 700),
            ("-0", "EUR", 0),
            ("000.05", "EUR", 5),
            ("100", "JPY", 100),
            ("0.001", "KWD", 1),
            ("-0.0001", "CLF", -1),
            ("92233720368547758.07", "EUR", i64::MAX),
            ("-92233720368547758.08", "EUR", i64::MIN),
            ("-9223372036854775808", "JPY", i64::MIN),
            ("000000000000000000000001", "JPY", 1),
        ] {
            assert_eq!(minor(text, code), Ok(expected), "{text} {code}");
        }
    }

    #[test]
    fn anything_but_a_plain_decimal_is_malformed() {
        for text in [
            "", "+", "-", ".", ".5", "5.", "-.5", "1.2.3", "1.", "--1", "+-1", "1-", "1,5",
            "1 000", " 1", "1 ", "1e3", "0x1", "1_000", "€1", "1\n", "١", "1.٢", "NaN", "inf",
            "1.0\0",
        ] {
            assert_eq!(minor(text, "EUR"), Err(AmountError::Malformed), "{text:?}");
        }
    }

    #[test]
    fn surplus_decimals_are_refused_even_zeros() {
        let message = |text, code| {
            minor(text, code)
                .expect_err("too many decimals")
                .to_string()
        };
        assert_eq!(
            message("12.345", "EUR"),
            "EUR has 2 decimals, \"12.345\" has 3"
        );
        assert_eq!(
            message("-12.340", "EUR"),
            "EUR has 2 decimals, \"-12.340\" has 3"
        );
        assert_eq!(
            message("100.0", "JPY"),
            "JPY has no decimals, \"100.0\" has 1"
        );
    }

    #[test]
    fn amounts_beyond_64_bits_and_long_texts_are_refused() {
        let out_of_range = Err(AmountError::OutOfRange(currency("EUR")));
        assert_eq!(minor("92233720368547758.08", "EUR"), out_of_range);
        assert_eq!(minor("-92233720368547758.09", "EUR"), out_of_range);
        assert_eq!(minor("184467440737095516.16", "EUR"), out_of_range);
        assert_eq!(minor("999999999999999999999999", "EUR"), out_of_range);
        assert_eq!(
            minor("0000000000000000000000001", "JPY"),
            Err(AmountError::TooLong)
        );
        assert_eq!(
            AmountError::OutOfRange(currency("EUR")).to_string(),
            "an amount in EUR lies between -92233720368547758.08 and 92233720368547758.07"
        );
    }

    #[test]
    fn amounts_are_written_with_all_decimals() {
        for (minor, code, expected) in [
            (0, "EUR", "0.00"),
            (-5, "EUR", "-0.05"),
            (-100, "EUR", "-1.00"),
            (100, "JPY", "100"),
            (-1, "TND", "-0.001"),
            (i64::MIN, "UYW", "-922337203685477.5808"),
        ] {
            assert_eq!(
                Amount::from_minor(minor, currency(code)).to_string(),
                expected
            );
        }
    }

    proptest! {
        #[test]
        fn writing_and_reading_gives_the_amount_back(
            minor: i64,
            code in proptest::sample::select(std::vec!["JPY", "EUR", "KWD", "CLF"]),
        ) {
            let amount = Amount::from_minor(minor, currency(code));
            let text = amount.to_string();
            prop_assert!(text.len() <= AMOUNT_TEXT_MAX);
            prop_assert_eq!(Amount::parse(&text, currency(code)), Ok(amount));
        }

        #[test]
        fn what_is_read_is_what_the_digits_say(whole in 0u32.., cents in 0u8..100, minus: bool) {
            let sign = if minus { "-" } else { "" };
            let expected = (i64::from(whole) * 100 + i64::from(cents)) * if minus { -1 } else { 1 };
            let text = std::format!("{sign}{whole}.{cents:02}");
            prop_assert_eq!(minor(&text, "EUR"), Ok(expected));
        }

        #[test]
        fn no_text_makes_it_panic(text: String) {
            let _ = minor(&text, "EUR").map_err(|error| error.to_string());
        }
    }
}
