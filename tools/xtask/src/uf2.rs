//! UF2, the file format of drag-and-drop boot loaders: a row of blocks of 512 bytes, each of which
//! says where its 256 bytes go (github.com/microsoft/uf2, "USB Flashing Format").

use std::collections::BTreeMap;

use crate::elf::Segment;

/// Length of a block in bytes.
const BLOCK_LEN: usize = 512;

/// Bytes of the image in a block, which is also the page that such boot loaders write at once.
const PAGE_LEN: u32 = 256;

const MAGIC_START: [u32; 2] = [0x0a32_4655, 0x9e5d_5157];
const MAGIC_END: u32 = 0x0ab1_6f30;

/// The field behind the number of blocks holds the family of chips.
const FLAG_FAMILY: u32 = 0x2000;

/// What flash reads where nothing was written.
const BLANK: u8 = 0xff;

/// The file that puts the segments where they belong, on chips of that family.
///
/// # Errors
/// Segments that overlap, reach beyond 4 GiB, or of which there are none.
pub fn file(segments: &[Segment<'_>], family: u32) -> Result<Vec<u8>, String> {
    let pages = pages(segments)?;
    let count = u32::try_from(pages.len()).map_err(|_| "too many pages")?;
    if count == 0 {
        return Err("nothing in the image is to be loaded".to_owned());
    }
    let mut file = Vec::with_capacity(pages.len() * BLOCK_LEN);
    for (index, (address, page)) in (0..).zip(&pages) {
        let [first, second] = MAGIC_START;
        let header = [
            first,
            second,
            FLAG_FAMILY,
            *address,
            PAGE_LEN,
            index,
            count,
            family,
        ];
        let start = file.len();
        file.extend(header.iter().flat_map(|word| word.to_le_bytes()));
        file.extend(page.map(|byte| byte.unwrap_or(BLANK)));
        file.resize(start + BLOCK_LEN - 4, 0);
        file.extend(MAGIC_END.to_le_bytes());
    }
    Ok(file)
}

/// The bytes page by page; `None` where there is none.
type Pages = BTreeMap<u32, [Option<u8>; PAGE_LEN as usize]>;

fn pages(segments: &[Segment<'_>]) -> Result<Pages, String> {
    let mut pages = Pages::new();
    for segment in segments {
        for (offset, byte) in (0_u32..).zip(segment.bytes) {
            let address = segment
                .address
                .checked_add(offset)
                .ok_or("a segment reaches beyond 4 GiB")?;
            let start = address / PAGE_LEN * PAGE_LEN;
            let page = pages.entry(start).or_insert([None; PAGE_LEN as usize]);
            // In bounds, because the rest of a division is below its divisor.
            if page[(address - start) as usize].replace(*byte).is_some() {
                return Err(format!("two segments lie at {address:#010x}"));
            }
        }
    }
    Ok(pages)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAMILY: u32 = 0xe48b_ff59;

    fn segment(address: u32, bytes: &[u8]) -> Segment<'_> {
        Segment { address, bytes }
    }

    fn word(block: &[u8], offset: usize) -> u32 {
        u32::from_le_bytes(block[offset..offset + 4].try_into().unwrap())
    }

    #[test]
    fn a_block_is_laid_out_as_published() {
        let file = file(&[segment(0x1000_0000, &[1, 2, 3])], FAMILY).unwrap();
        assert_eq!(file.len(), 512);
        assert_eq!(&file[..4], b"UF2\n");
        let fields = [4, 8, 12, 16, 20, 24, 28].map(|offset| word(&file, offset));
        assert_eq!(
            fields,
            [0x9e5d_5157, 0x2000, 0x1000_0000, 256, 0, 1, FAMILY]
        );
        assert_eq!(file[32..35], [1, 2, 3]);
        assert!(
            file[35..288].iter().all(|byte| *byte == 0xff),
            "not written"
        );
        assert!(file[288..508].iter().all(|byte| *byte == 0), "not used");
        assert_eq!(word(&file, 508), 0x0ab1_6f30);
    }

    #[test]
    fn every_byte_lies_where_the_image_wants_it() {
        let code: Vec<u8> = (0..700_u32).map(|i| i.to_le_bytes()[0]).collect();
        let data = [0xaa; 10];
        let file = file(
            &[
                segment(0x1000_0100, &code),
                segment(0x1000_03bc, &data),
                segment(0x1000_2005, &data),
            ],
            FAMILY,
        )
        .unwrap();
        let mut flash = vec![0xff; 0x2100];
        let blocks: Vec<_> = file.chunks(512).collect();
        for (index, block) in blocks.iter().enumerate() {
            assert_eq!(word(block, 20) as usize, index);
            assert_eq!(word(block, 24) as usize, blocks.len());
            let at = word(block, 12) as usize - 0x1000_0000;
            assert_eq!(at % 256, 0);
            flash[at..at + 256].copy_from_slice(&block[32..288]);
        }
        let mut wanted = vec![0xff; 0x2100];
        wanted[0x100..0x100 + 700].copy_from_slice(&code);
        wanted[0x3bc..0x3bc + 10].copy_from_slice(&data);
        wanted[0x2005..0x2005 + 10].copy_from_slice(&data);
        assert_eq!(flash, wanted);
        assert_eq!(blocks.len(), 4, "pages without a byte have no block");
    }

    #[test]
    fn what_can_not_be_loaded_is_refused() {
        assert!(file(&[], FAMILY).is_err());
        assert!(file(&[segment(0, &[])], FAMILY).is_err());
        assert!(file(&[segment(0, &[1; 4]), segment(3, &[1])], FAMILY).is_err());
        assert!(file(&[segment(u32::MAX, &[1, 2])], FAMILY).is_err());
    }
}
