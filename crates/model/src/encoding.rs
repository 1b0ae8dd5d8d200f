//! Text out of bytes, in the encodings of Chinese offices.

use encoding_rs::{Encoding, GB18030};

/// UTF-8, with a mark or without; UTF-16 with its mark; else GB18030, if all of it is, as WPS and
/// Notepad save it. The mark is left out; `None` where it is none of them.
///
/// ```
/// assert_eq!(duban_model::decode_text(b"\xb6\xbd\xb0\xec"), Some("督办".to_owned()));
/// assert_eq!(duban_model::decode_text(b"\xff\xff"), None);
/// ```
pub fn decode_text(bytes: &[u8]) -> Option<String> {
    if let Some((encoding, _)) = Encoding::for_bom(bytes) {
        let (text, _, has_errors) = encoding.decode(bytes);
        return (!has_errors).then(|| text.into_owned());
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Some(text.to_owned());
    }
    let (text, has_errors) = GB18030.decode_without_bom_handling(bytes);
    (!has_errors).then(|| text.into_owned())
}
