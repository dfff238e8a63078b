//! Amounts of entries, which pass the cap of a book first.

use core_nostd::{
    book::{BookKind, BookRules, CAP_MAX},
    cap::EntryAmount,
    ciphersuite::SuiteId,
    currency::Currency,
};

/// An amount that the rules of some book admit.
pub fn admitted(m: i64) -> EntryAmount {
    let rules = BookRules {
        suite: SuiteId::Ristretto255,
        kind: BookKind::Authenticated,
        currency: Currency::from_code("EUR").expect("an active code"),
        cap: CAP_MAX,
        min_entries: 16,
        name: "any",
    };
    rules.admit(m).expect("within the cap")
}
