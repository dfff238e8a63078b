//! The groups: the laws of every one, the numbers of RFC 7919 and the vectors of RFC 9496.

mod generic {
    pub mod group;
}

use core_nostd::{
    error::DecodeError,
    group::{
        ByteArray, Group,
        ffdhe::{Ffdhe2048, Ffdhe3072},
        ristretto255::Ristretto255,
    },
};
use generic::group::{self as check, KnownGroup};
use num_bigint::BigUint;

/// Runs every check that holds in any group on one of them.
macro_rules! every_group {
    ($($name:ident: $group:ty,)+) => {$(
        mod $name {
            use super::*;

            #[test]
            fn group_laws() {
                check::check_group_laws::<$group>();
            }
            #[test]
            fn multiplication_is_a_homomorphism() {
                check::check_multiplication_is_a_homomorphism::<$group>();
            }
            #[test]
            fn base_multiplication_is_multiplication_of_the_generator() {
                check::check_base_multiplication::<$group>();
            }
            #[test]
            fn short_multiplication_is_multiplication() {
                check::check_short_multiplication::<$group>();
            }
            #[test]
            fn i64_multiplication_is_multiplication() {
                check::check_i64_multiplication::<$group>();
            }
            #[test]
            fn encodings_come_back() {
                check::check_encodings::<$group>();
            }
            #[test]
            fn scalars_are_integers_modulo_the_order() {
                check::check_scalars::<$group>();
            }
            #[test]
            fn reduction_is_modulo_the_order() {
                check::check_reduction::<$group>();
            }
        }
    )+};
}

every_group! {
    ristretto255: Ristretto255,
    ffdhe2048: Ffdhe2048,
    ffdhe3072: Ffdhe3072,
}

impl KnownGroup for Ristretto255 {
    const SHORT_LEN: usize = 32;
    /// 2^252 + 27742317777372353535851937790883648493.
    fn order() -> BigUint {
        (BigUint::from(1u8) << 252) + 27_742_317_777_372_353_535_851_937_790_883_648_493_u128
    }
    fn integer(bytes: &[u8]) -> BigUint {
        BigUint::from_bytes_le(bytes)
    }
    fn scalar_bytes(integer: &BigUint) -> [u8; 32] {
        let mut bytes = integer.to_bytes_le();
        bytes.resize(32, 0);
        bytes.try_into().expect("at most 32 bytes")
    }
}

impl KnownGroup for Ffdhe2048 {
    const SHORT_LEN: usize = 32;
    fn order() -> BigUint {
        rfc_7919_prime(2048, 560_316) >> 1
    }
    fn integer(bytes: &[u8]) -> BigUint {
        BigUint::from_bytes_be(bytes)
    }
    fn scalar_bytes(integer: &BigUint) -> [u8; 256] {
        big_endian(integer)
    }
}

impl KnownGroup for Ffdhe3072 {
    const SHORT_LEN: usize = 36;
    fn order() -> BigUint {
        rfc_7919_prime(3072, 2_625_351) >> 1
    }
    fn integer(bytes: &[u8]) -> BigUint {
        BigUint::from_bytes_be(bytes)
    }
    fn scalar_bytes(integer: &BigUint) -> [u8; 384] {
        big_endian(integer)
    }
}

fn big_endian<B: ByteArray>(integer: &BigUint) -> B {
    let mut bytes = B::zeroed();
    let digits = integer.to_bytes_be();
    bytes
        .as_mut()
        .iter_mut()
        .rev()
        .zip(digits.iter().rev())
        .for_each(|(to, from)| *to = *from);
    assert_eq!(&BigUint::from_bytes_be(bytes.as_ref()), integer, "it fits");
    bytes
}

/// `2^n − 2^(n−64) + (⌊2^(n−130)·e⌋ + X)·2^64 − 1`, the rule of RFC 7919 appendix A.
fn rfc_7919_prime(bits: u32, x: u32) -> BigUint {
    let one = || BigUint::from(1u8);
    // e = Σ 1/k!, with 64 bits to spare for what each of the few hundred terms loses.
    let mut term = one() << (bits - 130 + 64);
    let mut e = BigUint::ZERO;
    for k in 1u32.. {
        if term == BigUint::ZERO {
            break;
        }
        e += &term;
        term /= k;
    }
    (one() << bits) - (one() << (bits - 64)) + (((e >> 64) + x) << 64) - 1u8
}

