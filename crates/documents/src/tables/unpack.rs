//! Workbooks measured before they are opened.
//!
//! A workbook is an archive: a small one may hold very much, and the reader trusts the number of
//! texts that one says it has. Every part is unpacked once into nothing, counted, before the
//! reader sees it.

use std::io::{Cursor, Read};

use duban_model::Problem;
use zip::ZipArchive;

use super::{UNPACKED_BYTES_MAX, at, limit};

/// The most parts of a workbook.
const PARTS_MAX: usize = 10_000;

/// The most bytes of the shared texts of a workbook, and the most texts it may say it has.
const TEXTS_BYTES_MAX: u64 = 64 * 1024 * 1024;
const TEXTS_MAX: usize = 5_000_000;

pub(super) fn measure(file: &str, bytes: &[u8]) -> Result<(), Vec<Problem>> {
    measure_within(file, bytes, UNPACKED_BYTES_MAX)
}

fn measure_within(file: &str, bytes: &[u8], mut room: u64) -> Result<(), Vec<Problem>> {
    let broken = |error: &dyn std::fmt::Display| {
        vec![at(file, "DB1309", format!("“{file}”不是 .xlsx 文件：{error}"))]
    };
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| broken(&error))?;
    if archive.len() > PARTS_MAX {
        return Err(limit(file, "parts_max", &PARTS_MAX.to_string()));
    }
    for number in 0..archive.len() {
        let mut part = archive.by_index(number).map_err(|error| broken(&error))?;
        let name = part.name().map_err(|error| broken(&error))?;
        let has_texts = name.to_ascii_lowercase().ends_with("sharedstrings.xml");
        let read = if has_texts {
            let mut texts = Vec::new();
            let read = part.by_ref().take(TEXTS_BYTES_MAX + 1).read_to_end(&mut texts);
            check_texts(file, &texts)?;
            read.map(|read| u64::try_from(read).unwrap_or(u64::MAX))
        } else {
            std::io::copy(&mut part.by_ref().take(room + 1), &mut std::io::sink())
        };
        let read = read.map_err(|error| broken(&error))?;
        room =
            room.checked_sub(read).ok_or_else(|| limit(file, "unpacked_bytes_max", "256 MiB"))?;
    }
    Ok(())
}

/// The reader makes room for as many texts as a workbook says it has.
fn check_texts(file: &str, texts: &[u8]) -> Result<(), Vec<Problem>> {
    if u64::try_from(texts.len()).unwrap_or(u64::MAX) > TEXTS_BYTES_MAX {
        return Err(limit(file, "texts_bytes_max", "64 MiB"));
    }
    if texts.contains(&0) {
        return Err(vec![at(file, "DB1309", "工作簿里的文字不是 UTF-8")]);
    }
    const SAID: &[u8] = b"uniqueCount";
    for (start, _) in texts.windows(SAID.len()).enumerate().filter(|(_, part)| *part == SAID) {
        let rest = &texts[start + SAID.len()..];
        let digits = rest.iter().skip_while(|byte| !byte.is_ascii_digit() && **byte != b'>');
        let said: Vec<u8> = digits.take_while(|byte| byte.is_ascii_digit()).copied().collect();
        let said = std::str::from_utf8(&said).unwrap_or_default();
        let count: usize = if said.is_empty() { 0 } else { said.parse().unwrap_or(usize::MAX) };
        if count > TEXTS_MAX {
            return Err(limit(file, "texts_max", &TEXTS_MAX.to_string()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn archive(name: &str, part: &[u8]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for name in [name, "other"] {
            writer.start_file(name, SimpleFileOptions::default()).unwrap();
            writer.write_all(part).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    #[test]
    fn archives_that_unpack_to_too_much_are_refused() {
        let bomb = archive("xl/worksheets/sheet1.xml", &vec![b' '; 1_000_000]);
        assert!(bomb.len() < 10_000);
        assert!(measure_within("a.xlsx", &bomb, 2_000_000).is_ok());
        let problem = measure_within("a.xlsx", &bomb, 1_999_999).unwrap_err();
        assert!(problem[0].message.contains("unpacked_bytes_max"), "{problem:?}");
    }

    #[test]
    fn a_number_of_texts_that_cannot_be_is_refused() {
        for said in ["99999999999999", "5000001", "99999999999999999999999999"] {
            let liar = format!("<!-- x --><sst count = \"1\" uniqueCount = '{said}'></sst>");
            let problem = measure("a.xlsx", &archive("xl/SharedStrings.xml", liar.as_bytes()));
            assert!(problem.unwrap_err()[0].message.contains("texts_max"), "{said}");
        }
        let wide: Vec<u8> = "<sst>".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(measure("a.xlsx", &archive("xl/sharedStrings.xml", &wide)).is_err());
        let fair = b"<sst uniqueCount=\"5000000\"></sst>";
        assert!(measure("a.xlsx", &archive("xl/sharedStrings.xml", fair)).is_ok());
    }
}
