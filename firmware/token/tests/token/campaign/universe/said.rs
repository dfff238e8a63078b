//! Everything that a token has ever said, by what it is about. Said again, it must be the same.

use std::{collections::HashMap, rc::Rc};

use core_nostd::{
    ids::{BookId, WriterId},
    keys::WriterKey,
    tag::Cut as CutMac,
    wire::{Response, Role, SignedEntry, audit::chain},
};

use super::{Universe, office};
use crate::{
    bench::Reply,
    campaign::model::{Command, Model, Who, each_event},
};

#[derive(Default)]
pub struct Said {
    before: Option<Rc<Said>>,
    words: HashMap<Topic, Rc<[u8]>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    Writer {
        writer: u32,
    },
    Entry {
        writer: u32,
        book: BookId,
        seq: u64,
    },
    Cut {
        writer: u32,
        book: BookId,
        position: u64,
    },
    Statement {
        life: u32,
        number: u64,
    },
    PublicKey {
        life: u32,
        book: BookId,
    },
    /// Handle and sealed box of the one NID.
    Handle {
        life: u32,
        book: BookId,
    },
    /// The hash of the audit log before the event with this number.
    Chain {
        number: u64,
    },
    /// The key of a writer elsewhere.
    WriterKey {
        life: u32,
        who: Who,
    },
    /// The keys that all writers have.
    SharedKeys {
        life: u32,
    },
    Grant {
        life: u32,
        book: BookId,
        who: Who,
    },
}

impl Said {
    /// Goes on with what was said before.
    pub fn after(before: &Rc<Self>) -> Self {
        Self {
            before: Some(before.clone()),
            words: HashMap::new(),
        }
    }

    /// Everything in one place, where it is found sooner.
    pub fn all(self) -> Self {
        let before = self.before.as_ref();
        let mut words = before.map_or_else(HashMap::new, |before| before.words.clone());
        words.extend(self.words);
        Self {
            before: None,
            words,
        }
    }

    pub fn get(&self, topic: &Topic) -> Option<&[u8]> {
        let here = self.words.get(topic).map(|words| &**words);
        here.or_else(|| self.before.as_ref()?.get(topic))
    }

    pub fn hear(&mut self, topic: Topic, words: &[u8]) {
        match self.get(&topic) {
            Some(before) => assert_eq!(before, words, "{topic:?} has changed"),
            None => _ = self.words.insert(topic, words.into()),
        }
    }
}

impl<const KIB: u32, const PAGE: usize> Universe<KIB, PAGE> {
    /// Whether the identifiers in an answer may be those of this model. Its own is the one it has
    /// always had; at first it is the one with which it has joined, or one that was never seen.
    pub(super) fn fits(&self, model: &Model, command: Command, reply: &Reply) -> bool {
        let said = |writer| self.said.get(&Topic::Writer { writer });
        match (reply.response(), command) {
            (Response::Hello(info), _) => match (info.writer, said(model.writer())) {
                (Some(id), Some(before)) => id.0 == before,
                (Some(id), None) if model.role() == Some(Role::Writer) => id == self.office.joining,
                (Some(id), None) => (1..=model.writers).all(|writer| said(writer) != Some(&id.0)),
                (None, _) => model.writer() == 0,
            },
            (Response::Writer(info), Command::Writer(place)) => match model.list()[place].who {
                Who::Own(writer) => said(writer) == Some(&info.writer.0),
                Who::Elsewhere(_) => true,
            },
            _ => true,
        }
    }

    /// Compares an answer with all before.
    pub(super) fn hear(&mut self, command: Command, reply: &Reply) {
        let Model { life, .. } = self.possible[0];
        let writer = self.possible[0].writer();
        match reply.response() {
            Response::Hello(info) => {
                if let Some(WriterId(id)) = info.writer {
                    self.said.hear(Topic::Writer { writer }, &id);
                }
            }
            Response::Posted {
                writer: id,
                first_seq,
                cut,
                entries,
            } => {
                self.said.hear(Topic::Writer { writer }, &id.0);
                self.hear_entries(command, first_seq, entries);
                cut.into_iter().for_each(|cut| self.hear_cut(command, cut));
            }
            Response::Cut { cut, .. } => self.hear_cut(command, cut),
            Response::Statement(record) => {
                let number = record.number;
                self.said
                    .hear(Topic::Statement { life, number }, &reply.message);
            }
            Response::PublicKey(bytes) => {
                let book = self.id(command.place());
                if self.possible[0].role() == Some(Role::Writer) {
                    assert_eq!(bytes, office::public_key(&book), "its treasury's key");
                }
                self.said.hear(Topic::PublicKey { life, book }, bytes);
            }
            Response::Handle { handle, sealed_nid } => {
                let book = self.id(command.place());
                if self.possible[0].role() == Some(Role::Writer) {
                    let (of_treasury, sealed) = office::handle(&book);
                    assert_eq!((handle, sealed_nid), (of_treasury, &sealed[..]));
                }
                let words = [&handle.0, sealed_nid].concat();
                self.said.hear(Topic::Handle { life, book }, &words);
            }
            Response::AuditLog {
                first,
                before,
                events,
            } => self.hear_log(first, before, events),
            Response::BookGrant {
                public_key, mac, ..
            } => self.hear_grant(command, &public_key, &mac),
            response => {
                if let Some(keys) = self.office.hear(&response)
                    && let Command::EnrolGrant(number) = command
                {
                    let (key, shared) = keys.split_at(32);
                    let who = Who::Elsewhere(number);
                    self.said.hear(Topic::WriterKey { life, who }, key);
                    self.said.hear(Topic::SharedKeys { life }, shared);
                }
            }
        }
    }

    fn hear_entries(&mut self, command: Command, first: u64, mut entries: &[u8]) {
        let (writer, book) = (self.possible[0].writer(), self.id(command.place()));
        for seq in first.. {
            let whole = entries;
            if SignedEntry::next_of(&mut entries).is_none() {
                break;
            }
            let entry = &whole[..whole.len() - entries.len()];
            self.said.hear(Topic::Entry { writer, book, seq }, entry);
        }
    }

    fn hear_cut(&mut self, command: Command, CutMac { position, mac }: CutMac) {
        let topic = Topic::Cut {
            writer: self.possible[0].writer(),
            book: self.id(command.place()),
            position,
        };
        self.said.hear(topic, &mac);
    }

    /// Every event goes on with the chain that was heard before.
    fn hear_log(&mut self, first: u64, before: [u8; 32], events: &[u8]) {
        self.said.hear(Topic::Chain { number: first }, &before);
        let mut hash = before;
        for (number, (_, event)) in (first..).zip(each_event(events)) {
            hash = chain(&hash, number, event);
            let number = number + 1;
            self.said.hear(Topic::Chain { number }, &hash);
        }
    }

    /// What is granted to a writer is believed by who has its keys.
    fn hear_grant(&mut self, command: Command, public_key: &[u8; 32], mac: &[u8; 32]) {
        let Command::GrantBook(place, listed) = command else {
            panic!("{command:?} grants no book");
        };
        let Model { life, .. } = self.possible[0];
        let book = self.id(place);
        let who = self.possible[0].list()[listed].who;
        self.said.hear(Topic::PublicKey { life, book }, public_key);
        self.said.hear(Topic::Grant { life, book, who }, mac);
        if let Some(key) = self.said.get(&Topic::WriterKey { life, who }) {
            let key = WriterKey::from_bytes(key.try_into().expect("32 bytes"));
            assert!(key.is_granted(&book, public_key, mac), "{self:?}");
        }
    }
}
