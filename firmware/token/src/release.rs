//! Releases: a verified sum is opened, with presence, and stated once.
//!
//! The order is fixed: parse, group membership, policy, tag, presence, then audit log and statement
//! to flash, answer. Policy, tag and presence are each looked at twice, and both verdicts on a
//! claim are left in the engine for the release to take: so a fault which makes the processor pass
//! over one instruction opens nothing.
//!
//! There is no way from a ciphertext that the token has not verified to its plaintext, but for sums
//! of open books, which have keys of their own and need a policy that says so.

use core::{hint::black_box, mem};

use core_nostd::{
    book::BookKind,
    check_amount,
    ciphersuite::{Ciphersuite, Ristretto255Sha512, SuiteId},
    ciphertext::Ciphertext,
    error::DecodeError,
    group::Group,
    ids::{BookId, Handle},
    proof::dleq::DleqProof,
    statement::{Header, Span},
    tag::{LastPosition, Range, TaggedSum},
    wire::{
        AuditEvent, PerWriter, Policy, Response, StatementRecord, TokenError, audit::Released,
        scope::ScopeRecord,
    },
};
use serde::Serialize;

use crate::{
    books::keep,
    engine::Engine,
    platform::{Notice, Platform, Presence, Prompt},
    serial::Line,
    storage::Key,
    suites::in_suite,
};

/// What a claim that was found true adds to the verdict.
const FOUND_TRUE: u32 = 0x2c9a_71d5;

/// The suite of authenticated books.
pub(crate) type Authenticated = Ristretto255Sha512;

/// A ciphertext that policy and tag have let pass: what a person is asked about.
pub(crate) struct Opening<S: Ciphersuite> {
    book: BookId,
    count: u64,
    scope: ScopeRecord,
    ciphertext: Ciphertext<S>,
}

/// A sum of an open book; its `c1` and `c2` are the first bytes of the body.
pub(crate) struct OpenSum {
    pub(crate) suite: SuiteId,
    book: BookId,
    count: u64,
    len: usize,
}

impl OpenSum {
    #[inline(never)]
    fn opening<S: Ciphersuite>(&self, body: &[u8]) -> Result<Opening<S>, TokenError> {
        let halves = body.get(..self.len).map(|both| both.split_at(self.len / 2));
        let (c1, c2) = halves.ok_or(TokenError::BadElement)?;
        Ok(Opening {
            book: self.book,
            count: self.count,
            scope: ScopeRecord::Open,
            ciphertext: Ciphertext::from_bytes(c1, c2).map_err(|_| TokenError::BadElement)?,
        })
    }
}

/// A claim that policy and tag have let pass, and the number of its entries. A step of its own: the
/// work is deep, and what comes out of it is large.
pub(crate) struct Verified {
    count: u64,
}

impl Opening<Authenticated> {
    /// The total that was verified.
    ///
    /// # Errors
    /// [`TokenError::BadElement`].
    #[inline(never)]
    pub(crate) fn total(
        claim: &Verified,
        book: &BookId,
        [c1, c2]: [&[u8]; 2],
        ranges: &[Range],
    ) -> Result<Self, TokenError> {
        let spans = ranges.iter().map(|range| Span {
            writer: range.writer,
            from: range.from.position,
            to: range.to.position,
        });
        Ok(Self {
            book: *book,
            count: claim.count,
            scope: ScopeRecord::Total(spans.collect()),
            ciphertext: Ciphertext::from_bytes(c1, c2).map_err(|_| TokenError::BadElement)?,
        })
    }

    /// The balance that was verified.
    ///
    /// # Errors
    /// [`TokenError::BadElement`].
    #[inline(never)]
    pub(crate) fn balance(
        claim: &Verified,
        book: &BookId,
        [c1, c2]: [&[u8]; 2],
        account: &Handle,
        last: &PerWriter<LastPosition>,
    ) -> Result<Self, TokenError> {
        Ok(Self {
            book: *book,
            count: claim.count,
            scope: ScopeRecord::Balance {
                account: *account,
                last: last.clone(),
            },
            ciphertext: Ciphertext::from_bytes(c1, c2).map_err(|_| TokenError::BadElement)?,
        })
    }
}

