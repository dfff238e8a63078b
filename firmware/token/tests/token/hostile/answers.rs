//! The token's answers, held against the model's.

use core_nostd::{
    backup::Share,
    ids::BookId,
    nid::Nid,
    wire::{FRAME_LEN_MAX, Posting, Request, Response, SignedEntry, TokenError},
};
use firmware_token::TRIES_MAX;

use serde::Serialize;

use super::{
    driver::{BOOKS, Driver},
    model::{Book, Circumstances, Entry, Keys, Reply, Statement},
    step::{Action, Person, Step},
};
use crate::{
    bench::{self, Answer, frame, raw_frame},
    ledger::{S, Sum, check_statement, public_key},
};

impl Driver {
    pub(super) fn simply(&mut self, request: &Request<'_>, person: Person) {
        self.ask(request, person, Circumstances::default());
    }

    /// Makes a request of token and model, which must agree.
    pub(super) fn ask(&mut self, request: &Request<'_>, person: Person, known: Circumstances) {
        let message = encode(request);
        let known = Circumstances { message, ..known };
        let verdict = self.model.verdict(request, person, &known);
        self.tally.entry(format!("{request:?}")).or_default()[usize::from(verdict.is_err())] += 1;
        let before = verdict.is_err().then(|| self.observe());
        let reply = self.send(request, person);
        assert_eq!(
            verdict.err(),
            reply.error(),
            "{request:?}, {person:?}: expected left, got {reply:?}"
        );
        match (verdict, before) {
            (Ok(()), _) => self.apply(request, &known, &reply),
            (Err(TokenError::WrongPin { tries_left }), _) => {
                let keys = self.model.keys.as_mut().expect("a token with a PIN");
                keys.tries_spent = TRIES_MAX - tries_left;
                keys.unlocked &= tries_left > 0;
            }
            (Err(_), before) => assert!(
                Some(self.observe()) == before,
                "{request:?} was refused and has changed something"
            ),
        }
    }

    fn send(&mut self, request: &Request<'_>, person: Person) -> bench::Reply {
        let answer = match person {
            Person::Yes => None,
            Person::No => Some(Answer::No),
            Person::Never | Person::Cancelled => Some(Answer::Never),
        };
        self.bench.world.button.borrow_mut().answers = answer.into_iter().collect();
        let hello = frame(&self.bench.new_session(), &Request::Hello);
        let header = self.bench.header();
        let mut frames = vec![hello, frame(&header, request)];
        if person == Person::Cancelled {
            frames.push(frame(&self.bench.header(), &Request::Cancel));
        }
        let replies = self.bench.serve(&frames);
        self.bench.world.button.borrow_mut().answers.clear();
        let mut replies = replies.into_iter().rev();
        let last = replies.find(|reply| reply.header == header);
        last.unwrap_or_else(|| panic!("{request:?} is not answered"))
    }

    /// All that a host can see of the token, and its flash.
    fn observe(&mut self) -> Vec<Vec<u8>> {
        let mut seen = vec![self.bench.flash_bytes()];
        let info = self.bench.info();
        seen.push(encode(&info));
        let books = self.keys().map_or(0, |keys| keys.books.len());
        for index in 0..u8::try_from(books).expect("few books") {
            seen.push(self.bench.call(&Request::Book { index }).message);
            let book = self.book_id(index);
            seen.push(self.bench.call(&Request::LastEntry { book }).message);
        }
        seen.push(self.bench.call(&Request::LastStatement).message);
        seen
    }

    /// Holds what the token says of itself against the model.
    pub(super) fn compare(&mut self, step: Step) {
        let info = self.bench.info();
        assert_eq!(info.state, self.model.state(), "{step:?}");
        assert_eq!(info.ceremony, self.model.ceremony, "{step:?}");
        let keys = self.model.keys.as_ref();
        assert_eq!(info.policy, keys.map(|keys| keys.policy), "{step:?}");
        assert_eq!(info.writer, keys.map(|keys| keys.writer), "{step:?}");
        let left = keys.map_or(TRIES_MAX, |keys| TRIES_MAX - keys.tries_spent);
        assert_eq!(info.tries_left, left, "{step:?}");
        let books = keys.map_or(0, |keys| keys.books.len());
        assert_eq!(usize::from(info.books), books, "{step:?}");
    }

