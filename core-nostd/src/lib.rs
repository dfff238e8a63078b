//! Exponential ElGamal with authenticated sums.
#![no_std]
#![forbid(unsafe_code)]