impl<S: Ciphersuite> Opening<S> {
    /// What an auditor is told of it.
    fn released(&self) -> Released {
        let entries = self.count;
        match &self.scope {
            ScopeRecord::Total(_) => Released::Total { entries },
            ScopeRecord::Balance { account, .. } => Released::Balance { account: *account },
            _ => Released::Open { entries },
        }
    }
}

impl<P: Platform> Engine<P> {
    /// Verifies a claim to a total, twice.
    ///
    /// # Errors
    /// Those of [`crate::vault::Vault::treasury`], [`TokenError::UnknownBook`],
    /// [`TokenError::WrongKind`], [`TokenError::BadElement`], [`TokenError::NotAllowed`],
    /// [`TokenError::ClaimRefused`], also if a writer is named whose entries don't count
    /// ([`crate::writers`]); those of storage.
    #[inline(never)]
    pub(crate) fn verify_total(
        &mut self,
        book: &BookId,
        sum: [&[u8]; 3],
        ranges: &[Range],
        body: &mut [u8],
    ) -> Result<Verified, TokenError> {
        self.verdict = 0;
        self.verify_total_once(book, sum, ranges, body)?;
        self.verify_total_once(book, sum, ranges, body)
    }

    /// Each time from the bytes of the claim: a single fault, in the verdict or in what it is
    /// about, spoils only one of them.
    #[inline(never)]
    fn verify_total_once(
        &mut self,
        book: &BookId,
        sum: [&[u8]; 3],
        ranges: &[Range],
        body: &mut [u8],
    ) -> Result<Verified, TokenError> {
        let place = self.ledger(book, body)?;
        let sum = &elements(sum).map_err(|_| TokenError::BadElement)?;
        self.allowed(|policy| policy.totals)?;
        let all_count = self.all_count(place, ranges, body)?;
        let (_, secrets) = self.vault.unlocked()?;
        let verified = secrets.shared.verify_total(book, ranges, sum);
        let count = verified.ok().filter(|_| all_count);
        let claim = count.map(|count| Verified { count });
        let claim = claim.ok_or(TokenError::ClaimRefused)?;
        self.vouch();
        Ok(claim)
    }

    /// Leaves word that a claim was found true once more.
    #[inline(never)]
    fn vouch(&mut self) {
        self.verdict = black_box(self.verdict.wrapping_add(FOUND_TRUE));
    }

    /// Takes the two verdicts on a claim, once.
    ///
    /// # Errors
    /// [`TokenError::ClaimRefused`] if they are not two.
    #[inline(never)]
    pub(crate) fn take_verdict(&mut self) -> Result<(), TokenError> {
        if black_box(mem::take(&mut self.verdict)) == FOUND_TRUE.wrapping_mul(2) {
            Ok(())
        } else {
            Err(TokenError::ClaimRefused)
        }
    }

    /// Verifies a claim to the balance of one account, twice.
    ///
    /// # Errors
    /// Those of [`Self::verify_total`].
    #[inline(never)]
    pub(crate) fn verify_balance(
        &mut self,
        book: &BookId,
        sum: [&[u8]; 3],
        account: &Handle,
        last: &PerWriter<LastPosition>,
        body: &mut [u8],
    ) -> Result<Verified, TokenError> {
        self.verdict = 0;
        self.verify_balance_once(book, sum, account, last, body)?;
        self.verify_balance_once(book, sum, account, last, body)
    }

    /// As [`Self::verify_total_once`].
    #[inline(never)]
    fn verify_balance_once(
        &mut self,
        book: &BookId,
        sum: [&[u8]; 3],
        account: &Handle,
        last: &PerWriter<LastPosition>,
        body: &mut [u8],
    ) -> Result<Verified, TokenError> {
        let place = self.ledger(book, body)?;
        let sum = &elements(sum).map_err(|_| TokenError::BadElement)?;
        self.allowed(|policy| policy.balances)?;
        let all_count = self.all_count(place, last, body)?;
        let (_, secrets) = self.vault.unlocked()?;
        let verified = secrets.shared.verify_balance(book, account, last, sum);
        let verified = verified.ok().filter(|()| all_count);
        let claim = verified.map(|()| Verified { count: 0 });
        let claim = claim.ok_or(TokenError::ClaimRefused)?;
        self.vouch();
        Ok(claim)
    }

