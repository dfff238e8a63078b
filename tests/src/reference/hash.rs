//! Hash inputs and derivations of the oracle, from the definitions.

use hmac::{Hmac, KeyInit, Mac};
use num_bigint::BigUint;
use sha2::{Digest, Sha512};

use super::ReferenceGroup;

/// A field of a hash input: absent, a number, or bytes.
#[derive(Clone, Copy)]
pub enum Field<'a> {
    /// `00`.
    None,
    /// `01` and eight bytes, big-endian.
    Number(u64),
    /// `02`, the length in four bytes, and the bytes.
    Bytes(&'a [u8]),
}

impl From<Option<u64>> for Field<'_> {
    fn from(position: Option<u64>) -> Self {
        position.map_or(Self::None, Self::Number)
    }
}

/// All fields, one after the other.
pub fn encode(fields: &[Field<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    for field in fields {
        match field {
            Field::None => out.push(0),
            Field::Number(number) => {
                out.push(1);
                out.extend(number.to_be_bytes());
            }
            Field::Bytes(bytes) => {
                out.push(2);
                out.extend(u32::try_from(bytes.len()).expect("short").to_be_bytes());
                out.extend(*bytes);
            }
        }
    }
    out
}

/// SHA-512.
pub fn sha512(message: &[u8]) -> Vec<u8> {
    Sha512::digest(message).to_vec()
}

/// HMAC-SHA-512 in counter mode over the encoded fields.
pub fn prf(key: &[u8], fields: &[Field<'_>], len: usize) -> Vec<u8> {
    let input = encode(fields);
    let blocks = (0..=u8::MAX).map(|i| hmac(key, &[&[i], &input[..]].concat()));
    blocks.flatten().take(len).collect()
}

/// HKDF-SHA-512 (RFC 5869) with this project's salt and one block of output, cut to 32 bytes.
pub fn hkdf(seed: &[u8], label: &str) -> Vec<u8> {
    let prk = hmac(b"TALLYSTICK-v1", seed);
    hmac(&prk, &[label.as_bytes(), &[1]].concat())[..32].to_vec()
}

fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha512>::new_from_slice(key).expect("a key of any length");
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

/// `HashToScalar` of RFC 9497 with the group's number of uniform bytes.
pub fn hash_to_scalar<G: ReferenceGroup>(group: &G, message: &[u8], dst: &[u8]) -> BigUint {
    let uniform = expand_message_xmd(message, dst, group.wide_len());
    group.integer(&uniform) % group.order()
}

/// `expand_message_xmd` with SHA-512 (RFC 9380 section 5.3.1; section 5.3.3 for a long `dst`).
fn expand_message_xmd(message: &[u8], dst: &[u8], len: usize) -> Vec<u8> {
    let dst = match dst.len() {
        0..=255 => dst.to_vec(),
        _ => sha512(&[b"H2C-OVERSIZE-DST-", dst].concat()),
    };
    let dst_len = u8::try_from(dst.len()).expect("hashed if longer");
    let dst_prime = [&dst[..], &[dst_len]].concat();
    let lib_str = u16::try_from(len).expect("defined so far").to_be_bytes();
    let b_0 = sha512(&[&[0; 128], message, &lib_str, &[0], &dst_prime].concat());
    let mut b_i = sha512(&[&b_0[..], &[1], &dst_prime].concat());
    let mut uniform = b_i.clone();
    for i in 2..=u8::try_from(len.div_ceil(64)).expect("at most 255") {
        let xored: Vec<u8> = b_0.iter().zip(&b_i).map(|(x, y)| x ^ y).collect();
        b_i = sha512(&[&xored[..], &[i], &dst_prime].concat());
        uniform.extend(&b_i);
    }
    uniform.truncate(len);
    uniform
}
