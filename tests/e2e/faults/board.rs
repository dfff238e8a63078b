//! The emulated board at the other end of a pipe, and a host that talks to it.

use core_nostd::wire::{
    FRAME_LEN_MAX, FrameHeader, Request, Response, VERSION_CURRENT,
    frame::{self, FrameReader},
};
use e2e_tests::python::{self, Peer};
use serde::Deserialize;
use serde_json::json;

/// The functions that instructions are left out of, as parts of linker names: the token's
/// behaviour, its store and flash, the button, and the checks of tags and seals.
const SCOPE: [&str; 8] = [
    "firmware_token",
    "sequential_storage",
    "mps2_an386..flash",
    "mps2_an386..panel",
    "5panel",
    "5flash",
    "10core_nostd3tag",
    "10core_nostd4seal4open",
];

/// Those of them that only carry bytes: the coding of frames, and the checksum of flash items.
const CARRIERS: [&str; 5] = ["6serial6encode", "4byte", "5parse", "Piecewise", "crc32"];

/// Functions that are in the scope when one in the scope calls them: comparisons in constant time.
const CALLED: [&str; 1] = ["subtle"];

/// The function in which a PIN is compared.
const COMPARISON: &str = "10core_nostd4seal4open";

/// The board with the firmware image, and a client.
pub struct Board {
    machine: Peer,
    sessions: u64,
}

/// What a run has led to, as the machine tells it.
#[derive(Debug, Deserialize)]
pub struct Outcome {
    /// The function an instruction was left out of, and where; for a whole run nothing, and the
    /// number of its instructions.
    place: (String, u32),
    /// `idle` if the token waits for the next request, otherwise how it has ended.
    pub ended: String,
    /// What it has sent.
    bytes: String,
    /// What it has answered to the questions that were put to it then.
    then: Vec<String>,
    /// How often a PIN was compared, all in all.
    #[serde(rename = "watched")]
    pub comparisons: u8,
}

impl Outcome {
    /// What the token has sent until it was idle again.
    pub fn sent(&self) -> Vec<u8> {
        unhex(&self.bytes)
    }

    /// What it has answered to the questions.
    pub fn then(&self) -> impl Iterator<Item = Vec<u8>> {
        self.then.iter().map(|digits| unhex(digits))
    }

    /// Where an instruction was left out, with the path of the function as far as it is known.
    pub fn place(&self) -> String {
        let (name, offset) = &self.place;
        format!("{}+{offset:#x}", readable(name))
    }

    /// The number of instructions of a whole run.
    pub fn count(&self) -> u32 {
        self.place.1
    }
}

/// Something to ask a token after a run.
pub struct Question {
    /// Bytes for the line.
    pub data: Vec<u8>,
    /// Whether it is restarted first.
    pub restart: bool,
    /// Whether it is asked only if the flash is another than before.
    pub if_changed: bool,
}

/// A run in which instructions are left out.
pub struct Attack {
    /// What the host sends.
    pub data: Vec<u8>,
    /// What the person presses.
    pub person: Option<char>,
    /// Whether it begins with power-on.
    pub restart: bool,
    /// What is asked afterwards.
    pub then: Vec<Question>,
}

impl Board {
    /// A board fresh from the factory, with the image that `FIRMWARE_ELF` names.
    pub fn start() -> Self {
        let elf = std::env::var_os("FIRMWARE_ELF").expect("FIRMWARE_ELF names the image");
        let mut command = python::command("faults/machine.py", "UNICORN");
        Self {
            machine: Peer::start(command.arg(elf)),
            sessions: 0,
        }
    }

    /// Takes the power away and gives it back.
    pub fn restart(&mut self) {
        self.machine.tell(&json!({"op": "power_on"}));
        assert_eq!(self.machine.answer(), "idle");
    }