/// Residues modulo the published prime, against the oracle.
fn check_residues<G: KnownGroup>() {
    let q = G::order();
    let p = &q * 2u8 + 1u8;
    let two = BigUint::from(2u8);
    let encoded = |element: &G::Element| BigUint::from_bytes_be(G::encode(element).as_ref());

    assert_eq!(encoded(&G::identity()), BigUint::from(1u8));
    assert_eq!(encoded(&G::generator()), two);
    assert_eq!(
        two.modpow(&q, &p),
        BigUint::from(1u8),
        "the generator has order q"
    );

    let mut rng = check::rng(9);
    let [a, b] = [(); 2].map(|()| check::random_scalar::<G>(&mut rng));
    let exponent = |scalar: &G::Scalar| G::integer(G::encode_scalar(scalar).as_ref());
    let (at_a, at_b) = (G::mul_base(&a), G::mul_base(&b));
    assert_eq!(encoded(&at_a), two.modpow(&exponent(&a), &p));
    assert_eq!(
        encoded(&G::mul(&at_a, &b)),
        encoded(&at_a).modpow(&exponent(&b), &p)
    );
    assert_eq!(
        encoded(&(at_a + at_b)),
        encoded(&at_a) * encoded(&at_b) % &p
    );
    assert_eq!(
        encoded(&(at_a - at_b)) * encoded(&at_b) % &p,
        encoded(&at_a)
    );
    let shift = BigUint::from(1u8) << 63;
    assert_eq!(encoded(&-G::mul_base_i64(i64::MIN)), two.modpow(&shift, &p));
}

/// Whatever is no square modulo the prime is refused, and why.
fn check_residues_refused<G: KnownGroup>() {
    let p = G::order() * 2u8 + 1u8;
    let refusal = |integer: &BigUint| {
        let bytes: G::ElementBytes = big_endian(integer);
        G::decode(bytes.as_ref()).err()
    };
    let most = (BigUint::from(1u8) << (8 * G::ElementBytes::LEN)) - 1u8;
    for integer in [BigUint::ZERO, p.clone(), &p + 1u8, &p + 2u8, most] {
        assert_eq!(refusal(&integer), Some(DecodeError::NonCanonical));
    }
    // −1 is no square modulo a safe prime, so neither is the negative of any square.
    let element = check::random_element::<G>(&mut check::rng(10));
    let square = BigUint::from_bytes_be(G::encode(&element).as_ref());
    assert_eq!(refusal(&square), None);
    for integer in [&p - 1u8, &p - 2u8, &p - &square] {
        assert_eq!(refusal(&integer), Some(DecodeError::NotInSubgroup));
    }
    // Euler's criterion finds squares without a Jacobi symbol.
    let q = G::order();
    for small in 2..20u8 {
        let small = BigUint::from(small);
        let is_square = small.modpow(&q, &p) == BigUint::from(1u8);
        assert_eq!(refusal(&small).is_none(), is_square, "{small}");
    }
}

#[test]
fn residues_of_ffdhe2048_are_powers_modulo_the_prime() {
    check_residues::<Ffdhe2048>();
}

#[test]
fn residues_of_ffdhe3072_are_powers_modulo_the_prime() {
    check_residues::<Ffdhe3072>();
}

#[test]
fn ffdhe2048_decodes_squares_only() {
    check_residues_refused::<Ffdhe2048>();
}

#[test]
fn ffdhe3072_decodes_squares_only() {
    check_residues_refused::<Ffdhe3072>();
}

#[test]
fn the_primes_follow_the_rule_of_rfc_7919() {
    use core_nostd::group::ffdhe::{Prime2048, Prime3072, SafePrime};

    let stored = Prime2048::P.as_ref().to_be_bytes();
    assert_eq!(
        BigUint::from_bytes_be(stored.as_ref()),
        rfc_7919_prime(2048, 560_316)
    );
    let stored = Prime3072::P.as_ref().to_be_bytes();
    assert_eq!(
        BigUint::from_bytes_be(stored.as_ref()),
        rfc_7919_prime(3072, 2_625_351)
    );
}

#[test]
fn an_ffdhe_element_is_shown_by_its_last_bytes() {
    assert_eq!(
        format!("{:?}", Ffdhe2048::generator()),
        "Element(…0000000000000002)"
    );
}

#[test]
fn multiples_of_the_ristretto255_generator_are_those_of_rfc_9496() {
    let mut multiple = Ristretto255::identity();
    for (factor, encoding) in (0i64..).zip(RFC_9496_A1_MULTIPLES) {
        assert_eq!(hex::encode(Ristretto255::encode(&multiple)), encoding);
        assert_eq!(Ristretto255::mul_base_i64(factor), multiple);
        let bytes = hex::decode(encoding).expect("hex");
        assert_eq!(Ristretto255::decode(&bytes), Ok(multiple));
        multiple = multiple + Ristretto255::generator();
    }
}

