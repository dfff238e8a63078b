//! ElGamal in a finite field against Swiss Post's voting system.
//!
//! Their group is like ours, a 3072-bit safe prime and the generator 2, with another prime. Their
//! plaintexts are elements, and one nonce serves several keys: `(γ, φ_i) = (g^r, pk_i^r · m_i)`.
//! That is our ciphertext `(0, m_i)` re-randomised with the nonce `r` under the key `pk_i`.

use core::convert::Infallible;

use core_nostd::{
    ciphersuite::{Ciphersuite, Element, SuiteId},
    ciphertext::Ciphertext,
    error::DecodeError,
    group::{
        Group,
        ffdhe::{Ffdhe, SafePrime},
    },
    keys::{Nonce, PublicKey},
};
use crypto_bigint::{Odd, U3072};
use num_bigint::BigUint;
use rand_core::{TryCryptoRng, TryRng};

use super::{primes::is_safe_prime, vectors::Case};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct SwissPostPrime;

/// The prime is in this file too, because a group's prime must be known to the compiler.
impl SafePrime<{ U3072::LIMBS }> for SwissPostPrime {
    const P: Odd<U3072> = Odd::<U3072>::from_be_hex(
        "B7E151628AED2A6ABF7158809CF4F3C762E7160F38B4DA56A784D9045190CFEF\
         324E7738926CFBE5F4BF8D8D8C31D763DA06C80ABB1185EB4F7C7B5757F59584\
         90CFD47D7C19BB42158D9554F7B46BCED55C4D79FD5F24D6613C31C3839A2DDF\
         8A9A276BCFBFA1C877C56284DAB79CD4C2B3293D20E9E5EAF02AC60ACC93ED87\
         4422A52ECB238FEEE5AB6ADD835FD1A0753D0A8F78E537D2B95BB79D8DCAEC64\
         2C1E9F23B829B5C2780BF38737DF8BB300D01334A0D0BD8645CBFA73A6160FFE\
         393C48CBBBCA060F0FF8EC6D31BEB5CCEED7F2F0BB088017163BC60DF45A0ECB\
         1BCD289B06CBBFEA21AD08E1847F3F7378D56CED94640D6EF0D3D37BE67008E1\
         86D1BF275B9B241DEB64749A47DFDFB96632C3EB061B6472BBF84C26144E49C2\
         D04C324EF10DE513D3F5114B8B5D374D93CB8879C7D52FFD72BA0AAE7277DA7B\
         A1B4AF1488D8E836AF14865E6C37AB6876FE690B571121382AF341AFE94F77BC\
         F06C83B8FF5675F0979074AD9A787BC5B9BD4B0C5937D3EDE4C3A79396419CD7",
    );
    /// Their nonces are as long as `q`.
    const SHORT_BITS: u32 = 3072;
    type Bytes = [u8; 384];
    type WideBytes = [u8; 400];
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct SwissPost;

impl Ciphersuite for SwissPost {
    /// Enters hashes only, and nothing is hashed here.
    const ID: SuiteId = SuiteId::Ffdhe3072;
    type Group = Ffdhe<SwissPostPrime, { U3072::LIMBS }>;
}

type G = <SwissPost as Ciphersuite>::Group;

#[test]
fn their_prime_is_of_the_kind_that_our_arithmetic_expects() {
    let group = file().case("group");
    let [p, q] = ["p", "q"].map(|field| BigUint::from_bytes_be(&group.bytes(field)));
    assert_eq!(
        SwissPostPrime::P.as_ref().to_be_bytes().as_ref(),
        group.bytes("p")
    );
    assert_eq!((p.bits(), &p % 8u8), (3072, BigUint::from(7u8)));
    assert_eq!(q, &p >> 1);
    assert!(is_safe_prime(&p, group.number("g")));
}

#[test]
fn encryptions_are_theirs() {
    for case in file().cases("encryption") {
        let r = case.bytes("r");
        let gamma = case.array("gamma");
        assert_eq!(
            G::encode(&G::mul_base(&G::decode_scalar(&r).unwrap())),
            gamma
        );
        let keys = case.byte_strings("pk");
        let messages = case.byte_strings("m");
        let phis = case.byte_strings("phis");
        assert_eq!((keys.len(), messages.len(), phis.len()), (2, 2, 2));
        for i in 0..2 {
            assert_eq!(
                encrypt(&keys[i], &messages[i], &r),
                (gamma, array(&phis[i]))
            );

            let mut another_r = r.clone();
            another_r[383] ^= 1;
            let other = encrypt(&keys[i], &messages[i], &another_r);
            assert!(
                other.0 != gamma && other.1 != array(&phis[i]),
                "another nonce"
            );
            let other = encrypt(&keys[1 - i], &messages[i], &r);
            assert!(
                other.0 == gamma && other.1 != array(&phis[i]),
                "another key"
            );
            let other = encrypt(&keys[i], &messages[1 - i], &r);
            assert!(
                other.0 == gamma && other.1 != array(&phis[i]),
                "another message"
            );
        }
    }
}

#[test]
fn products_of_their_ciphertexts_are_our_sums() {
    for case in file().cases("product") {
        let [a, b, product] = ["a", "b", "product"].map(|field| ciphertexts(&case.case(field)));
        assert_eq!((a.len(), b.len(), product.len()), (2, 2, 2));
        for i in 0..2 {
            assert_eq!(a[i] + b[i], product[i]);
            assert_eq!(
                [a[i], b[i]].into_iter().sum::<Ciphertext<SwissPost>>(),
                product[i]
            );
            assert_eq!(product[i] - b[i], a[i]);
            assert_eq!(-(-product[i] + a[i]), b[i]);
            assert_ne!(a[i] + a[i], product[i], "another ciphertext");
            assert_ne!(a[i] + b[1 - i], product[i], "another part");
        }
    }
}

#[test]
fn what_is_no_element_of_their_group_is_refused() {
    let p = BigUint::from_bytes_be(&file().case("group").bytes("p"));
    let case = &file().cases("product")[0].case("product");
    let refusal = |integer: BigUint| {
        let mut bytes = integer.to_bytes_be();
        bytes.splice(..0, vec![0; 384 - bytes.len()]);
        G::decode(&bytes).err()
    };
    for square in [vec![case.bytes("gamma")], case.byte_strings("phis")].concat() {
        let square = BigUint::from_bytes_be(&square);
        assert_eq!(refusal(square.clone()), None);
        // −1 is no square modulo a safe prime, so neither is the negative of a square.
        assert_eq!(refusal(&p - square), Some(DecodeError::NotInSubgroup));
    }
    let zero_p_and_the_generator_again = [BigUint::ZERO, p.clone(), p + 2u8];
    for integer in zero_p_and_the_generator_again {
        assert_eq!(refusal(integer), Some(DecodeError::NonCanonical));
    }
}

fn file() -> Case {
    Case::file("swisspost_elgamal.json")
}

/// `(g^r, pk^r · m)`, by the functions that encrypt and re-randomise amounts.
fn encrypt(public_key: &[u8], message: &[u8], r: &[u8]) -> ([u8; 384], [u8; 384]) {
    let wide = [&[0; 16], r].concat();
    let nonce = Nonce::<SwissPost>::random(&mut Given(wide));
    let message = Ciphertext {
        c1: G::identity(),
        c2: element(message),
    };
    let public_key = PublicKey::<SwissPost>::from_bytes(public_key).unwrap();
    public_key.rerandomize(&message, nonce).to_bytes()
}

fn ciphertexts(case: &Case) -> Vec<Ciphertext<SwissPost>> {
    let gamma = case.bytes("gamma");
    let phis = case.byte_strings("phis");
    phis.iter()
        .map(|phi| Ciphertext::from_bytes(&gamma, phi).unwrap())
        .collect()
}

fn element(bytes: &[u8]) -> Element<SwissPost> {
    G::decode(bytes).unwrap()
}

fn array(bytes: &[u8]) -> [u8; 384] {
    bytes.try_into().unwrap()
}

/// A generator of given bytes, from first to last.
struct Given(Vec<u8>);

impl TryRng for Given {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        let given: Vec<u8> = self.0.drain(..dst.len()).collect();
        dst.copy_from_slice(&given);
        Ok(())
    }
}

impl TryCryptoRng for Given {}
