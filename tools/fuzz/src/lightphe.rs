//! Files of LightPHE, as the command line takes them apart.

#[expect(dead_code, reason = "the command line uses the rest")]
#[path = "../../cli/src/lightphe/text.rs"]
mod text;

use text::{Token, Tokens};

use crate::within_heap;

/// What a token, its copy and an error message may take.
const HEAP_MAX: usize = 16 * 1024;

/// Tokens up to the end of the file: marks, whole numbers without idle zeros, and text. Written
/// again with one space between, they are the same tokens. Only one is in memory at a time.
pub fn lightphe_text(data: &[u8]) -> bool {
    let Some(written) = rewrite(data) else {
        return false;
    };
    assert_eq!(rewrite(written.as_bytes()), Some(written));
    true
}

fn rewrite(data: &[u8]) -> Option<String> {
    let mut tokens = Tokens::new(data);
    let mut written = String::new();
    loop {
        match within_heap(HEAP_MAX, || tokens.next()).ok()? {
            Token::Mark(mark) => written.push(char::from(mark)),
            Token::Integer(digits) => {
                assert_eq!(integer(&digits), *digits, "a number has one form");
                written += &digits;
            }
            Token::Text(text) => {
                assert!(!text.contains(['\\', '\n', '\r', '\0']));
                let quote = if text.contains('"') { '\'' } else { '"' };
                written.extend([quote]);
                written += &text;
                written.extend([quote]);
            }
            Token::End => return Some(written),
        }
        written.push(' ');
    }
}

/// The number without a plus or zeros in front.
fn integer(digits: &str) -> String {
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", digits),
    };
    assert!(!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()));
    let significant = digits.trim_start_matches('0');
    let significant = if significant.is_empty() {
        "0"
    } else {
        significant
    };
    format!("{sign}{significant}")
}