    /// Bytes that are no request of this session: one error at most for each, and no change.
    pub(super) fn disturb(&mut self, step: Step) {
        let before = self.observe();
        let [a, b, ..] = step.numbers;
        let hello = frame(&self.bench.new_session(), &Request::Hello);
        let mut header = self.bench.header();
        let (bytes, expected) = match step.action {
            Action::Noise => {
                let noise: Vec<u8> = step.numbers.iter().map(|byte| *byte | 1).collect();
                let bytes = [&noise.repeat(1 + usize::from(a) * 4), &[0][..]].concat();
                let too_long = bytes.len() > FRAME_LEN_MAX;
                let errors = [TokenError::BadFrame, TokenError::FrameTooLong];
                (bytes, errors[usize::from(too_long)])
            }
            Action::Malformed => {
                // No request has such a number.
                let message = [&[0x7f - a % 8], &step.numbers[..]].concat();
                (raw_frame(&header, &message), TokenError::Malformed)
            }
            _ => {
                header.session = self.bench.session_after(1 + u64::from(b));
                (frame(&header, &Request::Lock), TokenError::StaleSession)
            }
        };
        let replies = self.bench.serve(&[hello, bytes]);
        assert_eq!(replies.len(), 2, "{step:?}: {replies:?}");
        assert_eq!(replies[1].error(), Some(expected), "{step:?}");
        assert!(self.observe() == before, "{step:?} has changed something");
    }

    /// Takes over what a request that was allowed has changed, and checks the answer.
    fn apply(&mut self, request: &Request<'_>, known: &Circumstances, reply: &bench::Reply) {
        let response = reply.response();
        match request {
            Request::Provision { pin, policy } | Request::Restore { pin, policy, .. } => {
                let writer = self.bench.info().writer.expect("it has keys");
                let used = self.signed.keys().any(|(used, ..)| *used == writer);
                assert!(!used, "{writer:?} was used before");
                self.model.keys = Some(Keys {
                    pin: (*pin).to_owned(),
                    tries_spent: 0,
                    unlocked: true,
                    policy: *policy,
                    writer,
                    retired: 0,
                    books: Vec::new(),
                    statement: None,
                });
            }
            Request::Wipe => self.model.keys = None,
            Request::Backup { threshold, shares } => {
                let Response::Shares(bytes) = response else {
                    panic!("{reply:?}")
                };
                assert_eq!(bytes.len(), usize::from(*shares) * Share::SEED_BYTES);
                self.shares = bytes[..usize::from(*threshold) * Share::SEED_BYTES].to_vec();
                return;
            }
            Request::Lock => {
                if let Some(keys) = &mut self.model.keys {
                    keys.unlocked = false;
                }
            }
            Request::Unlock { .. }
            | Request::ChangePin { .. }
            | Request::SetPolicy { .. }
            | Request::NewWriter => self.apply_to_keys(request),
            Request::ConfirmDecode { .. } => {}
            _ => return self.apply_to_books(request, known, reply),
        }
        assert_eq!(response, Response::Done, "{request:?}");
    }

    fn apply_to_keys(&mut self, request: &Request<'_>) {
        let writer = self.bench.info().writer.expect("it has keys");
        let keys = self.model.keys.as_mut().expect("it has keys");
        match request {
            Request::Unlock { .. } => (keys.unlocked, keys.tries_spent) = (true, 0),
            Request::ChangePin { new, .. } => {
                (keys.pin, keys.tries_spent) = ((*new).to_owned(), 0);
            }
            Request::SetPolicy { policy } => keys.policy = *policy,
            _ => {
                assert_ne!(keys.writer, writer);
                (keys.writer, keys.retired) = (writer, keys.retired + 1);
                for book in &mut keys.books {
                    *book = Book::new(book.id, book.rules);
                }
            }
        }
    }

    fn apply_to_books(
        &mut self,
        request: &Request<'_>,
        known: &Circumstances,
        reply: &bench::Reply,
    ) {
        match (request, reply.response()) {
            (Request::CreateBook { rules }, Response::Book(info)) => {
                let id = rules.check().expect("good rules").id();
                assert_eq!((info.book, info.next_seq, info.last_cut), (id, 0, 0));
                let rules = BOOKS
                    .into_iter()
                    .find(|known| known == rules)
                    .expect("rules of the driver");
                let keys = self.model.keys.as_mut().expect("it has keys");
                keys.books.push(Book::new(id, rules));
            }
            (Request::Book { index }, response) => {
                let keys = self.keys().expect("it has keys");
                let known = keys.books.get(usize::from(*index));
                let told = match response {
                    Response::Book(info) => Some((info.book, info.next_seq, info.last_cut)),
                    Response::NoBook => None,
                    other => panic!("{other:?}"),
                };
                let expected = known.map(|book| (book.id, book.next_seq(), book.last_cut));
                assert_eq!(told, expected);
            }
            (Request::RevealNid { .. }, Response::Nid(nid)) => {
                let expected = Nid::normalise(known.nid_in_box.expect("a good box"));
                assert_eq!(nid, expected.expect("a good NID").as_str());
            }
            (Request::LastEntry { book }, _) => {
                let last = self.model.book(book).expect("a book").reply.as_ref();
                assert_eq!(reply.message, last.expect("a posting").message);
            }
            (Request::LastStatement, _) => {
                let last = self.keys().and_then(|keys| keys.statement.as_ref());
                assert_eq!(reply.message, last.expect("a statement").message);
            }
            (Request::Cut { book }, Response::Cut { writer, cut }) => {
                assert_eq!(Some(writer), self.keys().map(|keys| keys.writer));
                let book = self.book_mut(book);
                assert_eq!(cut.position, book.next_seq());
                assert_eq!(*book.cuts.entry(cut.position).or_insert(cut), cut);
                book.last_cut = cut.position;
            }
            (Request::Post { book, posting, .. }, _) => {
                self.posted(book, &[*posting], known, reply);
            }
            (Request::PostBatch { book, postings, .. }, _) => {
                self.posted(book, postings, known, reply);
            }
            (Request::PublicKey { .. }, Response::PublicKey(_))
            | (Request::Handle { .. }, Response::Handle { .. }) => {}
            _ => self.stated(request, known, reply),
        }
    }