#[test]
fn ristretto255_refuses_the_encodings_that_rfc_9496_calls_invalid() {
    for encoding in RFC_9496_A2_INVALID {
        let bytes = hex::decode(encoding).expect("hex");
        assert_eq!(
            Ristretto255::decode(&bytes),
            Err(DecodeError::NonCanonical),
            "{encoding}"
        );
    }
}

/// RFC 9496 appendix A.1: 0·G to 15·G.
const RFC_9496_A1_MULTIPLES: [&str; 16] = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76",
    "6a493210f7499cd17fecb510ae0cea23a110e8d5b901f8acadd3095c73a3b919",
    "94741f5d5d52755ece4f23f044ee27d5d1ea1e2bd196b462166b16152a9d0259",
    "da80862773358b466ffadfe0b3293ab3d9fd53c5ea6c955358f568322daf6a57",
    "e882b131016b52c1d3337080187cf768423efccbb517bb495ab812c4160ff44e",
    "f64746d3c92b13050ed8d80236a7f0007c3b3f962f5ba793d19a601ebb1df403",
    "44f53520926ec81fbd5a387845beb7df85a96a24ece18738bdcfa6a7822a176d",
    "903293d8f2287ebe10e2374dc1a53e0bc887e592699f02d077d5263cdd55601c",
    "02622ace8f7303a31cafc63f8fc48fdc16e1c8c8d234b2f0d6685282a9076031",
    "20706fd788b2720a1ed2a5dad4952b01f413bcf0e7564de8cdc816689e2db95f",
    "bce83f8ba5dd2fa572864c24ba1810f9522bc6004afe95877ac73241cafdab42",
    "e4549ee16b9aa03099ca208c67adafcafa4c3f3e4e5303de6026e3ca8ff84460",
    "aa52e000df2e16f55fb1032fc33bc42742dad6bd5a8fc0be0167436c5948501f",
    "46376b80f409b29dc2b5f6f0c52591990896e5716f41477cd30085ab7f10301e",
    "e0c418f7c8d9c4cdd7395b93ea124f3ad99021bb681dfc3302a9d99a2e53e64e",
];

/// RFC 9496 appendix A.2.
const RFC_9496_A2_INVALID: [&str; 29] = [
    // Not the smallest encoding of a field element.
    "00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "f3ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    // Negative field elements.
    "0100000000000000000000000000000000000000000000000000000000000000",
    "01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ed57ffd8c914fb201471d1c3d245ce3c746fcbe63a3679d51b6a516ebebe0e20",
    "c34c4e1826e5d403b78e246e88aa051c36ccf0aafebffe137d148a2bf9104562",
    "c940e5a4404157cfb1628b108db051a8d439e1a421394ec4ebccb9ec92a8ac78",
    "47cfc5497c53dc8e61c91d17fd626ffb1c49e2bca94eed052281b510b1117a24",
    "f1c6165d33367351b0da8f6e4511010c68174a03b6581212c71c0e1d026c3c72",
    "87260f7a2f12495118360f02c26a470f450dadf34a413d21042b43b9d93e1309",
    // x² is not a square.
    "26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371",
    "4eac077a713c57b4f4397629a4145982c661f48044dd3f96427d40b147d9742f",
    "de6a7b00deadc788eb6b6c8d20c0ae96c2f2019078fa604fee5b87d6e989ad7b",
    "bcab477be20861e01e4a0e295284146a510150d9817763caf1a6f4b422d67042",
    "2a292df7e32cababbd9de088d1d1abec9fc0440f637ed2fba145094dc14bea08",
    "f4a9e534fc0d216c44b218fa0c42d99635a0127ee2e53c712f70609649fdff22",
    "8268436f8c4126196cf64b3c7ddbda90746a378625f9813dd9b8457077256731",
    "2810e5cbc2cc4d4eece54f61c6f69758e289aa7ab440b3cbeaa21995c2f4232b",
    // x·y is negative.
    "3eb858e78f5a7254d8c9731174a94f76755fd3941c0ac93735c07ba14579630e",
    "a45fdc55c76448c049a1ab33f17023edfb2be3581e9c7aade8a6125215e04220",
    "d483fe813c6ba647ebbfd3ec41adca1c6130c2beeee9d9bf065c8d151c5f396e",
    "8a2e1d30050198c65a54483123960ccc38aef6848e1ec8f5f780e8523769ba32",
    "32888462f8b486c68ad7dd9610be5192bbeaf3b443951ac1a8118419d9fa097b",
    "227142501b9d4355ccba290404bde41575b037693cef1f438c47f8fbf35d1165",
    "5c37cc491da847cfeb9281d407efc41e15144c876e0170b499a96a22ed31e01e",
    "445425117cb8c90edcbc7c1cc0e74f747f2c1efa5630a967c64f287792a48a4b",
    // s = −1, hence y = 0.
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];
