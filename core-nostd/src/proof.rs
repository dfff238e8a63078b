//! Zero-knowledge proofs about public elements.

pub mod dleq;