    /// Entries: those of before if they were asked for again, otherwise new ones, linked and cut.
    fn posted(
        &mut self,
        id: &BookId,
        postings: &[Posting],
        known: &Circumstances,
        reply: &bench::Reply,
    ) {
        self.posted.clone_from(&known.message);
        let Response::Posted {
            writer,
            first_seq,
            cut,
            mut entries,
        } = reply.response()
        else {
            panic!("{reply:?}")
        };
        assert_eq!(Some(writer), self.keys().map(|keys| keys.writer));
        let mut seq = first_seq;
        let book = self.book_mut(id);
        let again = first_seq < book.next_seq();
        if again {
            let last = book.reply.as_ref().expect("a posting");
            assert_eq!(last.message, reply.message, "a posting that was repeated");
        }
        let mut signed = Vec::new();
        for posting in postings {
            let entry = SignedEntry::next_of(&mut entries).expect("an entry for each posting");
            let sum = |tag| Sum::from_bytes(entry.c1, entry.c2, tag).expect("elements");
            if !again {
                let earlier = &book.entries[usize::try_from(first_seq).expect("few")..];
                let linked = earlier
                    .iter()
                    .any(|other| other.posting.account == posting.account);
                let prev = if linked {
                    book.last(posting)
                } else {
                    posting.prev
                };
                assert_eq!((entry.account, entry.prev), (posting.account, prev));
                book.entries.push(Entry {
                    posting: Posting { prev, ..*posting },
                    total: sum(entry.tag),
                    balance: sum(entry.account_tag),
                });
            }
            let bytes = encode(&entry);
            signed.push((seq, bytes));
            seq += 1;
        }
        assert!(entries.is_empty());
        if !again {
            assert_eq!(seq, book.next_seq());
            let k = u64::from(book.rules.min_entries);
            let segments = ((seq - book.last_cut) / k).saturating_sub(1);
            let due = (segments > 0).then_some(book.last_cut + segments * k);
            assert_eq!(cut.map(|cut| cut.position), due);
            book.last_cut = due.unwrap_or(book.last_cut);
            book.cuts.extend(cut.map(|cut| (cut.position, cut)));
            book.reply = Some(Reply {
                first_seq,
                request: known.message.clone(),
                message: reply.message.clone(),
            });
        }
        for (seq, bytes) in signed {
            let before = self
                .signed
                .entry((writer, *id, seq))
                .or_insert_with(|| bytes.clone());
            assert_eq!(*before, bytes, "two entries at {seq}");
        }
    }

    /// A statement, of what the model has added up.
    fn stated(&mut self, request: &Request<'_>, known: &Circumstances, reply: &bench::Reply) {
        let Response::Statement(record) = reply.response() else {
            panic!("{request:?}: {reply:?}")
        };
        let opened = self.model.opened(request, known).expect("a genuine claim");
        let key = public_key::<S, 128>(&mut self.bench, record.book);
        check_statement(&record, &key, opened.minor);
        assert_eq!(record.count, opened.count);
        let keys = self.model.keys.as_mut().expect("it has keys");
        let last = keys.statement.as_ref().map_or(0, |last| last.number);
        assert_eq!(record.number, last + 1);
        keys.statement = Some(Statement {
            number: record.number,
            minor: opened.minor,
            message: reply.message.clone(),
        });
    }

    pub(super) fn keys(&self) -> Option<&Keys> {
        self.model.keys.as_ref()
    }

    /// A book by a number: mostly one that exists.
    pub(super) fn book_id(&self, number: u8) -> BookId {
        let books = self.keys().map_or(&[][..], |keys| &keys.books);
        match books.get(usize::from(number) % books.len().max(1)) {
            Some(book) if number < 240 => book.id,
            _ => BookId([number; 32]),
        }
    }

    fn book_mut(&mut self, id: &BookId) -> &mut Book {
        let books = self.model.keys.iter_mut().flat_map(|keys| &mut keys.books);
        let mut books = books.filter(|book| book.id == *id);
        books.next().expect("a book of the model")
    }
}

fn encode(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = vec![0; FRAME_LEN_MAX];
    let len = postcard::to_slice(value, &mut bytes)
        .expect("it fits a frame")
        .len();
    bytes.truncate(len);
    bytes
}
