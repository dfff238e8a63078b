//! Hands the linker the memory map of this board and the script of `cortex-m-rt`.
//!
//! The arguments stand here rather than in RUSTFLAGS, so that they reach this package only.

fn main() {
    println!("cargo:rerun-if-changed=memory.x");
    // Unwrap safety: cargo sets it for every build script.
    let folder = std::env::var("CARGO_MANIFEST_DIR").expect("cargo runs this");
    println!("cargo:rustc-link-search={folder}");
    println!("cargo:rustc-link-arg-bins=-Tlink.x");
    // Memories here begin at any address, not only at those of a page of an operating system.
    println!("cargo:rustc-link-arg-bins=--nmagic");
}