    /// The bytes of a session with these requests.
    pub fn session(&mut self, requests: &[Request<'_>]) -> Vec<u8> {
        self.sessions += 1;
        let all = [&[Request::Hello], requests].concat();
        let frames = all.iter().zip(1..).flat_map(|(request, id)| {
            let header = FrameHeader {
                version: VERSION_CURRENT,
                session: self.sessions.to_be_bytes(),
                id,
            };
            let message = postcard::to_allocvec(request).expect("serialisable");
            let mut out = vec![0; FRAME_LEN_MAX + 64];
            let len = frame::encode(&header, &message, &mut out).expect("it fits");
            out.truncate(len);
            out
        });
        frames.collect()
    }

    /// Lets the token read its store.
    pub fn hello(&mut self) {
        let started = self.call(&Request::Hello, |response| {
            matches!(response, Response::Hello(_))
        });
        assert!(started);
    }

    /// Makes a request, with a person who says yes, and returns what `read` makes of the answer.
    pub fn call<R>(&mut self, request: &Request<'_>, read: impl Fn(&Response<'_>) -> R) -> R {
        let data = hex::encode(self.session(std::slice::from_ref(request)));
        self.machine
            .tell(&json!({"op": "talk", "data": data, "answer": u32::from('y')}));
        let answer = self.machine.answer();
        assert_eq!(answer["ended"], "idle");
        let bytes = answer["bytes"].as_str().expect("a string");
        let messages = messages(&unhex(bytes));
        let last = messages.last().expect("an answer");
        read(&postcard::from_bytes(last).expect("a response"))
    }

    /// Makes a request that is answered with `Done`.
    pub fn done(&mut self, request: &Request<'_>) {
        let done = self.call(request, |response| *response == Response::Done);
        assert!(done, "{request:?}");
    }

    /// Leaves out every `step`-th of the instructions of an attack from number `first` on, each
    /// in a run of its own. Returns what comes of the whole run, nothing left out.
    pub fn leave_out(
        &mut self,
        attack: &Attack,
        first: u32,
        step: u32,
        mut each: impl FnMut(Outcome),
    ) -> Outcome {
        let then = attack.then.iter().map(|question| {
            json!({
                "data": hex::encode(&question.data),
                "restart": question.restart,
                "if_changed": question.if_changed,
            })
        });
        self.machine.tell(&json!({
            "op": "campaign",
            "data": hex::encode(&attack.data),
            "answer": attack.person.map(u32::from),
            "restart": attack.restart,
            "scope": {"in": SCOPE, "out": CARRIERS, "called": CALLED},
            "watch": COMPARISON,
            "first": first,
            "step": step,
            "then": then.collect::<Vec<_>>(),
        }));
        while let Some(outcome) = serde_json::from_value(self.machine.answer()).expect("an outcome")
        {
            each(outcome);
        }
        serde_json::from_value(self.machine.answer()).expect("an outcome")
    }
}

/// Calls `read` with each response among these bytes; what a fault has garbled is passed over.
pub fn responses(bytes: &[u8], mut read: impl FnMut(&Response<'_>)) {
    for message in messages(bytes) {
        if let Ok((response, _)) = postcard::take_from_bytes(&message) {
            read(&response);
        }
    }
}

/// The messages of the whole frames among these bytes.
fn messages(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut reader = FrameReader::<{ FRAME_LEN_MAX + 64 }>::new();
    let mut messages = Vec::new();
    for byte in bytes {
        if reader.push(*byte)
            && let Ok((_, message)) = reader.frame()
        {
            messages.push(message.to_vec());
        }
    }
    messages
}

fn unhex(digits: &str) -> Vec<u8> {
    hex::decode(digits).expect("hexadecimal digits")
}

/// The last two names of a path as the linker has it, which is lengths and names in turn.
fn readable(name: &str) -> String {
    let mut rest = name.strip_prefix("_ZN").unwrap_or_default();
    let mut names = Vec::new();
    while let Some(end) = rest
        .find(|c: char| !c.is_ascii_digit())
        .filter(|end| *end > 0)
    {
        let len: usize = rest[..end].parse().expect("few digits");
        let Some(name) = rest.get(end..end + len) else {
            break;
        };
        names.push(name);
        rest = &rest[end + len..];
    }
    // The last one is a hash.
    names.pop();
    match names.as_slice() {
        [] => name.to_owned(),
        [.., module, function] if !module.starts_with('_') => format!("{module}::{function}"),
        [.., module, _, function] => format!("{module}::{function}"),
        [.., function] => (*function).to_owned(),
    }
}
