//! ISO 4217 currencies and their minor units.
//!
//! A book keeps whole minor units of one currency (cents, fils), so all it needs of a currency is
//! the code and how many decimals separate a minor from a major unit.

use core::fmt;

/// A currency: its ISO 4217 code and the number of decimals of an amount in it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency {
    code: [u8; 3],
    scale: u8,
}

impl Currency {
    /// The currency of an active alphabetic code, such as `EUR`.
    ///
    /// # Errors
    /// [`CurrencyError::Malformed`] for anything but three capital letters, and
    /// [`CurrencyError::Unknown`] for a code that is not in use or that has no minor units (gold,
    /// `XAU`, is one of these).
    pub fn from_code(code: &str) -> Result<Self, CurrencyError> {
        let bytes: [u8; 3] = code
            .as_bytes()
            .try_into()
            .map_err(|_| CurrencyError::Malformed)?;
        if !bytes.iter().all(u8::is_ascii_uppercase) {
            return Err(CurrencyError::Malformed);
        }
        ACTIVE
            .iter()
            .find(|(_, codes)| codes.split(' ').any(|active| active == code))
            .map(|(scale, _)| Self {
                code: bytes,
                scale: *scale,
            })
            .ok_or(CurrencyError::Unknown(bytes))
    }

    /// The three capital letters.
    #[must_use]
    pub fn code(&self) -> &str {
        letters(&self.code)
    }

    /// The number of decimals, 0 to 4: one major unit is `10^scale` minor units.
    #[must_use]
    pub fn scale(&self) -> u8 {
        self.scale
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Currency({})", self.code())
    }
}

/// Why a text does not name a currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CurrencyError {
    /// Not three capital letters. Usually a symbol, a name or small letters.
    Malformed,
    /// No active code with minor units. Usually a misprint, or a currency that was replaced.
    Unknown([u8; 3]),
}

impl fmt::Display for CurrencyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("a currency is three capital letters, such as EUR"),
            Self::Unknown(code) => {
                write!(
                    f,
                    "{} is not an active ISO 4217 currency with minor units",
                    letters(code)
                )
            }
        }
    }
}

impl core::error::Error for CurrencyError {}

/// ASCII letters as text.
fn letters(code: &[u8; 3]) -> &str {
    core::str::from_utf8(code).unwrap_or("???")
}

/// The active codes by number of decimals: ISO 4217, list one, as published on 1 January 2026,
/// without the codes that have no minor units.
const ACTIVE: [(u8, &str); 4] = [
    (
        0,
        "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    ),
    (
        2,
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD \
         CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP \
         GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK \
         LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO \
         NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS \
         SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST \
         XAD XCD XCG YER ZAR ZMW ZWG",
    ),
    (3, "BHD IQD JOD KWD LYD OMR TND"),
    (4, "CLF UYW"),
];

#[cfg(test)]
mod tests {
    extern crate std;

    use std::{collections::BTreeSet, string::ToString};

    use super::*;

    #[test]
    fn each_number_of_decimals_has_its_currencies() {
        for (code, scale) in [("JPY", 0), ("EUR", 2), ("ZWG", 2), ("TND", 3), ("UYW", 4)] {
            let currency = Currency::from_code(code).expect("an active code");
            assert_eq!((currency.code(), currency.scale()), (code, scale));
            assert_eq!(currency.to_string(), code);
        }
    }

    #[test]
    fn the_table_is_sorted_complete_and_names_nothing_twice() {
        let mut seen = BTreeSet::new();
        for (scale, codes) in ACTIVE {
            assert!(codes.split(' ').is_sorted(), "{scale}");
            for code in codes.split(' ') {
                let currency = Currency::from_code(code).expect("a code of the table");
                assert_eq!(currency.scale(), scale);
                assert!(seen.insert(code), "{code} is there twice");
            }
        }
        assert_eq!(seen.len(), 165);
    }

    #[test]
    fn other_texts_are_refused_with_a_reason() {
        for malformed in ["", "EU", "EURO", "eur", "€", "E R", "ÉU", "12A"] {
            assert_eq!(
                Currency::from_code(malformed),
                Err(CurrencyError::Malformed)
            );
        }
        for unknown in ["XAU", "XXX", "DEM", "BGN", "ABC"] {
            let error = Currency::from_code(unknown).expect_err("not active");
            assert_eq!(
                error.to_string(),
                std::format!("{unknown} is not an active ISO 4217 currency with minor units")
            );
        }
    }
}
