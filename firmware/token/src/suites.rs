//! The suites of this image, and the one place where a number becomes a type.

use core_nostd::ciphersuite::SuiteId;

/// Evaluates an expression of type `Result<_, TokenError>` in which `$S` is the suite with this
/// number, or answers that the image does not have it.
macro_rules! in_suite {
    ($suite:expr, $S:ident => $result:expr) => {
        match $suite {
            core_nostd::ciphersuite::SuiteId::Ristretto255 => {
                type $S = core_nostd::ciphersuite::Ristretto255Sha512;
                $result
            }
            #[cfg(feature = "ffdhe")]
            core_nostd::ciphersuite::SuiteId::Ffdhe2048 => {
                type $S = core_nostd::ciphersuite::Ffdhe2048Sha512;
                $result
            }
            #[cfg(feature = "ffdhe")]
            core_nostd::ciphersuite::SuiteId::Ffdhe3072 => {
                type $S = core_nostd::ciphersuite::Ffdhe3072Sha512;
                $result
            }
            _ => Err(core_nostd::wire::TokenError::SuiteUnsupported),
        }
    };
}

pub(crate) use in_suite;

/// Whether this image has a suite.
pub(crate) const fn is_here(suite: SuiteId) -> bool {
    matches!(suite, SuiteId::Ristretto255) || cfg!(feature = "ffdhe")
}

/// The suites of this image: bit `n` for the suite with number `n`.
pub(crate) fn bits() -> u8 {
    let here = SuiteId::ALL.into_iter().filter(|suite| is_here(*suite));
    here.fold(0, |bits, suite| bits | 1 << suite as u8)
}
