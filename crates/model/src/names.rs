//! Which names may stand where.

use crate::punctuation::half_width_line;
use crate::read::Reader;
use crate::wording::What;
use crate::yaml::Node;

/// Words that rhai keeps for itself, even behind a dot.
const RESERVED: &[&str] = &[
    "Fn",
    "as",
    "async",
    "await",
    "break",
    "call",
    "case",
    "catch",
    "const",
    "continue",
    "curry",
    "debug",
    "default",
    "do",
    "else",
    "eval",
    "export",
    "false",
    "fn",
    "for",
    "global",
    "go",
    "goto",
    "if",
    "import",
    "in",
    "is",
    "is_def_fn",
    "is_def_var",
    "is_shared",
    "let",
    "loop",
    "match",
    "module",
    "new",
    "nil",
    "null",
    "package",
    "print",
    "private",
    "protected",
    "public",
    "return",
    "shared",
    "spawn",
    "static",
    "super",
    "switch",
    "sync",
    "this",
    "thread",
    "throw",
    "true",
    "try",
    "type_of",
    "until",
    "use",
    "var",
    "void",
    "while",
    "with",
    "yield",
];

/// Whether a text is an identifier of rhai that no keyword takes.
pub fn is_identifier(text: &str) -> bool {
    let mut letters = text.chars();
    let first = letters.next().is_some_and(|first| first.is_alphabetic() || first == '_');
    first
        && letters.all(|letter| letter.is_alphanumeric() || letter == '_')
        && text.chars().any(char::is_alphabetic)
        && !RESERVED.contains(&text)
}

/// Reports an id that cannot be one; it is read all the same, so that what refers to it finds it.
pub(crate) fn check_id(r: &mut Reader<'_>, node: &Node, what: What, text: &str) {
    if let Err(bad) = what.check(text) {
        r.error("DB1201", node, bad.zh());
    }
}

/// The text of a node that scripts read as a name. What cannot be one is reported, and read all
/// the same, so that what refers to it finds it.
pub(crate) fn identifier(r: &mut Reader<'_>, node: &Node) -> Option<String> {
    let text = r.text(node)?;
    if let Some(half) = half_width_line(&text) {
        r.error_help(
            "DB1008",
            node,
            "这里用了全角标点，YAML 的分隔符要用半角",
            format!("写成：{half}"),
        );
    } else if RESERVED.contains(&text.as_str()) {
        let message = format!("`{text}` 是 rhai 的保留字，不能作名称");
        r.error_help("DB1201", node, message, format!("换一个名称，例如 `{text}_1`"));
    } else if !is_identifier(&text) {
        let message = format!("`{text}` 不能作名称");
        r.error_help(
            "DB1201",
            node,
            message,
            "名称由字母（可用中文）、数字和下划线组成，不以数字开头",
        );
    }
    Some(text)
}
