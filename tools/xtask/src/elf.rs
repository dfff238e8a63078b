//! Reads the headers of a 32-bit little-endian ELF file, which is what a Cortex-M image is.
//!
//! Field offsets are those of the System V ABI, chapters 4 and 5: `Elf32_Ehdr`, `Elf32_Shdr` and
//! `Elf32_Phdr`.

/// One section that occupies memory of the device.
#[derive(Debug, PartialEq, Eq)]
pub struct Section {
    /// Name, such as `.text`.
    pub name: String,
    /// Where it lies when the program runs.
    pub address: u32,
    /// Bytes.
    pub size: u32,
    /// The program may write to it, so it lies in RAM.
    pub writable: bool,
    /// Its contents are in the file, hence in flash (`.bss` has none).
    pub stored: bool,
}

/// Bytes that are to be put into the device's memory.
#[derive(Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    /// Where they are stored, which for variables is not where they lie when the program runs.
    pub address: u32,
    /// The bytes.
    pub bytes: &'a [u8],
}

const TYPE_NOBITS: u32 = 8;
const TYPE_LOAD: u32 = 1;
const FLAG_WRITE: u32 = 1;
const FLAG_ALLOC: u32 = 2;

/// The sections that the device holds in memory, in file order.
///
/// # Errors
/// Not a 32-bit little-endian ELF file, or cut short.
pub fn sections(file: &[u8]) -> Result<Vec<Section>, String> {
    check_kind(file)?;
    let table = word(file, 0x20)?;
    let entry_size = u32::from(half(file, 0x2e)?);
    let count = u32::from(half(file, 0x30)?);
    let names_index = u32::from(half(file, 0x32)?);
    let header = |index: u32| index.checked_mul(entry_size)?.checked_add(table);
    let names = word(file, field(header(names_index), 0x10)?)?;

    let mut sections = Vec::new();
    for index in 0..count {
        let read = |offset| word(file, field(header(index), offset)?);
        let flags = read(0x08)?;
        if flags & FLAG_ALLOC == 0 {
            continue;
        }
        sections.push(Section {
            name: text(file, field(names.checked_add(read(0x00)?), 0)?)?,
            address: read(0x0c)?,
            size: read(0x14)?,
            writable: flags & FLAG_WRITE != 0,
            stored: read(0x04)? != TYPE_NOBITS,
        });
    }
    Ok(sections)
}

/// The segments that are to be loaded, in file order, without those that hold no bytes.
///
/// # Errors
/// As for [`sections`].
pub fn segments(file: &[u8]) -> Result<Vec<Segment<'_>>, String> {
    check_kind(file)?;
    let table = word(file, 0x1c)?;
    let entry_size = u32::from(half(file, 0x2a)?);
    let count = u32::from(half(file, 0x2c)?);
    let mut segments = Vec::new();
    for index in 0..count {
        let header = index
            .checked_mul(entry_size)
            .and_then(|offset| offset.checked_add(table));
        let read = |offset| word(file, field(header, offset)?);
        let (start, len) = (read(0x04)?, read(0x10)?);
        if read(0x00)? != TYPE_LOAD || len == 0 {
            continue;
        }
        let end = field(Some(start), len)?;
        segments.push(Segment {
            address: read(0x0c)?,
            bytes: file.get(start as usize..end as usize).ok_or(SHORT)?,
        });
    }
    Ok(segments)
}

fn check_kind(file: &[u8]) -> Result<(), String> {
    if file.get(..6) == Some(b"\x7fELF\x01\x01") {
        return Ok(());
    }
    Err("not a 32-bit little-endian ELF file".to_owned())
}

const SHORT: &str = "the ELF file is cut short";

fn field(base: Option<u32>, offset: u32) -> Result<u32, String> {
    base.and_then(|base| base.checked_add(offset))
        .ok_or_else(|| SHORT.to_owned())
}

fn bytes<const N: usize>(file: &[u8], offset: u32) -> Result<[u8; N], String> {
    let found = usize::try_from(offset)
        .ok()
        .and_then(|start| file.get(start..)?.first_chunk());
    found.copied().ok_or_else(|| SHORT.to_owned())
}

fn word(file: &[u8], offset: u32) -> Result<u32, String> {
    bytes(file, offset).map(u32::from_le_bytes)
}

fn half(file: &[u8], offset: u32) -> Result<u16, String> {
    bytes(file, offset).map(u16::from_le_bytes)
}

