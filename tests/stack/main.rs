//! How deep the stack of the firmware image gets: runs every command on it and looks at the paint.
//!
//! The image is the one that `FIRMWARE_ELF` names. Each group of commands runs on a machine that
//! was just switched on, and gets a line: its name, and the bytes of stack used since then.
//! `cargo xtask sizes` runs this and holds the greatest number to a budget.
#![forbid(unsafe_code)]

mod commands;

use core_nostd::wire::State;
use e2e_tests::token::{AnyClient, Carrier, TestToken};

use crate::commands::{GROUPS, PIN};

/// What the image fills its unused stack with.
const PAINT: u32 = 0x5aa5_5aa5;

/// The last word of the stack; the first word of the vector table says where it begins.
const STACK_END: u32 = 0x2000_0000;

fn main() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut token = TestToken::start(Carrier::Qemu, dir.path());
    for group in GROUPS {
        match group.in_ceremony_mode {
            true => token.restart_in_ceremony_mode(),
            false => token.restart(),
        }
        let mut client = token.client();
        if client.info().suites & 1 << group.suite as u8 == 0 {
            continue;
        }
        if client.info().state != State::Empty {
            client.unlock(PIN).expect("the right PIN");
        }
        (group.run)(&mut client);
        println!("{:<24} {:>6}", group.name, stack_used(&token, client));
    }
}

/// Bytes of stack that are not painted any more. The answer to a last question shows that the token
/// is through with all before it.
fn stack_used(token: &TestToken, mut client: AnyClient) -> usize {
    client.hello().expect("it is still there");
    let machine = token.machine();
    let words = |address, len| {
        let bytes = machine.memory(address, len);
        let words = bytes.chunks_exact(4).map(|word| {
            let word: [u8; 4] = word.try_into().expect("four bytes");
            u32::from_le_bytes(word)
        });
        words.collect::<Vec<_>>()
    };
    let start = words(0, 4)[0];
    let stack = words(STACK_END, start - STACK_END);
    let painted = stack.iter().take_while(|word| **word == PAINT).count();
    assert!(painted > 0, "the stack is full or was never painted");
    4 * (stack.len() - painted)
}
