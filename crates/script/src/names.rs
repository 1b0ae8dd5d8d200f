//! Every name that the host gives to scripts, in English and in Chinese.
//!
//! This is the one table: the sandbox registers its functions and properties under both names of
//! an entry, the checks suggest from it, the tests go through it, and the reference in
//! `docs/language.md` is made from it.

mod actions;
mod functions;
mod properties;
mod variables;

/// What a name stands for.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd)]
pub enum HostKind {
    /// A variable, readable everywhere, also inside functions.
    Variable,
    /// A function that answers.
    Function,
    /// A method of a type, called as `x.name(…)`.
    Method {
        /// The type it belongs to, for example `unit`.
        of: &'static str,
    },
    /// A property of a type, read as `x.name`.
    Property {
        /// The type it belongs to, for example `unit`.
        of: &'static str,
    },
    /// An action: each call becomes one event.
    Action,
    /// A key of an action's map, for example `to` of `remind(#{ to: … })`.
    Key {
        /// The action.
        of: &'static str,
    },
}

/// A name that scripts can use, in both languages.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct HostName {
    /// The English name.
    pub english: &'static str,
    /// The Chinese name.
    pub chinese: &'static str,
    /// What it stands for.
    pub kind: HostKind,
    /// How it is written and what it yields, for example `workdays(n) → span`.
    pub signature: &'static str,
    /// What it is, in Chinese.
    pub doc_zh: &'static str,
    /// What it is, in English.
    pub doc_en: &'static str,
}

/// Every name that the host gives to scripts.
///
/// ```
/// use duban_script::{HostKind, NAMES};
///
/// let remind = NAMES.iter().find(|name| name.english == "remind").ok_or("no `remind`")?;
/// assert_eq!((remind.chinese, remind.kind), ("催办", HostKind::Action));
/// # Ok::<(), &str>(())
/// ```
pub const NAMES: &[HostName] = &ALL;

const COUNT: usize = variables::NAMES.len()
    + functions::NAMES.len()
    + properties::NAMES.len()
    + actions::NAMES.len();

static ALL: [HostName; COUNT] = {
    let mut all = [variables::NAMES[0]; COUNT];
    let parts = [variables::NAMES, functions::NAMES, properties::NAMES, actions::NAMES];
    let (mut at, mut part) = (0, 0);
    while part < parts.len() {
        let mut one = 0;
        while one < parts[part].len() {
            all[at] = parts[part][one];
            at += 1;
            one += 1;
        }
        part += 1;
    }
    all
};

const fn entry(
    names: (&'static str, &'static str),
    kind: HostKind,
    signature: &'static str,
    docs: (&'static str, &'static str),
) -> HostName {
    let (doc_zh, doc_en) = docs;
    HostName { english: names.0, chinese: names.1, kind, signature, doc_zh, doc_en }
}

/// An expression with the host's names in Chinese, for people who read it and write none. Texts
/// in quotes and names of the author's own stay as they are.
///
/// ```
/// use duban_script::in_chinese;
///
/// assert_eq!(in_chinese("period.start + workdays(10)"), "期间.开始 + 工作日(10)");
/// assert_eq!(in_chinese("tasks.plan.done_at + days(3)"), "各任务.plan.办结时刻 + 天(3)");
/// assert_eq!(in_chinese("org(\"unit\").post(\"书记\")"), "机构(\"unit\").岗位(\"书记\")");
/// ```
pub fn in_chinese(source: &str) -> String {
    let is_name = |letter: char| letter.is_alphanumeric() || letter == '_';
    let mut told = String::with_capacity(source.len() * 2);
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' | '`' => quoted(rest, first),
            _ if is_name(first) => rest.find(|letter| !is_name(letter)).unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        let is_member = told.trim_end().ends_with('.');
        let known = |host: &&HostName| {
            let fits = match host.kind {
                HostKind::Property { .. } | HostKind::Method { .. } => is_member,
                HostKind::Variable | HostKind::Function => !is_member,
                HostKind::Action | HostKind::Key { .. } => false,
            };
            fits && host.english == token
        };
        told.push_str(NAMES.iter().find(known).map_or(token, |host| host.chinese));
        rest = after;
    }
    told
}

/// How long the text in quotes is that an expression begins with, in bytes.
fn quoted(rest: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, letter) in rest.char_indices().skip(1) {
        if letter == quote && !is_escaped {
            return at + quote.len_utf8();
        }
        is_escaped = letter == '\\' && !is_escaped;
    }
    rest.len()
}

/// The entries of a kind.
pub(crate) fn of_kind(kind: HostKind) -> impl Iterator<Item = &'static HostName> {
    NAMES.iter().filter(move |name| name.kind == kind)
}

/// The English name of an entry known by either name.
pub(crate) fn english(kind: HostKind, name: &str) -> Option<&'static str> {
    of_kind(kind).find(|host| host.english == name || host.chinese == name).map(|it| it.english)
}

/// Both names of an entry.
///
/// # Panics
///
/// If the table lacks the entry, which a test rules out.
pub(crate) fn both(kind: HostKind, english: &str) -> [&'static str; 2] {
    let found = of_kind(kind).find(|host| host.english == english);
    let host = found.unwrap_or_else(|| unreachable!("invariant: NAMES has {kind:?} {english}"));
    [host.english, host.chinese]
}

/// The English name of an action or function under which a script may define a rung's function.
pub(crate) fn canonical(name: &str) -> &str {
    english(HostKind::Action, name).or_else(|| english(HostKind::Function, name)).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_name_means_two_things_of_one_kind() {
        let mut seen = BTreeSet::new();
        for host in NAMES {
            assert!(seen.insert((host.kind, host.english)), "{host:?}");
            assert!(seen.insert((host.kind, host.chinese)), "{host:?}");
        }
    }

    #[test]
    fn every_entry_is_documented() {
        for host in NAMES {
            assert!(host.chinese.chars().all(|letter| !letter.is_ascii()), "{host:?}");
            assert!(!host.doc_zh.is_empty() && !host.doc_en.is_empty(), "{host:?}");
            assert!(host.signature.contains(host.english), "{host:?}");
        }
    }
}
