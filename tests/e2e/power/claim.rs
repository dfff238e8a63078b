//! A claim to the total of a book up to a cut, and what must come of it.

use core_nostd::{
    ciphersuite::{Ciphersuite, Ristretto255Sha512},
    group::Group,
    ids::{BookId, WriterId},
    tag::{Cut, Range, TaggedSum},
};
use e2e_tests::token::AnyClient;
use token_client::{ClientError, OwnedStatement};

/// The suite of the book.
pub type S = Ristretto255Sha512;
type G = <S as Ciphersuite>::Group;

/// A claim to a total.
pub struct Claim {
    book: BookId,
    range: Range,
    sum: [[u8; 32]; 3],
    minor: i64,
}

impl Claim {
    /// The total of one writer's entries, each with its amount, as far as they lie before the cut.
    pub fn new<'a>(
        book: BookId,
        writer: WriterId,
        to: Cut,
        entries: impl Iterator<Item = (&'a TaggedSum<S>, &'a i64)>,
    ) -> Self {
        let count = usize::try_from(to.position).expect("small");
        let zero = (TaggedSum::zero(), 0);
        let add = |(sum, minor), (part, amount): (&_, &_)| (sum + *part, minor + amount);
        let (sum, minor) = entries.take(count).fold(zero, add);
        let (c1, c2) = sum.ciphertext.to_bytes();
        Self {
            book,
            range: Range {
                writer,
                from: Cut::START,
                to,
            },
            sum: [c1, c2, G::encode(&sum.tag)],
            minor,
        }
    }

    /// Number of entries.
    pub fn count(&self) -> u64 {
        self.range.to.position
    }

    /// Has it opened.
    pub fn release(&self, client: &mut AnyClient) -> Result<OwnedStatement, ClientError> {
        let sum = self.sum.each_ref().map(|element| &element[..]);
        client.release_total(self.book, &[self.range], sum)
    }

    /// Checks that a statement is of this claim, and of the amounts that were posted.
    pub fn check(&self, statement: &OwnedStatement) {
        assert_eq!(statement.count, self.count());
        let stated = [&statement.c1[..], &statement.c2];
        assert_eq!(stated, [&self.sum[0], &self.sum[1]]);
        assert_eq!(statement.d, G::encode(&G::mul_base_i64(self.minor)));
    }
}
