//! What the secrets of a token can't do, checked while this is compiled.

use core::{
    fmt::{Debug, Display},
    marker::PhantomData,
};

use super::{Identity, Pin, SealKey, Sealable, Secrets, Serialize, Vault};

/// Whether a type implements a trait, as a constant: the inherent constant, which is there only
/// if it does, hides the one of the trait `Otherwise`.
macro_rules! implements {
    ($type:ty: $trait:path) => {{
        #[allow(dead_code, reason = "one of the two constants is hidden")]
        trait Otherwise {
            const IT_DOES: bool = false;
        }
        struct Probe<T>(PhantomData<T>);
        impl<T> Otherwise for Probe<T> {}
        #[allow(dead_code, reason = "one of the two constants is hidden")]
        impl<T: $trait> Probe<T> {
            const IT_DOES: bool = true;
        }
        <Probe<$type>>::IT_DOES
    }};
}

macro_rules! assert_bare {
    ($($type:ty),+) => {$(
        const {
            assert!(!implements!($type: Debug) && !implements!($type: Display));
            assert!(!implements!($type: Clone) && !implements!($type: Copy));
            assert!(!implements!($type: Serialize));
        }
        assert!(core::mem::needs_drop::<$type>());
    )+};
}

/// (That they are wiped is looked at in memory, in the tests of the whole token.)
#[test]
fn secrets_can_be_neither_printed_nor_copied() {
    assert_bare!(Secrets, Vault, Pin, Sealable, SealKey);
    // The control.
    const { assert!(implements!(Identity: Clone) && implements!(Identity: Copy)) }
    const { assert!(implements!(u8: Debug) && implements!(u8: Display)) }
    const { assert!(implements!(u8: Serialize)) }
}
