//! A suite chosen by the first byte of an input, and a book in it.

use std::marker::PhantomData;

use core_nostd::{
    book::{BookKind, BookRules},
    ciphersuite::{Ciphersuite, SuiteId, SuiteVisitor},
    currency::Currency,
};

/// A check of bytes that is the same in every suite.
pub(crate) trait InSuite {
    /// Returns whether `bytes` were a value.
    fn check<S: Ciphersuite>(bytes: &[u8]) -> bool;
}

/// Runs `C` in the suite whose number is the first byte, on the bytes behind it.
pub(crate) fn of_first_byte<C: InSuite>(data: &[u8]) -> bool {
    let Some((number, bytes)) = data.split_first() else {
        return false;
    };
    SuiteId::from_u8(*number).is_some_and(|suite| {
        suite.dispatch(Visit::<C> {
            bytes,
            check: PhantomData,
        })
    })
}

struct Visit<'a, C> {
    bytes: &'a [u8],
    check: PhantomData<C>,
}

impl<C: InSuite> SuiteVisitor for Visit<'_, C> {
    type Output = bool;

    fn visit<S: Ciphersuite>(self) -> bool {
        C::check::<S>(self.bytes)
    }
}

/// The rules of the book that everything genuine belongs to.
pub(crate) fn rules(suite: SuiteId, kind: BookKind) -> BookRules<'static> {
    BookRules {
        suite,
        kind,
        currency: Currency::from_code("EUR").expect("an active code"),
        cap: 100_000_000,
        min_entries: 16,
        name: "savings",
    }
}
