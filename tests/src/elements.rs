//! Group elements whose logarithms the test knows, so that it also knows every sum.

use core_nostd::group::{Group, ristretto255::Ristretto255};
use host_api::Base64;

/// The element of ristretto255 with this logarithm, as it is sent.
#[must_use]
pub fn element(logarithm: i64) -> Base64 {
    let element = Ristretto255::mul_base_i64(logarithm);
    Ristretto255::encode(&element).as_slice().into()
}
