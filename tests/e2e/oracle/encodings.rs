//! Which bytes are elements and scalars.

use core_nostd::group::{ByteArray, Group};
use e2e_tests::reference::ReferenceGroup;
use num_bigint::BigUint;
use proptest::prelude::*;

use super::{Checked, core_bytes, for_any, wide};

/// Bytes of the right length decode in both or in neither, to the same element; half of what is
/// drawn is near a true encoding.
pub fn check_elements<S: Checked>() {
    type Bytes<S> = <<S as core_nostd::ciphersuite::Ciphersuite>::Group as Group>::ElementBytes;
    let oracle = S::oracle();
    let near = (wide::<S>(), any::<bool>(), any::<prop::sample::Index>());
    let anything = prop::collection::vec(any::<u8>(), Bytes::<S>::LEN);
    for_any::<S, _>((near, anything), |((wide, flip, at), mut anything)| {
        let scalar = S::Group::reduce(&wide);
        let element = S::Group::mul_base(&scalar);
        let [mut bytes] = core_bytes::<S, 1>([element]);
        let k = oracle.integer(wide.as_ref()) % oracle.order();
        assert_eq!(bytes, oracle.encode(&oracle.base(&k)));
        let [negated] = core_bytes::<S, 1>([-element]);
        assert_eq!(negated, oracle.encode(&oracle.neg(&oracle.base(&k))));
        if flip {
            let i = at.index(8 * bytes.len());
            bytes[i / 8] ^= 1 << (i % 8);
        }
        // Field elements of ristretto255 have 255 bits and are even.
        if oracle.suite() == 1 {
            anything[0] &= 0xfe;
            anything[31] &= 0x7f;
        }
        for bytes in [bytes, anything] {
            let core = S::Group::decode(&bytes).ok();
            let again = oracle.decode(&bytes).map(|element| oracle.encode(&element));
            let core = core.map(|element| core_bytes::<S, 1>([element])[0].clone());
            assert_eq!(core, again);
            assert!(core.is_none_or(|core| core == bytes), "one encoding each");
        }
    });
}

/// Wide bytes reduce to the same scalar; integers around the order decode alike.
pub fn check_scalars<S: Checked>() {
    let oracle = S::oracle();
    let zero = oracle.scalar_bytes(&BigUint::ZERO);
    for_any::<S, _>((wide::<S>(), any::<u8>()), |(wide, offset)| {
        let encoded = S::Group::encode_scalar(&S::Group::reduce(&wide));
        let k = oracle.integer(wide.as_ref()) % oracle.order();
        assert_eq!(encoded.as_ref(), oracle.scalar_bytes(&k));
        assert_eq!(oracle.decode_scalar(encoded.as_ref()), Some(k));

        let most = (BigUint::from(1_u8) << (8 * zero.len())) - 1_u8;
        let near = [
            oracle.order() + offset,
            oracle.order() - offset,
            most - offset,
        ];
        for integer in near {
            let bytes = oracle.scalar_bytes(&integer);
            let core = S::Group::decode_scalar(&bytes).ok();
            let core = core.map(|scalar| oracle.integer(S::Group::encode_scalar(&scalar).as_ref()));
            assert_eq!(core, oracle.decode_scalar(&bytes));
        }
    });
}
