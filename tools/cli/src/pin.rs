//! PINs: from a file, from the environment, or typed without echo. Never from an argument, where
//! every user of the machine could read them.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::failure::{Failure, Result};

/// A PIN, wiped when dropped.
pub type Pin = Zeroizing<String>;

/// Longest line that is read as a PIN, in bytes.
const LINE_MAX: usize = 256;

/// Where the PIN comes from.
pub struct PinSource {
    /// `--pin-file`.
    pub file: Option<PathBuf>,
    /// `TALLY_PIN`.
    pub variable: Option<Pin>,
}

impl PinSource {
    /// The PIN: from the file, else from the environment, else asked for on the terminal; `None` if
    /// there is no terminal either.
    pub fn read(&self, prompt: &str) -> Result<Option<Pin>> {
        match (&self.file, &self.variable) {
            (Some(path), _) => first_line(path, "PIN").map(Some),
            (None, Some(pin)) => Ok(Some(pin.clone())),
            (None, None) => ask(prompt),
        }
    }

    /// A new PIN, which is asked for twice if it is typed.
    pub fn read_new(&self, prompt: &str) -> Result<Pin> {
        let missing = || Failure::usage("there is no terminal to ask for the PIN: give a file");
        if self.file.is_some() || self.variable.is_some() {
            return self.read(prompt)?.ok_or_else(missing);
        }
        let first = ask(prompt)?.ok_or_else(missing)?;
        let second = ask("the same again")?.ok_or_else(missing)?;
        if first != second {
            return Err(Failure::usage("the two PINs are not the same"));
        }
        Ok(first)
    }
}

/// The first line of a file, without its end.
/// The first line of a file, which holds a secret of this name and nothing else.
pub fn first_line(path: &Path, name: &str) -> Result<Pin> {
    let bytes = fs::read(path)
        .map(Zeroizing::new)
        .map_err(|error| Failure::file(path, error))?;
    let line = bytes
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let text = std::str::from_utf8(line)
        .ok()
        .filter(|text| !text.is_empty() && text.len() <= LINE_MAX)
        .ok_or_else(|| {
            Failure::usage(format!("{}: its first line is no {name}", path.display()))
        })?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// Asks on the controlling terminal, without echo; `None` if there is no terminal.
fn ask(prompt: &str) -> Result<Option<Pin>> {
    let Ok(mut tty) = File::options().read(true).write(true).open("/dev/tty") else {
        return Ok(None);
    };
    let failed = |error: io::Error| Failure::failed(format!("the terminal: {error}"));
    let before = tcgetattr(&tty).map_err(|error| failed(error.into()))?;
    let mut silent = before.clone();
    // Keys come one by one, also Ctrl-C, so that the echo is always switched on again.
    silent.local_modes -= LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
    silent.special_codes[SpecialCodeIndex::VMIN] = 1;
    silent.special_codes[SpecialCodeIndex::VTIME] = 0;
    write!(tty, "{prompt}: ").map_err(failed)?;
    tcsetattr(&tty, OptionalActions::Flush, &silent).map_err(|error| failed(error.into()))?;
    let typed = read_typed(&mut tty);
    let _ = tcsetattr(&tty, OptionalActions::Now, &before);
    let _ = writeln!(tty);
    match typed.map_err(failed)? {
        Some(pin) => Ok(Some(pin)),
        None => Err(Failure::failed("no PIN was given")),
    }
}

/// Reads keys up to the end of a line; `None` when the person gives up (Ctrl-C, Ctrl-D).
fn read_typed(keys: &mut impl Read) -> io::Result<Option<Pin>> {
    let mut pin = Zeroizing::new(Vec::with_capacity(LINE_MAX));
    loop {
        let mut key = Zeroizing::new([0]);
        keys.read_exact(&mut *key)?;
        match key[0] {
            b'\r' | b'\n' => break,
            0x03 | 0x04 => return Ok(None),
            // Backspace takes back a whole character of UTF-8.
            0x08 | 0x7f => while pin.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {},
            // Ctrl-U.
            0x15 => pin.clear(),
            byte if pin.len() < LINE_MAX => pin.push(byte),
            _ => {}
        }
    }
    let text = std::str::from_utf8(&pin).map_err(io::Error::other)?;
    Ok(Some(Zeroizing::new(text.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_file(bytes: &[u8]) -> Result<Pin> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("pin");
        fs::write(&path, bytes).expect("a file");
        first_line(&path, "PIN")
    }

    #[test]
    fn a_file_gives_its_first_line() {
        for bytes in [
            &b"123456"[..],
            b"123456\n",
            b"123456\r\n",
            b"123456\nmore\n",
        ] {
            assert_eq!(from_file(bytes).expect("a PIN").as_str(), "123456");
        }
    }

    #[test]
    fn a_file_without_a_pin_is_an_error_that_does_not_show_it() {
        for bytes in [&b""[..], b"\n123456", b"12\xff456", &[b'7'; LINE_MAX + 1]] {
            let failure = from_file(bytes).expect_err("no PIN");
            assert!(failure.text.ends_with("its first line is no PIN"));
        }
    }

    #[test]
    fn keys_can_be_taken_back_and_the_person_can_give_up() {
        let typed = |keys: &[u8]| {
            read_typed(&mut &keys[..])
                .expect("a line")
                .map(|pin| pin.as_str().to_owned())
        };
        assert_eq!(typed(b"123456\r").as_deref(), Some("123456"));
        assert_eq!(typed(b"19\x7f2\xc3\xa9\x7f3\n").as_deref(), Some("123"));
        assert_eq!(typed(b"99\x15123\n").as_deref(), Some("123"));
        assert_eq!(typed(b"12\x03"), None);
        assert_eq!(typed(b"\x04"), None);
    }

    #[test]
    fn the_file_comes_before_the_environment() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("pin");
        fs::write(&file, "file").expect("a file");
        let variable = Some(Zeroizing::new("variable".to_owned()));
        let both = PinSource {
            file: Some(file),
            variable: variable.clone(),
        };
        assert_eq!(
            both.read("PIN").expect("a PIN").expect("a PIN").as_str(),
            "file"
        );
        let one = PinSource {
            file: None,
            variable,
        };
        assert_eq!(one.read_new("PIN").expect("a PIN").as_str(), "variable");
    }
}
