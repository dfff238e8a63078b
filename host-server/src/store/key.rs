//! Keys of stored records: fixed widths and big-endian numbers, so that the order of the bytes is
//! the order of the ledger. redb and MongoDB share them.

use core_nostd::ids::{BookId, Handle, WriterId};

/// book ‖ writer ‖ position: an entry, or a cut.
pub type EntryKey = [u8; BookId::LEN + WriterId::LEN + 8];
/// book ‖ handle: an account.
pub type AccountKey = [u8; BookId::LEN + Handle::LEN];
/// book ‖ handle ‖ writer ‖ position: an entry, found by its account.
pub type AccountEntryKey = [u8; BookId::LEN + Handle::LEN + WriterId::LEN + 8];
/// book ‖ writer ‖ the client's identifier: an entry of an open book.
pub type OpenKey = [u8; BookId::LEN + WriterId::LEN + 16];
/// book ‖ number: a statement.
pub type StatementKey = [u8; BookId::LEN + 8];

/// The key of an entry or a cut.
pub fn entry(book: &BookId, writer: &WriterId, position: u64) -> EntryKey {
    first(&[&book.0, &writer.0, &position.to_be_bytes()])
}

/// The parts of a key made by [`entry`].
pub fn split_entry(key: &EntryKey) -> (BookId, WriterId, u64) {
    (
        BookId(part(key, 0)),
        WriterId(part(key, 32)),
        u64::from_be_bytes(part(key, 48)),
    )
}

/// Position, the last part of every key that has one.
pub fn position(key: &[u8]) -> u64 {
    u64::from_be_bytes(part(key, key.len() - 8))
}

/// The key of an account.
pub fn account(book: &BookId, handle: &Handle) -> AccountKey {
    first(&[&book.0, &handle.0])
}

/// The handle in a key made by [`account`].
pub fn handle(key: &AccountKey) -> Handle {
    Handle(part(key, 32))
}

/// The key of an entry under its account.
pub fn account_entry(
    book: &BookId,
    account: &Handle,
    writer: &WriterId,
    position: u64,
) -> AccountEntryKey {
    first(&[&book.0, &account.0, &writer.0, &position.to_be_bytes()])
}

/// The keys of an account's entries but, for each writer in `after` (ascending), those up to that
/// position: ranges, from the first key to the second, both included.
pub fn account_entries(
    book: &BookId,
    account: &Handle,
    after: &[(WriterId, u64)],
) -> Vec<(AccountEntryKey, AccountEntryKey)> {
    let parts: [&[u8]; 2] = [&book.0, &account.0];
    let mut ranges = Vec::with_capacity(after.len() + 1);
    let mut least: AccountEntryKey = first(&parts);
    for (writer, seq) in after {
        ranges.push((least, before(account_entry(book, account, writer, 0))));
        // No entry has the greatest position.
        least = account_entry(book, account, writer, seq.saturating_add(1));
    }
    ranges.push((least, last(&parts)));
    ranges.retain(|(least, greatest)| least <= greatest);
    ranges
}

/// The greatest key below this one.
fn before<const N: usize>(mut key: [u8; N]) -> [u8; N] {
    for byte in key.iter_mut().rev() {
        *byte = byte.wrapping_sub(1);
        if *byte != 0xff {
            break;
        }
    }
    key
}

/// The key of an entry in the chain of its writer, found in the key under its account.
pub fn entry_of_account_entry(key: &AccountEntryKey) -> EntryKey {
    first(&[&key[..32], &key[64..]])
}

/// The account in a key made by [`account_entry`].
pub fn account_of_account_entry(key: &AccountEntryKey) -> Handle {
    Handle(part(key, 32))
}

/// The key of an entry of an open book under the client's identifier.
pub fn open(book: &BookId, writer: &WriterId, id: &[u8; 16]) -> OpenKey {
    first(&[&book.0, &writer.0, id])
}

/// The client's identifier in a key made by [`open`].
pub fn open_id(key: &OpenKey) -> [u8; 16] {
    part(key, 48)
}

/// The key of an open entry in the chain of its writer, found by its identifier.
pub fn entry_of_open(key: &OpenKey, position: u64) -> EntryKey {
    first(&[&key[..48], &position.to_be_bytes()])
}

/// The key of a book's `number`-th statement.
pub fn statement(book: &BookId, number: u64) -> StatementKey {
    first(&[&book.0, &number.to_be_bytes()])
}

/// The least key that begins with these parts.
pub fn first<const N: usize>(parts: &[&[u8]]) -> [u8; N] {
    padded(parts, 0)
}

/// The greatest key that begins with these parts.
pub fn last<const N: usize>(parts: &[&[u8]]) -> [u8; N] {
    padded(parts, 0xff)
}

fn padded<const N: usize>(parts: &[&[u8]], filler: u8) -> [u8; N] {
    let mut key = [filler; N];
    let mut rest = key.as_mut_slice();
    for part in parts {
        let (slot, further) = rest.split_at_mut(part.len());
        slot.copy_from_slice(part);
        rest = further;
    }
    key
}

fn part<const N: usize>(key: &[u8], start: usize) -> [u8; N] {
    key[start..start + N]
        .try_into()
        .expect("a slice of N bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_keys_is_the_order_of_positions() {
        let (book, writer) = (BookId([7; 32]), WriterId([9; 16]));
        let positions = [0, 1, 255, 256, 1 << 32, u64::MAX];
        let keys = positions.map(|position| entry(&book, &writer, position));
        assert!(keys.is_sorted());
        for (key, position) in keys.iter().zip(positions) {
            assert_eq!(split_entry(key), (book, writer, position));
        }
        assert_eq!(first(&[&book.0, &writer.0]), keys[0]);
        assert_eq!(last(&[&book.0, &writer.0]), keys[5]);
    }

    #[test]
    fn ranges_leave_out_what_was_read() {
        let (book, account) = (BookId([7; 32]), Handle([0; 32]));
        let writers = [WriterId([0; 16]), WriterId([5; 16])];
        let ranges = account_entries(&book, &account, &[(writers[0], 4), (writers[1], 0)]);
        let within = |writer, seq| {
            let key = account_entry(&book, &account, &writer, seq);
            let holds = |(least, greatest): &&(AccountEntryKey, AccountEntryKey)| {
                (least..=greatest).contains(&&key)
            };
            ranges.iter().filter(holds).count()
        };
        assert_eq!(
            [0, 4, 5, 9].map(|seq| within(writers[0], seq)),
            [0, 0, 1, 1]
        );
        assert_eq!([0, 1].map(|seq| within(writers[1], seq)), [0, 1]);
        assert_eq!([0, 7].map(|seq| within(WriterId([4; 16]), seq)), [1, 1]);
        assert_eq!([0, 7].map(|seq| within(WriterId([9; 16]), seq)), [1, 1]);
    }

    #[test]
    fn an_entry_is_found_through_its_account() {
        let (book, writer) = (BookId([1; 32]), WriterId([2; 16]));
        let key = account_entry(&book, &Handle([3; 32]), &writer, 4);
        assert_eq!(entry_of_account_entry(&key), entry(&book, &writer, 4));
        assert_eq!(position(&key), 4);
    }
}