/// The text up to the next zero byte.
fn text(file: &[u8], offset: u32) -> Result<String, String> {
    let rest = usize::try_from(offset)
        .ok()
        .and_then(|start| file.get(start..))
        .ok_or(SHORT)?;
    let end = rest.iter().position(|byte| *byte == 0).ok_or(SHORT)?;
    Ok(String::from_utf8_lossy(&rest[..end]).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: &[u8] = b"\0.text\0.data\0.bss\0.comment\0.strtab\0";

    /// A file with the given (name offset, type, flags, address, size) and a name table.
    fn sample() -> Vec<u8> {
        let headers: [[u32; 5]; 6] = [
            [0, 0, 0, 0, 0],
            [1, 1, FLAG_ALLOC, 0, 1000],
            [7, 1, FLAG_ALLOC | FLAG_WRITE, 0x2000_0000, 20],
            [13, TYPE_NOBITS, FLAG_ALLOC | FLAG_WRITE, 0x2000_0014, 300],
            [18, 1, 0, 0, 77],
            [27, 3, 0, 0, 35],
        ];
        let names_at = 0x34 + 6 * 0x28;
        let mut file = vec![0; 0x34];
        file[..6].copy_from_slice(b"\x7fELF\x01\x01");
        file[0x20..0x24].copy_from_slice(&0x34_u32.to_le_bytes());
        file[0x2e..0x30].copy_from_slice(&0x28_u16.to_le_bytes());
        file[0x30..0x32].copy_from_slice(&6_u16.to_le_bytes());
        file[0x32..0x34].copy_from_slice(&5_u16.to_le_bytes());
        for [name, kind, flags, address, size] in headers {
            for value in [name, kind, flags, address, names_at, size, 0, 0, 0, 0] {
                file.extend_from_slice(&value.to_le_bytes());
            }
        }
        file.extend_from_slice(NAMES);
        file
    }

    #[test]
    fn only_sections_in_memory_are_listed() {
        let sections = sections(&sample()).unwrap();
        let names: Vec<_> = sections
            .iter()
            .map(|section| section.name.as_str())
            .collect();
        assert_eq!(names, [".text", ".data", ".bss"]);
        assert_eq!(
            sections[2],
            Section {
                name: ".bss".into(),
                address: 0x2000_0014,
                size: 300,
                writable: true,
                stored: false,
            }
        );
        assert!(sections[0].stored && !sections[0].writable);
    }

    #[test]
    fn a_file_cut_anywhere_is_an_error() {
        let whole = sample();
        // The name of the last section in memory ends here; the rest is not needed.
        let needed = 0x34 + 6 * 0x28 + 18;
        for len in 0..needed {
            assert!(sections(&whole[..len]).is_err(), "{len} bytes");
        }
        assert!(sections(&whole[..needed]).is_ok());
    }

    #[test]
    fn offsets_that_overflow_are_an_error() {
        let mut file = sample();
        file[0x20..0x24].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(sections(&file).is_err());
    }

    #[test]
    fn a_64_bit_file_is_refused() {
        let mut file = sample();
        file[4] = 2;
        assert!(sections(&file).is_err());
        assert!(segments(&file).is_err());
    }

    /// A file with three segments: one to load, one without bytes, one that is only a note.
    fn loadable() -> Vec<u8> {
        let headers: [[u32; 8]; 3] = [
            [TYPE_LOAD, 0x94, 0x2000_0000, 0x1000_0000, 3, 9, 6, 4],
            [TYPE_LOAD, 0x94, 0x2000_0010, 0x2000_0010, 0, 9, 6, 4],
            [4, 0x94, 0, 0, 3, 3, 4, 4],
        ];
        let mut file = vec![0; 0x34];
        file[..6].copy_from_slice(b"\x7fELF\x01\x01");
        file[0x1c..0x20].copy_from_slice(&0x34_u32.to_le_bytes());
        file[0x2a..0x2c].copy_from_slice(&0x20_u16.to_le_bytes());
        file[0x2c..0x2e].copy_from_slice(&3_u16.to_le_bytes());
        for word in headers.as_flattened() {
            file.extend_from_slice(&word.to_le_bytes());
        }
        file.extend_from_slice(b"abc");
        file
    }

    #[test]
    fn segments_are_found_where_they_are_stored() {
        let file = loadable();
        let segment = Segment {
            address: 0x1000_0000,
            bytes: b"abc",
        };
        assert_eq!(segments(&file).unwrap(), [segment]);
        for len in 0..file.len() {
            assert!(segments(&file[..len]).is_err(), "{len} bytes");
        }
    }
}
