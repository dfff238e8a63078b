//! A key file of LightPHE: `{"public_key": {"p", "g", "y"}, "private_key": {"x"}}`, as JSON or as
//! Python writes a dictionary. And the same the other way round, for keys of ours.

use std::{fs::File, io::BufReader, io::Read, path::Path};

use core_nostd::{
    ciphersuite::SuiteId,
    group::ffdhe::{Prime2048, Prime3072, SafePrime},
};
use crypto_bigint::{
    BoxedUint, Odd, Resize,
    modular::{BoxedMontyForm, BoxedMontyParams},
};
use zeroize::Zeroizing;

use super::text::{TextError, Token, Tokens, is_decimal};
use crate::failure::{Failure, Result};

/// Longest key file in bytes.
const FILE_LEN_MAX: u64 = 1 << 16;
/// Longest `p` in bits: LightPHE makes it from a key size of twice that.
pub const P_BITS_MAX: u32 = 8192;

/// What a key file holds. Every number is within its bounds of length, and nothing else is known
/// about them.
pub struct KeyFile {
    /// The modulus.
    pub p: BoxedUint,
    /// The base.
    pub g: BoxedUint,
    /// The public key.
    pub y: BoxedUint,
    /// The private key, if it is there. Wiped when dropped.
    pub x: Option<Zeroizing<BoxedUint>>,
}

/// A private key that a token can have.
pub struct Takeover {
    /// The suite whose group it is of.
    pub suite: SuiteId,
    /// `x` modulo the order of `g`: big-endian, as long as an element of the suite.
    pub x: Zeroizing<Vec<u8>>,
    /// The public key, encoded.
    pub y: Vec<u8>,
    /// Whether `x` was larger than the order of `g` and is written another way.
    pub was_reduced: bool,
}

impl KeyFile {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|error| Failure::file(path, error))?;
        let len = file
            .metadata()
            .map_err(|error| Failure::file(path, error))?
            .len();
        let refused = |why: String| Failure::usage(format!("{}: {why}", path.display()));
        if len > FILE_LEN_MAX {
            return Err(refused(format!(
                "a key file has at most {FILE_LEN_MAX} bytes"
            )));
        }
        let tokens = Tokens::new(BufReader::new(file.take(FILE_LEN_MAX)));
        Self::parse(tokens).map_err(|error| {
            refused(format!(
                "it is no key file of LightPHE's exponential ElGamal: {error}"
            ))
        })
    }

    fn parse(mut tokens: Tokens<impl std::io::BufRead>) -> Result<Self, TextError> {
        let mut key = [const { None }; 4];
        tokens.expect(b'{')?;
        let mut more = !tokens.at(b'}')?;
        while more {
            let names: &[&str] = match name(&mut tokens)?.as_str() {
                "public_key" => &["p", "g", "y"],
                "private_key" => &["x"],
                other => return Err(unknown(&tokens, other)),
            };
            fields(&mut tokens, names, &mut key)?;
            more = tokens.goes_on(b'}')?;
        }
        tokens.expect_end()?;
        let [p, g, y, x] = key;
        let missing = |name| tokens.error(format!("`{name}` is missing in the public key"));
        let key = Self {
            p: p.ok_or_else(|| missing("p"))?,
            g: g.ok_or_else(|| missing("g"))?,
            y: y.ok_or_else(|| missing("y"))?,
            x: x.map(Zeroizing::new),
        };
        if key.p.bits_vartime() > P_BITS_MAX {
            return Err(tokens.error(format!("p has more than {P_BITS_MAX} bits")));
        }
        Ok(key)
    }

    /// The suite whose group has this modulus.
    pub fn suite(&self) -> Option<SuiteId> {
        [SuiteId::Ffdhe2048, SuiteId::Ffdhe3072]
            .into_iter()
            .find(|suite| prime(*suite).is_some_and(|p| p == self.p))
    }

    /// The modulus, if it is odd and above 1.
    pub fn odd_modulus(&self) -> Option<Odd<BoxedUint>> {
        let is_large = self.p.bits_vartime() > 1;
        self.p.as_odd_vartime().filter(|_| is_large).cloned()
    }

    /// Whether `y == g^x`; `None` without `x`, or if `p` is even.
    pub fn is_consistent(&self) -> Option<bool> {
        let params = BoxedMontyParams::new_vartime(self.odd_modulus()?);
        let x = self.x.as_ref()?;
        let power = residue(&self.g, &params).pow(x);
        Some(power.retrieve() == self.y)
    }

    /// The key as a token takes it, or every reason why it can't.
    pub fn takeover(&self) -> Result<Takeover, Vec<String>> {
        let mut reasons = Vec::new();
        let suite = self.suite();
        if suite.is_none() {
            reasons.push(
                "p is not the prime of ffdhe2048 or ffdhe3072 (RFC 7919), the groups there are here"
                    .to_owned(),
            );
        }
        if self.g != BoxedUint::from(2_u8) {
            reasons.push("g is not 2, which generates the group of prime order".to_owned());
        }
        match self.is_consistent() {
            Some(true) => {}
            Some(false) => reasons.push("y is not g^x: the two are not of one key".to_owned()),
            None if self.x.is_none() => {
                reasons.push("there is no private key in the file".to_owned());
            }
            None => reasons.push("p is even".to_owned()),
        }
        let (Some(suite), Some(x), true) = (suite, &self.x, reasons.is_empty()) else {
            return Err(reasons);
        };
        // The order of 2 is q = (p − 1)/2: x and x mod q are the same key.
        let q = self.p.shr(1);
        let q = q.as_nz_vartime().expect("p is one of two large primes");
        let reduced = Zeroizing::new(x.rem(q));
        if bool::from(reduced.is_zero()) {
            return Err(vec![
                "x is 0 modulo the order of g: such a key hides nothing".to_owned(),
            ]);
        }
        Ok(Takeover {
            suite,
            x: fixed_len(&reduced, suite)
                .map(Zeroizing::new)
                .expect("below q"),
            y: fixed_len(&self.y, suite).expect("it is a power modulo p"),
            was_reduced: x.cmp_vartime(q.as_ref()).is_ge(),
        })
    }
}