    /// Takes a sum of an open book, whose `c1` and `c2` it leaves in the body.
    ///
    /// # Errors
    /// [`TokenError::UnknownBook`], [`TokenError::WrongKind`], those of storage.
    #[inline(never)]
    pub(crate) fn take_open_sum(
        &mut self,
        book: &BookId,
        count: u64,
        sum: [&[u8]; 2],
        body: &mut [u8],
    ) -> Result<OpenSum, TokenError> {
        self.vault.treasury()?;
        let found = self.find(book, body)?;
        found.must_be(BookKind::Open)?;
        let suite = found.rules.suite;
        Ok(OpenSum {
            suite,
            book: *book,
            count,
            len: keep(&sum, body)?.len(),
        })
    }

    /// Opens a sum of an open book.
    ///
    /// # Errors
    /// [`TokenError::BadElement`], [`TokenError::NotAllowed`], those of presence, entropy and
    /// storage.
    #[inline(never)]
    pub(crate) fn release_open<'b, S: Ciphersuite>(
        &mut self,
        line: &mut Line<P::Serial>,
        sum: &OpenSum,
        body: &'b mut [u8],
    ) -> Result<Response<'b>, TokenError> {
        match &sum.opening::<S>(body) {
            Ok(opening) => {
                self.allowed(|policy| policy.open_sums)?;
                self.release(line, opening, body)
            }
            Err(error) => Err(*error),
        }
    }

    /// Opens what a person agrees to.
    ///
    /// # Errors
    /// Those of presence, entropy and storage.
    #[inline(never)]
    pub(crate) fn release<'b, S: Ciphersuite>(
        &mut self,
        line: &mut Line<P::Serial>,
        opening: &Opening<S>,
        body: &'b mut [u8],
    ) -> Result<Response<'b>, TokenError> {
        let book = self.find(&opening.book, body)?.rules.name;
        let entries = opening.count;
        let prompt = match &opening.scope {
            ScopeRecord::Total(_) => Prompt::ReleaseTotal { book, entries },
            ScopeRecord::Balance { account, .. } => Prompt::ReleaseBalance {
                book,
                account: &account.0,
            },
            ScopeRecord::Open => Prompt::ReleaseOpen { book, entries },
            // Scopes of versions to come have no claim here.
            _ => return Err(TokenError::NotAllowed),
        };
        self.confirm(line, &prompt)?;
        self.state(opening, body, line.reader.scratch())
    }

    /// The last statement, byte for byte.
    ///
    /// # Errors
    /// [`TokenError::NothingStored`], those of [`crate::vault::Vault::unlocked`] and storage.
    #[inline(never)]
    pub(crate) fn last_statement<'b>(
        &mut self,
        body: &'b mut [u8],
    ) -> Result<StatementRecord<'b>, TokenError> {
        let (_, secrets) = self.vault.unlocked()?;
        let record = self
            .storage
            .get_authentic(&secrets.store_key, Key::Statement, body)?
            .ok_or(TokenError::NothingStored)?;
        postcard::from_bytes(record).map_err(|_| TokenError::StorageFailed)
    }

    /// Checks the amount of the last statement and shows it.
    ///
    /// # Errors
    /// [`TokenError::NothingStored`] if the last statement has another number,
    /// [`TokenError::WrongAmount`], those of storage.
    #[inline(never)]
    pub(crate) fn confirm_decode(
        &mut self,
        number: u64,
        minor: i64,
        body: &mut [u8],
    ) -> Result<(), TokenError> {
        let last = self.last_statement(body)?;
        if last.number != number {
            return Err(TokenError::NothingStored);
        }
        let book = last.book;
        let suite = self.find(&book, body)?.rules.suite;
        let d = self.last_statement(body)?.d;
        let right = in_suite!(suite, S => is_amount::<S>(minor, d))?;
        if !right {
            return Err(TokenError::WrongAmount);
        }
        let rules = self.find(&book, body)?.rules;
        self.presence.show(&Notice::Opened {
            book: rules.name,
            currency: rules.currency.code(),
            minor,
            scale: rules.currency.scale(),
        });
        Ok(())
    }

    /// The place of an authenticated book.
    fn ledger(&mut self, book: &BookId, body: &mut [u8]) -> Result<u8, TokenError> {
        self.vault.treasury()?;
        let found = self.find(book, body)?;
        found.must_be(BookKind::Authenticated)?;
        Ok(found.place)
    }

    pub(crate) fn allowed(&self, role: impl FnOnce(&Policy) -> bool) -> Result<(), TokenError> {
        let (identity, _) = self.vault.unlocked()?;
        if role(&identity.policy) {
            Ok(())
        } else {
            Err(TokenError::NotAllowed)
        }
    }

    /// Opens a ciphertext that may be opened, states it under the next number, and writes that
    /// before it returns.
    ///
    /// # Errors
    /// [`TokenError::NotAllowed`] and [`TokenError::Denied`], for a second time; those of entropy
    /// and storage.
    #[inline(never)]
    fn state<'b, S: Ciphersuite>(
        &mut self,
        opening: &Opening<S>,
        body: &'b mut [u8],
        work: &mut [u8],
    ) -> Result<Response<'b>, TokenError> {
        self.allowed(|policy| match opening.scope {
            ScopeRecord::Total(_) => policy.totals,
            ScopeRecord::Balance { .. } => policy.balances,
            ScopeRecord::Open => policy.open_sums,
            _ => false,
        })?;
        self.take_consent()?;
        let number = self.next_number(body)?;
        let key = self.secret_key::<S>(&opening.book, body)?;
        let mut rng = self.rng()?;
        let event = AuditEvent::Released {
            number,
            book: opening.book,
            what: opening.released(),
        };
        self.record(&event, work)?;
        let (_, secrets) = self.vault.unlocked()?;
        let header = Header {
            number,
            book: opening.book,
            public_key: key.public_key(),
            count: opening.count,
            scope: opening.scope.as_scope(),
            ciphertext: opening.ciphertext,
            d: key.decrypt_to_element(&opening.ciphertext),
        };
        let proof = header.prove(&key, &secrets.hedge, &mut rng);
        let len = write_statement(&header, &opening.scope, &proof, body)?;
        let bytes: &'b [u8] = body.get(..len).ok_or(TokenError::StorageFailed)?;
        self.storage
            .put_authentic(&secrets.store_key, Key::Statement, &[bytes], work)?;
        statement(bytes)
    }

    #[inline(never)]
    fn next_number(&mut self, body: &mut [u8]) -> Result<u64, TokenError> {
        match self.last_statement(body) {
            Ok(last) => Ok(last.number.saturating_add(1)),
            Err(TokenError::NothingStored) => Ok(1),
            Err(error) => Err(error),
        }
    }
}

