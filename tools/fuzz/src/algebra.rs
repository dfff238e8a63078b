//! Elements, scalars, and what is made of them. The first byte of an input is the suite's number.

use core_nostd::{
    ciphersuite::{Ciphersuite, ElementBytes, ScalarBytes, SuiteId},
    ciphertext::Ciphertext,
    error::DecodeError,
    group::{ByteArray, Group},
    keys::PublicKey,
    proof::dleq::DleqProof,
    tag::TaggedSum,
};

use crate::{
    suite::{InSuite, of_first_byte},
    without_heap,
};

/// An element: it encodes to the same bytes, and `q·E` is the identity. In a finite-field suite,
/// of `x` and `p − x` exactly one is an element.
pub fn element(data: &[u8]) -> bool {
    of_first_byte::<AnElement>(data)
}

/// A scalar: accepted if and only if it is as long as `q` and below it, and it encodes to the same
/// bytes.
pub fn scalar(data: &[u8]) -> bool {
    of_first_byte::<AScalar>(data)
}

/// `c1` and `c2` in one: accepted if and only if both are elements and `c1` is not the identity;
/// the same for a public key, and for a sum with its tag.
pub fn ciphertext(data: &[u8]) -> bool {
    of_first_byte::<ACiphertext>(data)
}

/// `c` and `s` of a proof in one: accepted if and only if both are scalars.
pub fn proof(data: &[u8]) -> bool {
    of_first_byte::<AProof>(data)
}

struct AnElement;

impl InSuite for AnElement {
    fn check<S: Ciphersuite>(bytes: &[u8]) -> bool {
        let len = ElementBytes::<S>::LEN;
        let decoded = without_heap(|| S::Group::decode(bytes));
        assert_eq!(decoded == Err(DecodeError::Length), bytes.len() != len);
        if S::ID != SuiteId::Ristretto255
            && let Some(opposite) = below_prime::<S>(bytes)
        {
            // −1 is not a square modulo p, so of x and p − x one is.
            assert_ne!(decoded.is_ok(), S::Group::decode(&opposite).is_ok());
        }
        let strict = without_heap(|| S::Group::decode_non_identity(bytes));
        let Ok(element) = decoded else {
            assert_eq!(strict, decoded);
            return false;
        };
        assert_eq!(S::Group::encode(&element).as_ref(), bytes);
        assert_eq!(S::Group::mul(&element, &greatest::<S>()), -element);
        assert_eq!(
            strict == Err(DecodeError::Identity),
            element == S::Group::identity()
        );
        true
    }
}

/// `q − 1`.
fn greatest<S: Ciphersuite>() -> <S::Group as Group>::Scalar {
    -S::Group::scalar_from_i64(1)
}

/// `p − x` if these bytes are an `x` with `0 < x < p`, big-endian.
fn below_prime<S: Ciphersuite>(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut prime = prime::<S>();
    let is_zero = bytes.iter().all(|byte| *byte == 0);
    if bytes.len() != prime.len() || is_zero || bytes >= prime.as_slice() {
        return None;
    }
    let mut borrow = false;
    for (byte, taken) in prime.iter_mut().zip(bytes).rev() {
        let (difference, once) = byte.overflowing_sub(*taken);
        let (difference, twice) = difference.overflowing_sub(u8::from(borrow));
        (*byte, borrow) = (difference, once || twice);
    }
    Some(prime)
}

/// `p = 2(q − 1) + 3` of a finite-field suite, big-endian.
pub(crate) fn prime<S: Ciphersuite>() -> Vec<u8> {
    let mut prime = S::Group::encode_scalar(&greatest::<S>()).as_ref().to_vec();
    let mut carry = 3;
    for byte in prime.iter_mut().rev() {
        let sum = 2 * u16::from(*byte) + carry;
        (*byte, carry) = (sum.to_be_bytes()[1], sum >> 8);
    }
    prime
}

struct AScalar;

impl InSuite for AScalar {
    fn check<S: Ciphersuite>(bytes: &[u8]) -> bool {
        let most_significant_first = |bytes: &[u8]| {
            let mut bytes = bytes.to_vec();
            if S::ID == SuiteId::Ristretto255 {
                bytes.reverse();
            }
            bytes
        };
        let greatest = S::Group::encode_scalar(&greatest::<S>());
        let fits = bytes.len() == ScalarBytes::<S>::LEN
            && most_significant_first(bytes) <= most_significant_first(greatest.as_ref());
        match without_heap(|| S::Group::decode_scalar(bytes)) {
            Ok(scalar) => {
                assert!(fits, "a scalar that is not below q");
                assert_eq!(S::Group::encode_scalar(&scalar).as_ref(), bytes);
            }
            Err(DecodeError::Length) => assert_ne!(bytes.len(), ScalarBytes::<S>::LEN),
            Err(_) => assert!(!fits, "a scalar below q was refused"),
        }
        fits
    }
}

struct ACiphertext;

impl InSuite for ACiphertext {
    fn check<S: Ciphersuite>(bytes: &[u8]) -> bool {
        let (c1, c2) = bytes.split_at(bytes.len().min(ElementBytes::<S>::LEN));
        let first = S::Group::decode_non_identity(c1);
        let second = S::Group::decode(c2);
        let key = without_heap(|| PublicKey::<S>::from_bytes(c1));
        assert_eq!(key.map(|key| *key.element()), first);
        if let Ok(key) = key {
            assert_eq!(key.to_bytes().as_ref(), c1);
        }
        let tagged = without_heap(|| TaggedSum::<S>::from_bytes(c1, c2, c1));
        let ciphertext = without_heap(|| Ciphertext::<S>::from_bytes(c1, c2));
        let is_second_identity = second == Ok(S::Group::identity());
        assert_eq!(tagged.is_ok(), ciphertext.is_ok() && !is_second_identity);
        assert_eq!(ciphertext.is_ok(), first.is_ok() && second.is_ok());
        let Ok(ciphertext) = ciphertext else {
            return false;
        };
        let (again_c1, again_c2) = ciphertext.to_bytes();
        assert_eq!((again_c1.as_ref(), again_c2.as_ref()), (c1, c2));
        assert_eq!(ciphertext + -ciphertext, Ciphertext::zero());
        true
    }
}

struct AProof;

impl InSuite for AProof {
    fn check<S: Ciphersuite>(bytes: &[u8]) -> bool {
        let (c, s) = bytes.split_at(bytes.len().min(ScalarBytes::<S>::LEN));
        let are_scalars = S::Group::decode_scalar(c).is_ok() && S::Group::decode_scalar(s).is_ok();
        let proof = without_heap(|| DleqProof::<S>::from_bytes(c, s));
        assert_eq!(proof.is_ok(), are_scalars);
        if let Ok(proof) = proof {
            let (again_c, again_s) = proof.to_bytes();
            assert_eq!((again_c.as_ref(), again_s.as_ref()), (c, s));
        }
        are_scalars
    }
}
