//! The security log: who signed in, who was refused, and what was done to accounts, tokens and
//! sessions. An office keeps it apart from the other logs.

/// The target of its lines.
pub(crate) const TARGET: &str = "duban::security";

/// What a line repeats of a text from outside, in characters.
pub(crate) const LOGGED_CHARS_MAX: usize = 64;

/// The longest reason of a refusal in a line, in characters: it may repeat what another system
/// has answered.
pub(crate) const REASON_CHARS_MAX: usize = 300;

/// A text from outside as a line of a log repeats it.
pub(crate) fn cut(text: &str) -> String {
    cut_to(text, LOGGED_CHARS_MAX)
}

/// The beginning of a text, without the control characters that an escape would make six times
/// as long.
pub(crate) fn cut_to(text: &str, chars_max: usize) -> String {
    text.chars()
        .take(chars_max)
        .map(|letter| if letter.is_control() { char::REPLACEMENT_CHARACTER } else { letter })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_comes_a_line_stays_short() {
        assert_eq!(cut("li"), "li");
        assert_eq!(cut("a\u{1}\n\u{7f}\u{85}b"), "a\u{fffd}\u{fffd}\u{fffd}\u{fffd}b");
        for letter in ["\u{0}", "\u{1b}", "督", "😀", "\"", "\\", "\u{202e}", "\u{301}"] {
            let kept = cut(&letter.repeat(100_000));
            assert_eq!(kept.chars().count(), LOGGED_CHARS_MAX);
            for written in [serde_json::to_string(&kept).unwrap(), format!("{kept:?}")] {
                assert!(written.len() < 800, "{letter:?}: {}", written.len());
            }
        }
    }
}