/// The answer that a stored statement is.
#[inline(never)]
fn statement(bytes: &[u8]) -> Result<Response<'_>, TokenError> {
    match postcard::from_bytes(bytes) {
        Ok(record) => Ok(Response::Statement(record)),
        Err(_) => Err(TokenError::StorageFailed),
    }
}

/// The elements of a claim, members of the group.
#[inline(never)]
fn elements([c1, c2, tag]: [&[u8]; 3]) -> Result<TaggedSum<Authenticated>, DecodeError> {
    TaggedSum::from_bytes(c1, c2, tag)
}

/// Writes a [`StatementRecord`] to the start of `out`, field by field: on a small stack there is no
/// room for all of them. Returns its length.
#[inline(never)]
fn write_statement<S: Ciphersuite>(
    header: &Header<'_, S>,
    scope: &ScopeRecord,
    proof: &DleqProof<S>,
    out: &mut [u8],
) -> Result<usize, TokenError> {
    let mut len = append(out, 0, &(header.number, header.book, header.count, scope))?;
    for element in [&header.ciphertext.c1, &header.ciphertext.c2, &header.d] {
        len = append(out, len, &S::Group::encode(element).as_ref())?;
    }
    let (c, s) = proof.to_bytes();
    len = append(out, len, &c.as_ref())?;
    append(out, len, &s.as_ref())
}

/// Writes a field behind the first `len` bytes of `out` and returns their new length.
#[inline(never)]
fn append(out: &mut [u8], len: usize, field: &impl Serialize) -> Result<usize, TokenError> {
    let room = out.get_mut(len..).ok_or(TokenError::StorageFailed)?;
    let written = postcard::to_slice(field, room).map_err(|_| TokenError::StorageFailed)?;
    Ok(len + written.len())
}

/// Whether an encoded element is `minor·G`.
#[inline(never)]
fn is_amount<S: Ciphersuite>(minor: i64, d: &[u8]) -> Result<bool, TokenError> {
    let d = S::Group::decode(d).map_err(|_| TokenError::StorageFailed)?;
    Ok(check_amount::<S>(minor, &d).into())
}
