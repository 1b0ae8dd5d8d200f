//! Words: how texts are cut into what can be looked up, and what a search asks for.
//!
//! Chinese has no spaces, and people search for two characters or for one. A run of Chinese,
//! Japanese or Korean characters is therefore cut into its characters and overlapping pairs:
//! 督办单 is 督, 督办, 办, 办单, 单. A character and a pair are one term each, a longer word is a
//! phrase, and nothing is ever looked up by its beginning, which would cost as much as there is
//! in the index. Latin words and numbers are kept whole.
//!
//! Everything is folded first (NFKC, lower case), so that full-width digits, capitals and
//! compatibility characters make no difference.

use unicode_normalization::UnicodeNormalization;

/// A text as it is compared: full-width made half-width, capitals made small.
///
/// ```
/// assert_eq!(duban_store::fold("ＧＤＰ增长５％"), "gdp增长5%");
/// ```
pub fn fold(text: &str) -> String {
    text.nfkc().collect::<String>().to_lowercase()
}

/// What a search asks for.
///
/// Words stand between spaces, and all of them must be found; what stands in quotes is one word;
/// a word after `-` must not be found. Nothing that people can write is an error: what holds
/// neither letters nor digits asks for nothing.
///
/// ```
/// use duban_store::SearchWords;
///
/// let words = SearchWords::parse("督办 “约谈 记录” -２０２１");
/// assert_eq!(words.wanted(), ["督办", "约谈 记录"]);
/// assert_eq!(words.unwanted(), ["2021"]);
/// assert!(SearchWords::parse("-- \" ?! 。").is_empty());
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SearchWords {
    wanted: Vec<String>,
    unwanted: Vec<String>,
}

impl SearchWords {
    /// Reads what somebody has typed.
    pub fn parse(text: &str) -> Self {
        let folded = fold(text);
        let (mut words, mut rest) = (Self::default(), folded.trim_start());
        while !rest.is_empty() {
            let bare = rest.trim_start_matches('-');
            let is_unwanted = bare.len() < rest.len();
            let (word, after) = match bare.strip_prefix(is_quote) {
                Some(quoted) => quoted.split_once(is_quote).unwrap_or((quoted, "")),
                None => {
                    let ends = |c: char| c.is_whitespace() || is_quote(c);
                    bare.split_at(bare.find(ends).unwrap_or(bare.len()))
                }
            };
            if phrase(word).is_some() {
                let list = if is_unwanted { &mut words.unwanted } else { &mut words.wanted };
                list.push(word.trim().to_owned());
            }
            rest = after.trim_start();
        }
        words
    }

    /// Words that must be found, folded.
    pub fn wanted(&self) -> &[String] {
        &self.wanted
    }

    /// Words that must not be found, folded.
    pub fn unwanted(&self) -> &[String] {
        &self.unwanted
    }

    /// Whether nothing is asked for: words that must not be found alone find nothing.
    pub fn is_empty(&self) -> bool {
        self.wanted.is_empty()
    }
}

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '“' | '”' | '「' | '」')
}

/// A word as the terms that must follow one another; `None`: it holds nothing that is indexed.
pub(crate) fn phrase(word: &str) -> Option<Vec<String>> {
    let folded = fold(word);
    let runs: Vec<Run<'_>> = runs(&folded).collect();
    let mut terms: Vec<String> = runs.iter().flat_map(Run::terms).collect();
    // Pairs say it all: the single characters at both ends would only be looked up in vain.
    if runs.last()?.is_pairs() {
        terms.pop();
    }
    if runs.first()?.is_pairs() {
        terms.remove(0);
    }
    Some(terms)
}

/// The terms of a text, in order, separated by spaces.
pub(crate) fn terms(text: &str) -> String {
    let folded = fold(text);
    let mut joined = String::with_capacity(folded.len() * 2);
    for term in runs(&folded).flat_map(|run| run.terms()) {
        if !joined.is_empty() {
            joined.push(' ');
        }
        joined.push_str(&term);
    }
    joined
}

/// A stretch of letters or digits of one sort.
enum Run<'a> {
    /// Characters that are written without spaces.
    Han(&'a str),
    /// A word or number.
    Word(&'a str),
}

impl Run<'_> {
    fn terms(&self) -> Vec<String> {
        match self {
            Self::Word(word) => vec![(*word).to_owned()],
            Self::Han(run) => {
                let chars: Vec<char> = run.chars().collect();
                let mut terms = Vec::with_capacity(2 * chars.len());
                for (at, one) in chars.iter().enumerate() {
                    terms.push(one.to_string());
                    terms.extend(chars.get(at..at + 2).map(String::from_iter));
                }
                terms
            }
        }
    }

    /// Whether it is cut and long enough for a pair.
    fn is_pairs(&self) -> bool {
        matches!(self, Self::Han(run) if run.chars().nth(1).is_some())
    }
}

fn runs(folded: &str) -> impl Iterator<Item = Run<'_>> {
    let mut rest = folded;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(|c: char| !c.is_alphanumeric());
        let is_han = is_unspaced(rest.chars().next()?);
        let ends = |c: char| !c.is_alphanumeric() || is_unspaced(c) != is_han;
        let (run, after) = rest.split_at(rest.find(ends).unwrap_or(rest.len()));
        rest = after;
        Some(if is_han { Run::Han(run) } else { Run::Word(run) })
    })
}

/// Whether a character belongs to a script that is written without spaces, or, as Korean, with
/// endings that a search must not depend on.
fn is_unspaced(c: char) -> bool {
    matches!(c,
        '\u{3005}'..='\u{3007}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_cut_into_pairs_and_words_kept_whole() {
        assert_eq!(terms("督办单"), "督 督办 办 办单 单");
        assert_eq!(terms("2022年第３号《督办》"), "2022 年 年第 第 3 号 督 督办 办");
        assert_eq!(terms("完成GDP５.2%，好"), "完 完成 成 gdp5 2 好");
        assert_eq!(terms("  。！ "), "");
    }

    #[test]
    fn a_word_is_a_phrase_that_texts_hold_wherever_it_stands() {
        let phrase = |word| phrase(word).map(|terms| terms.join(" "));
        let is = |terms: &str| Some(terms.to_owned());
        assert_eq!(phrase("督"), is("督"));
        assert_eq!(phrase("督办"), is("督办"));
        assert_eq!(phrase("督办单"), is("督办 办 办单"));
        assert_eq!(phrase("第3号"), is("第 3 号"));
        assert_eq!(phrase("单第3号文"), is("单第 第 3 号 号文"));
        assert_eq!(phrase("ＧＤＰ"), is("gdp"));
        assert_eq!(phrase("——"), None);
    }

    #[test]
    fn whatever_is_typed_is_read() {
        let parse = |text| {
            let words = SearchWords::parse(text);
            (words.wanted.join("|"), words.unwanted.join("|"))
        };
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(parse("历下区　书记"), pair("历下区|书记", ""));
        assert_eq!(parse("\"半 句"), pair("半 句", ""));
        assert_eq!(parse("甲\"乙 丙\"丁"), pair("甲|乙 丙|丁", ""));
        assert_eq!(parse("－退回 -“整改 不力”"), pair("", "退回|整改 不力"));
        assert_eq!(parse("a-b --c"), pair("a-b", "c"));
        for nothing in ["", "-", "\"\"", "\"", "- -", "*()^:", "NEAR(\"", "“”"] {
            assert!(SearchWords::parse(nothing).wanted.len() <= 1, "{nothing}");
        }
    }
}
