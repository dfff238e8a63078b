//! The demo's token: the firmware as a process of this machine, or its image in QEMU.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use super::processes::{Folder, Running};
use crate::toolchain::WAYS;
use crate::{fetch, image, shell};

/// The board's external memory, which here plays the flash.
const FLASH_LEN: usize = 16 << 20;

/// A token that listens.
pub struct Token {
    /// As `tally --token` takes it.
    pub address: String,
    _running: Running,
}

/// The image and the emulator that runs it.
pub struct Firmware {
    elf: PathBuf,
    qemu: PathBuf,
}

/// Builds the image and gets the emulator.
pub fn firmware() -> Result<Firmware, String> {
    Ok(Firmware {
        elf: image::build(image::DEFAULT_BOARD, &WAYS)?,
        qemu: fetch::qemu()?,
    })
}

impl Token {
    /// The firmware's own logic in `tally emulate`, which asks for presence by itself.
    pub fn emulated(tally: &Path, folder: &Folder, asks: bool) -> Result<Self, String> {
        let socket = folder.path("token.sock");
        let address = format!("unix:{}", socket.display());
        let mut command = Command::new(tally);
        command.args([
            "emulate",
            "--listen",
            &address,
            "--presence",
            if asks { "ask" } else { "yes" },
        ]);
        command.arg("--state").arg(folder.path("token.state"));
        if !asks {
            command.stdin(Stdio::null());
        }
        let mut running = Running::start("the emulated token", &mut command)?;
        running.wait_for_socket(&socket)?;
        Ok(Self {
            address,
            _running: running,
        })
    }

    /// The image in QEMU. Its button is a serial line, behind which this demo sits.
    pub fn in_qemu(firmware: &Firmware, folder: &Folder, asks: bool) -> Result<Self, String> {
        let flash = folder.path("flash.bin");
        fs::write(&flash, vec![0xff; FLASH_LEN]).map_err(|error| failed(&flash, error))?;
        let [serial, button] = ["token.sock", "button.sock"].map(|name| folder.path(name));

        let mut command = Command::new(&firmware.qemu);
        command.args([
            "-machine",
            "mps2-an386,memory-backend=flash",
            "-cpu",
            "cortex-m4",
        ]);
        command.args(["-display", "none", "-monitor", "none"]);
        command.arg("-object").arg(format!(
            "memory-backend-file,id=flash,size={FLASH_LEN},share=on,mem-path={}",
            flash.display()
        ));
        let sockets = [("serial", &serial), ("button", &button)];
        for (id, path) in sockets {
            let path = path.display();
            command
                .arg("-chardev")
                .arg(format!("socket,id={id},path={path},server=on,wait=off"));
        }
        command
            .arg("-chardev")
            .arg(entropy(&firmware.qemu, folder)?);
        // UART0, UART1, UART2.
        for id in ["serial", "entropy", "button"] {
            command.arg("-serial").arg(format!("chardev:{id}"));
        }
        command
            .arg("-kernel")
            .arg(&firmware.elf)
            .stdin(Stdio::null());

        let mut running = Running::start("QEMU", &mut command)?;
        for (_, path) in sockets {
            running.wait_for_socket(path)?;
        }
        let line = UnixStream::connect(&button).map_err(|error| failed(&button, error))?;
        thread::spawn(move || press_button(line, asks));
        Ok(Self {
            address: format!("unix:{}", serial.display()),
            _running: running,
        })
    }
}

/// The board has no random number generator: its second serial line brings the host's.
fn entropy(qemu: &Path, folder: &Folder) -> Result<String, String> {
    if qemu_major(qemu)? >= 10 {
        return Ok("file,id=entropy,path=/dev/null,input-path=/dev/urandom".to_owned());
    }
    // Earlier versions can only read a pair of pipes, whose names end so.
    for (name, device) in [("entropy.in", "/dev/urandom"), ("entropy.out", "/dev/null")] {
        let path = folder.path(name);
        symlink(device, &path).map_err(|error| failed(&path, error))?;
    }
    Ok(format!(
        "pipe,id=entropy,path={}",
        folder.path("entropy").display()
    ))
}

fn qemu_major(qemu: &Path) -> Result<u32, String> {
    let text = shell::output(Command::new(qemu).arg("--version"))?;
    let version = text
        .split_whitespace()
        .skip_while(|word| *word != "version")
        .nth(1);
    let major = version.and_then(|version| version.split('.').next()?.parse().ok());
    major.ok_or_else(|| format!("cannot read the version of QEMU from `{}`", text.trim()))
}

/// Answers each question of the token, until the token is gone.
fn press_button(line: UnixStream, asks: bool) -> io::Result<()> {
    let mut answers = line.try_clone()?;
    for question in BufReader::new(line).lines() {
        println!("token: {}", question?);
        let answer = if asks { ask()? } else { b'y' };
        answers.write_all(&[answer])?;
    }
    Ok(())
}

/// Asks at the terminal, past any redirected output.
fn ask() -> io::Result<u8> {
    let mut terminal = File::options().read(true).write(true).open("/dev/tty")?;
    write!(terminal, "approve? [y/n] ")?;
    let mut answer = String::new();
    BufReader::new(terminal).read_line(&mut answer)?;
    Ok(if answer.trim().eq_ignore_ascii_case("y") {
        b'y'
    } else {
        b'n'
    })
}

fn failed(path: &Path, error: io::Error) -> String {
    format!("{}: {error}", path.display())
}
