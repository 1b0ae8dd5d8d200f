//! The part of a text that a search has found, with the words marked.

use duban_store::{SearchWords, fold};
use serde::Serialize;
use utoipa::ToSchema;

/// Characters of a text that are shown around the first hit.
const SHOWN_CHARS: usize = 120;

/// Of these, how many stand before it.
const BEFORE_CHARS: usize = 20;

/// A stretch of a text.
#[derive(Debug, Eq, PartialEq, Serialize, ToSchema)]
pub(crate) struct Stretch {
    /// The text, not escaped.
    pub(crate) text: String,
    /// Whether it is what was searched for.
    pub(crate) is_hit: bool,
}

/// A text with its hits marked, shortened to what stands around the first one.
pub(crate) fn snippet(text: &str, words: &SearchWords) -> Vec<Stretch> {
    let chars: Vec<char> = text.chars().collect();
    let hits = hits(&chars, words);
    let first = hits.iter().position(|is_hit| *is_hit).unwrap_or(0);
    let start = first.saturating_sub(BEFORE_CHARS);
    let end = (start + SHOWN_CHARS).min(chars.len());
    let mut shown: Vec<Stretch> = Vec::new();
    let mut push = |text: &str, is_hit: bool| match shown.last_mut() {
        Some(last) if last.is_hit == is_hit => last.text.push_str(text),
        _ => shown.push(Stretch { text: text.to_owned(), is_hit }),
    };
    if start > 0 {
        push("…", false);
    }
    for at in start..end {
        push(chars[at].encode_utf8(&mut [0; 4]), hits[at]);
    }
    if end < chars.len() {
        push("…", false);
    }
    shown
}

/// Which characters belong to a hit. As in the index, only letters and digits count; what stands
/// between two of them belongs to the hit that goes across.
fn hits(chars: &[char], words: &SearchWords) -> Vec<bool> {
    let mut folded: Vec<(char, usize)> = Vec::with_capacity(chars.len());
    for (at, c) in chars.iter().enumerate() {
        fold_char(*c, |c| {
            if c.is_alphanumeric() {
                folded.push((c, at));
            }
        });
    }
    let mut hits = vec![false; chars.len()];
    for word in words.wanted() {
        let word: Vec<char> = word.chars().filter(|c| c.is_alphanumeric()).collect();
        for found in folded.windows(word.len().max(1)) {
            if found.iter().map(|(c, _)| c).eq(&word)
                && let [(_, from), ..] = found
                && let [.., (_, to)] = found
            {
                hits[*from..=*to].fill(true);
            }
        }
    }
    hits
}

/// Folds one character; most need no table.
fn fold_char(c: char, mut push: impl FnMut(char)) {
    match c {
        '\u{4e00}'..='\u{9fff}' => push(c),
        c if c.is_ascii() => push(c.to_ascii_lowercase()),
        c => fold(c.encode_utf8(&mut [0; 4])).chars().for_each(push),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(text: &str, words: &str) -> String {
        let stretch = |one: Stretch| if one.is_hit { format!("[{}]", one.text) } else { one.text };
        snippet(text, &SearchWords::parse(words)).into_iter().map(stretch).collect()
    }

    #[test]
    fn hits_are_marked_as_they_were_written() {
        assert_eq!(marked("组织约谈，约谈３人", "约谈3"), "组织约谈，[约谈３]人");
        assert_eq!(marked("GDP增长", "gdp 增"), "[GDP增]长");
        assert_eq!(marked("办结，督办", "\"办结 督办\""), "[办结，督办]");
        assert_eq!(marked("进展顺利", "别的"), "进展顺利");
        assert_eq!(marked("", "别的"), "");
        assert_eq!(marked("<b>督办</b>", "督办"), "<b>[督办]</b>");
    }

    #[test]
    fn a_long_text_is_shown_around_its_first_hit() {
        let text = format!("{}督办{}", "甲".repeat(50), "乙".repeat(200));
        let shown = marked(&text, "督办");
        let expected = format!("…{}[督办]{}…", "甲".repeat(20), "乙".repeat(98));
        assert_eq!(shown, expected);
    }
}
