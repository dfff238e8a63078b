//! The serial lines of an emulated token, with an echo in the token's place.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread;

use embedded_io::{Read as _, ReadReady as _, Write as _};
use emulator::{Error, FileFlash, HostClock, Listener, Parts, Person, Pty, Serial, TestOnly};
use tempfile::TempDir;

const BUSY: &[u8] = b"busy frame\0";

/// Sends back what arrives, in a thread that lasts as long as the line (or the process).
fn echo(mut serial: Serial) {
    thread::spawn(move || {
        let mut bytes = [0; 1000];
        while let Ok(len @ 1..) = serial.read(&mut bytes) {
            if serial.write_all(&bytes[..len]).is_err() {
                break;
            }
        }
    });
}

fn socket_path() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    let path = folder.path().join("token.sock");
    (folder, path)
}

fn listen(path: &Path) -> Serial {
    Serial::Listener(Listener::bind(path, BUSY.to_vec()).expect("the path is free"))
}

fn exchange(client: &mut (impl Read + Write), sent: &[u8]) {
    client.write_all(sent).unwrap();
    let mut received = vec![0; sent.len()];
    client.read_exact(&mut received).unwrap();
    assert_eq!(received, sent);
}

fn open_device(path: &Path) -> File {
    OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .unwrap()
}

#[test]
fn a_pseudo_terminal_passes_every_byte_unchanged() {
    let pty = Pty::open().unwrap();
    let mut client = open_device(pty.path());
    echo(Serial::Pty(pty));
    // Line ends, interrupt, end of file, flow control, parity marks, delete: all plain bytes.
    exchange(
        &mut client,
        &[
            0x00, 0x03, 0x04, 0x0a, 0x0d, 0x11, 0x13, 0x1a, 0x1c, 0x7f, 0xff,
        ],
    );
    exchange(&mut client, &[0xff; 64]);
    let all: Vec<u8> = (0..=255).collect();
    exchange(&mut client, &all);
}

#[test]
fn a_pseudo_terminal_carries_more_than_its_buffer() {
    let pty = Pty::open().unwrap();
    let mut client = open_device(pty.path());
    echo(Serial::Pty(pty));
    let sent: Vec<u8> = (0..200_000_u32)
        .map(|i| i.to_le_bytes()[i as usize % 3])
        .collect();
    let mut writer = client.try_clone().unwrap();
    let to_send = sent.clone();
    let thread = thread::spawn(move || writer.write_all(&to_send));
    let mut received = vec![0; sent.len()];
    client.read_exact(&mut received).unwrap();
    thread.join().unwrap().unwrap();
    assert!(received == sent);
}

#[test]
fn a_pseudo_terminal_outlives_its_clients() {
    let pty = Pty::open().unwrap();
    let path = pty.path().to_owned();
    echo(Serial::Pty(pty));
    for _ in 0..3 {
        exchange(&mut open_device(&path), b"\x00hello\x03");
    }
}

#[test]
fn a_socket_serves_one_client_after_the_other() {
    let (_folder, path) = socket_path();
    echo(listen(&path));
    for _ in 0..3 {
        exchange(&mut UnixStream::connect(&path).unwrap(), &[0, 1, 2, 255]);
    }
}

#[test]
fn a_second_client_is_told_busy_and_the_first_is_not_disturbed() {
    let (_folder, path) = socket_path();
    echo(listen(&path));
    let mut first = UnixStream::connect(&path).unwrap();
    exchange(&mut first, b"one");
    for _ in 0..20 {
        let mut second = UnixStream::connect(&path).unwrap();
        let mut answer = Vec::new();
        second.read_to_end(&mut answer).unwrap();
        assert_eq!(answer, BUSY);
        second.write_all(b"too late, but no error").unwrap();
        exchange(&mut first, b"two");
    }
    drop(first);
    exchange(&mut UnixStream::connect(&path).unwrap(), b"three");
}

#[test]
fn a_new_client_never_meets_the_last_ones_bytes() {
    let (_folder, path) = socket_path();
    let mut serial = listen(&path);
    UnixStream::connect(&path)
        .unwrap()
        .write_all(b"old")
        .unwrap();
    let mut client = UnixStream::connect(&path).unwrap();
    client.write_all(b"new").unwrap();
    let mut bytes = [0; 16];
    assert_eq!(serial.read(&mut bytes).unwrap(), 3);
    assert_eq!(bytes[..3], *b"new");
}

#[test]
fn asking_for_input_never_blocks_and_a_hang_up_is_no_input() {
    let (_folder, path) = socket_path();
    let mut serial = listen(&path);
    assert!(!serial.read_ready().unwrap());
    let client = UnixStream::connect(&path).unwrap();
    assert!(!serial.read_ready().unwrap());
    drop(client);
    assert!(!serial.read_ready().unwrap());
    assert!(!serial.read_ready().unwrap());
    serial.write_all(b"to nobody").unwrap();
    let mut client = UnixStream::connect(&path).unwrap();
    client.write_all(b"x").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert!(!serial.read_ready().unwrap(), "this one only accepts");
    assert!(serial.read_ready().unwrap());
    assert_eq!(serial.read(&mut [0; 8]).unwrap(), 1);
}

#[test]
fn only_a_stale_socket_is_replaced() {
    let (folder, path) = socket_path();
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists(), "the listener left its file behind");
    let serial = listen(&path);
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let taken = Listener::bind(&path, Vec::new());
    assert!(matches!(taken, Err(Error::SocketInUse { .. })));
    drop(serial);
    assert!(!path.exists());

    let file = folder.path().join("letter.txt");
    std::fs::write(&file, "Dear Sir").unwrap();
    let refused = Listener::bind(&file, Vec::new());
    assert!(matches!(refused, Err(Error::NotASocket { .. })));
    assert_eq!(std::fs::read(&file).unwrap(), b"Dear Sir");
    let nowhere = Listener::bind(&folder.path().join("no/such/folder"), Vec::new());
    assert!(matches!(nowhere, Err(Error::Listen { .. })));
}

#[test]
fn a_token_in_this_process_ends_with_its_line_and_frees_its_state() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let mut states = Vec::new();
    for _ in 0..2 {
        let parts = Parts {
            flash: FileFlash::open(&path).unwrap(),
            person: Person::Always(false),
            clock: HostClock::real(),
            ceremony: false,
        };
        let (client, thread) = parts.spawn::<TestOnly>().unwrap();
        assert!(matches!(
            FileFlash::open(&path),
            Err(Error::StateInUse { .. })
        ));
        drop(client);
        thread.join().unwrap();
        states.push(std::fs::read(&path).unwrap()[..4096].to_vec());
    }
    assert_eq!(states[0], states[1], "the device page is made once");
    assert!(states[0].iter().any(|byte| *byte != 0xff));
}