/// The public key of a book as LightPHE reads it: bare integers in JSON, and only in suites of
/// finite fields.
pub fn to_lightphe(suite: SuiteId, public_key: &[u8]) -> Option<String> {
    let p = prime(suite)?.to_string_radix_vartime(10);
    let y = decimal(public_key);
    Some(format!(
        "{{\"public_key\": {{\"p\": {p}, \"g\": 2, \"y\": {y}}}}}"
    ))
}

/// A big-endian integer in decimal.
pub fn decimal(bytes: &[u8]) -> String {
    BoxedUint::from_be_slice_vartime(bytes).to_string_radix_vartime(10)
}

/// An integer as an element of this suite is encoded; `None` if it is longer.
pub fn fixed_len(integer: &BoxedUint, suite: SuiteId) -> Option<Vec<u8>> {
    let trimmed = Zeroizing::new(integer.to_be_bytes_trimmed_vartime().into_vec());
    let mut bytes = vec![0; suite.element_len().checked_sub(trimmed.len())?];
    bytes.extend_from_slice(&trimmed);
    Some(bytes)
}

/// An integer modulo `p`.
pub fn residue(integer: &BoxedUint, params: &BoxedMontyParams) -> BoxedMontyForm {
    let reduced = integer.rem_vartime(params.modulus().as_nz_ref());
    BoxedMontyForm::new(reduced.resize_unchecked(params.bits_precision()), params)
}

/// A number in decimal that is not negative.
pub fn integer(digits: &str) -> Option<BoxedUint> {
    match digits {
        // The library's parser would make an integer of no length.
        "0" => Some(BoxedUint::zero()),
        _ if is_decimal(digits) => BoxedUint::from_str_radix_vartime(digits, 10).ok(),
        _ => None,
    }
}

/// The modulus of a suite.
fn prime(suite: SuiteId) -> Option<BoxedUint> {
    let bytes = match suite {
        SuiteId::Ffdhe2048 => Prime2048::P.to_be_bytes().as_ref().to_vec(),
        SuiteId::Ffdhe3072 => Prime3072::P.to_be_bytes().as_ref().to_vec(),
        _ => return None,
    };
    Some(BoxedUint::from_be_slice_vartime(&bytes))
}

/// The numbers of these names, in braces, into their places.
fn fields(
    tokens: &mut Tokens<impl std::io::BufRead>,
    names: &[&str],
    key: &mut [Option<BoxedUint>; 4],
) -> Result<(), TextError> {
    tokens.expect(b'{')?;
    let mut more = !tokens.at(b'}')?;
    while more {
        let name = name(tokens)?;
        let place = ["p", "g", "y", "x"]
            .iter()
            .position(|known| names.contains(known) && *known == name.as_str())
            .ok_or_else(|| unknown(tokens, &name))?;
        let value = match tokens.next()? {
            Token::Integer(digits) => integer(&digits),
            _ => None,
        };
        let value = value
            .ok_or_else(|| tokens.error(format!("`{}` is a number that is not negative", *name)))?;
        if key[place].replace(value).is_some() {
            return Err(tokens.error(format!("`{}` is there twice", *name)));
        }
        more = tokens.goes_on(b'}')?;
    }
    Ok(())
}

/// A name and its colon.
fn name(tokens: &mut Tokens<impl std::io::BufRead>) -> Result<Zeroizing<String>, TextError> {
    let Token::Text(name) = tokens.next()? else {
        return Err(tokens.error("here should be a name in quotation marks"));
    };
    tokens.expect(b':')?;
    Ok(name)
}

fn unknown(tokens: &Tokens<impl std::io::BufRead>, name: &str) -> TextError {
    tokens.error(format!(
        "`{}` is no part of such a key; is it the key of another algorithm?",
        name.chars().take(32).collect::<String>()
    ))
}

#[cfg(test)]
pub(crate) mod tests;
