//! Text inside SVG: escaped, measured, shortened.

/// Escapes what has a meaning in XML text and attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // Not allowed in XML, even escaped.
            control if control.is_control() && control != '\n' && control != '\t' => {}
            other => escaped.push(other),
        }
    }
    escaped
}

/// Half ems: two for a wide character, one for others.
fn halves(letter: char) -> usize {
    if u32::from(letter) >= 0x1100 { 2 } else { 1 }
}

/// Cuts a text to a number of half ems, with an ellipsis where something is missing.
pub(crate) fn fit(text: &str, room: usize) -> String {
    if text.chars().map(halves).sum::<usize>() <= room {
        return text.to_owned();
    }
    let mut used = 2;
    let mut kept = String::new();
    for letter in text.chars() {
        used += halves(letter);
        if used > room {
            break;
        }
        kept.push(letter);
    }
    kept.push('…');
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_counts_twice() {
        assert_eq!(fit("专题研究", 8), "专题研究");
        assert_eq!(fit("专题研究一次", 8), "专题研…");
        assert_eq!(fit("abcdefghij", 8), "abcdef…");
    }

    #[test]
    fn markup_is_text() {
        assert_eq!(escape("<a b=\"c\">&'\u{1}"), "&lt;a b=&quot;c&quot;&gt;&amp;&#39;");
    }
}
