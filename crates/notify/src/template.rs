//! What messages say: a template for each kind, which the office may replace by its own.
//!
//! Templates are checked when they are loaded, never first in front of people: syntax, names,
//! filters and limits, each with its line. Where one fails all the same with what a script sent,
//! the built-in one of that kind speaks for it; a message is never lost over its wording.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::Arc;

use duban_calendar::{Tz, local};
use duban_core::Notification;
use duban_engine::Delivery;
use duban_model::{Assignee, Directory, PersonId};
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value};
use serde_json::{Value as Json, json};

use crate::error::NotifyError;
use crate::recipients::Contacts;

/// Every kind of message with its built-in template.
const BUILT_IN: [(Notification, &str); 9] = [
    (Notification::Remind, "【{{ kind }}】{{ text }}{% if link %}\n{{ link }}{% endif %}"),
    (Notification::Urge, "【{{ kind }}】{{ text }}{% if link %}\n{{ link }}{% endif %}"),
    (
        Notification::Slip,
        "【{% if colour %}{{ colour }}色{% endif %}{{ kind }}{% if number %}第{{ number }}号{% endif %}】\
         {{ text }}{% if link %}\n{{ link }}{% endif %}",
    ),
    (
        Notification::Notice,
        "【{{ kind }}{% if number %}第{{ number }}号{% endif %}】{{ text }}\
         {% if link %}\n{{ link }}{% endif %}",
    ),
    (Notification::Interview, "【{{ kind }}】{{ text }}{% if link %}\n{{ link }}{% endif %}"),
    (Notification::Refer, "【{{ kind }}】{{ text }}{% if link %}\n{{ link }}{% endif %}"),
    (Notification::Ask, "【{{ kind }}】{{ text }}{% if link %}\n{{ link }}{% endif %}"),
    (Notification::Alarm, "【{{ kind }}】{{ text }}{% if link %}\n{{ link }}{% endif %}"),
    (Notification::Emit, "【{{ kind }}】{{ text }}"),
];

/// The names that templates may use.
const NAMES: [&str; 11] =
    ["at", "case", "colour", "data", "item", "kind", "link", "number", "people", "text", "to"];

/// Functions that templates may call.
const FUNCTIONS: [&str; 3] = ["dict", "namespace", "range"];

/// What one rendering may use up, in minijinja's instructions, and write, in bytes.
const FUEL_MAX: u64 = 50_000;
const TEXT_BYTES_MAX: usize = 64 * 1_024;

/// The longest template, in bytes.
const SOURCE_BYTES_MAX: usize = 64 * 1_024;

/// One problem of one template.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TemplateProblem {
    /// The template's name: a kind of message, for example `remind`.
    pub template: String,
    /// The line, from 1, where the problem lies in one.
    pub line: Option<usize>,
    /// What is wrong.
    pub error: String,
}

impl fmt::Display for TemplateProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "`{}`, line {line}: {}", self.template, self.error),
            None => write!(f, "`{}`: {}", self.template, self.error),
        }
    }
}

/// What templates may show besides the message itself.
#[derive(Clone, Debug)]
pub struct TemplateOptions {
    /// Where names of units and people are looked up; without it their ids are shown.
    pub contacts: Contacts,
    /// The zone in which moments are shown.
    pub zone: Tz,
    /// The address of a case's page for people, with `{case}` in the place of its id.
    pub case_url: Option<String>,
}

impl Default for TemplateOptions {
    fn default() -> Self {
        Self { contacts: Contacts::default(), zone: Tz::Asia__Shanghai, case_url: None }
    }
}

/// The texts of messages. A cheap handle: clones share the templates.
///
/// The templates are minijinja's, without inclusion and macros. These names are always there;
/// what a message does not have is `none`:
///
/// | name | what it holds |
/// |---|---|
/// | `kind` | the kind as a word: 催办, 督办单, 通报, 约谈, 移送, 请示, 告警, 事件 |
/// | `text` | what the engine or a script wrote |
/// | `number` | the number of a slip or notice |
/// | `colour` | the colour of a slip: 蓝, 黄, 红 |
/// | `to` | whom it addresses, as names |
/// | `people` | who held those posts, as names |
/// | `at` | when it came about, as 2022年7月1日 00:00 |
/// | `case`, `item` | the ids |
/// | `link` | the page of the case |
/// | `data` | further data, by key; not every message has every key: `data.why \| default('')` |
///
/// ```
/// use duban_notify::{TemplateOptions, Templates};
///
/// let own = |text: &str| [("remind".to_owned(), text.to_owned())].into_iter().collect();
/// Templates::load(TemplateOptions::default(), &own("{{ people | join('、') }}：{{ text }}"))?;
///
/// let refused = Templates::load(TemplateOptions::default(), &own("请办理\n{{ txet }}"));
/// let problem = refused.unwrap_err().to_string();
/// assert!(problem.contains("`remind`, line 2: `txet` is not known"), "{problem}");
/// # Ok::<(), duban_notify::NotifyError>(())
/// ```
#[derive(Clone)]
pub struct Templates {
    shared: Arc<Shared>,
}

struct Shared {
    options: TemplateOptions,
    built_in: Environment<'static>,
    own: Environment<'static>,
}

impl fmt::Debug for Templates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Templates").field("options", &self.shared.options).finish_non_exhaustive()
    }
}

impl Default for Templates {
    fn default() -> Self {
        Self::built_in(TemplateOptions::default())
    }
}

impl Templates {
    /// The built-in templates.
    pub fn built_in(options: TemplateOptions) -> Self {
        let shared = Shared { options, built_in: built_in(), own: environment() };
        Self { shared: Arc::new(shared) }
    }

    /// The office's templates by the kind of message: `remind`, `urge`, `slip`, `notice`,
    /// `interview`, `refer`, `ask`, `alarm`, `emit`. A kind that is left out keeps the built-in one.
    ///
    /// # Errors
    ///
    /// [`NotifyError::BadTemplates`] with every problem of every template.
    pub fn load(
        options: TemplateOptions,
        sources: &BTreeMap<String, String>,
    ) -> Result<Self, NotifyError> {
        let mut own = environment();
        let mut problems = Vec::new();
        for (name, source) in sources {
            match check(&mut own, name, source) {
                Ok(()) => {}
                Err(problem) => problems.push(problem),
            }
        }
        if !problems.is_empty() {
            return Err(NotifyError::BadTemplates(problems));
        }
        Ok(Self { shared: Arc::new(Shared { options, built_in: built_in(), own }) })
    }

    /// The built-in templates by kind: what an office may begin with.
    pub fn sources() -> impl Iterator<Item = (&'static str, &'static str)> {
        BUILT_IN.into_iter().map(|(kind, source)| (kind.as_str(), source))
    }

    /// What a message says. The same at every attempt, as long as the directory stays as it is.
    pub fn text(&self, delivery: &Delivery) -> String {
        let Shared { options, built_in, own } = &*self.shared;
        let facts = facts(delivery, options);
        let kind = delivery.sent.kind.as_str();
        let said = own.get_template(kind).ok().map(|_| render(own, kind, &facts));
        match said {
            Some(Ok(text)) => return text,
            Some(Err(error)) => tracing::warn!(
                template = kind,
                delivery = delivery.id,
                %error,
                "a template failed; the built-in one is used"
            ),
            None => {}
        }
        render(built_in, kind, &facts).unwrap_or_else(|_| delivery.sent.text.clone())
    }
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_fuel(Some(FUEL_MAX));
    // It would print everything that a template knows.
    environment.remove_global("debug");
    environment
}

fn built_in() -> Environment<'static> {
    let mut environment = environment();
    for (kind, source) in BUILT_IN {
        let added = environment.add_template(kind.as_str(), source);
        added.expect("invariant: the built-in templates are sound");
    }
    environment
}

/// Keeps a template if it is sound for every message that its kind may have.
fn check(
    environment: &mut Environment<'static>,
    name: &str,
    source: &str,
) -> Result<(), TemplateProblem> {
    let problem = |line: Option<usize>, error: String| TemplateProblem {
        template: name.to_owned(),
        line,
        error,
    };
    let Some((kind, _)) = BUILT_IN.iter().find(|(kind, _)| kind.as_str() == name) else {
        let kinds = BUILT_IN.map(|(kind, _)| kind.as_str()).join("`, `");
        return Err(problem(None, format!("there is no such kind of message; use `{kinds}`")));
    };
    if source.len() > SOURCE_BYTES_MAX {
        return Err(problem(None, format!("it has more than {SOURCE_BYTES_MAX} bytes")));
    }
    let failed = |error: minijinja::Error| problem(error.line(), told(&error));
    environment.add_template_owned(name.to_owned(), source.to_owned()).map_err(failed)?;
    let template = environment.get_template(name).map_err(failed)?;
    let mut unknown: Vec<String> = template.undeclared_variables(false).into_iter().collect();
    unknown.retain(|used| !NAMES.contains(&used.as_str()) && !FUNCTIONS.contains(&used.as_str()));
    unknown.sort();
    if let Some(used) = unknown.first() {
        let error = format!("`{used}` is not known; there are `{}`", NAMES.join("`, `"));
        return Err(problem(line_of(source, used), error));
    }
    for facts in samples(*kind) {
        match render(environment, name, &facts) {
            Ok(_) => {}
            Err(Failure::Template(error)) => return Err(failed(error)),
            Err(failure @ Failure::Empty) => return Err(problem(None, failure.to_string())),
        }
    }
    Ok(())
}

/// Why there is no text.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{}", told(.0))]
    Template(minijinja::Error),
    #[error("it says nothing")]
    Empty,
}

fn render(environment: &Environment<'_>, name: &str, facts: &Json) -> Result<String, Failure> {
    let template = environment.get_template(name).map_err(Failure::Template)?;
    let mut text = Bounded(Vec::new());
    template.render_captured_to(Value::from(Serde(facts)), &mut text).map_err(Failure::Template)?;
    let text = String::from_utf8_lossy(&text.0);
    let text = text.trim();
    if text.is_empty() { Err(Failure::Empty) } else { Ok(text.to_owned()) }
}

/// A text that may not grow for ever.
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > TEXT_BYTES_MAX {
            return Err(io::Error::other(format!("the text has more than {TEXT_BYTES_MAX} bytes")));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a template's error says, with its causes and without its place.
fn told(error: &minijinja::Error) -> String {
    let mut text = match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

/// The line, from 1, of the first tag that uses a name.
fn line_of(source: &str, name: &str) -> Option<usize> {
    let mut from = 0;
    while let Some(at) =
        source[from..].find("{{").into_iter().chain(source[from..].find("{%")).min()
    {
        let start = from + at;
        let close = if source[start..].starts_with("{{") { "}}" } else { "%}" };
        let end = source[start..].find(close).map_or(source.len(), |length| start + length);
        if let Some(place) = word_in(&source[start..end], name) {
            return Some(source[..start + place].matches('\n').count() + 1);
        }
        from = (end + close.len()).min(source.len());
    }
    None
}

fn word_in(tag: &str, name: &str) -> Option<usize> {
    let is_part = |char: char| char.is_alphanumeric() || char == '_';
    tag.match_indices(name).map(|(at, _)| at).find(|&at| {
        let (before, after) = (&tag[..at], &tag[at + name.len()..]);
        !before.ends_with(is_part) && !before.ends_with('.') && !after.starts_with(is_part)
    })
}

/// What a template knows of a message.
fn facts(delivery: &Delivery, options: &TemplateOptions) -> Json {
    let sent = &delivery.sent;
    let directory = options.contacts.directory();
    let directory = directory.as_deref();
    let to: Vec<String> = sent.to.iter().map(|to| assignee_name(to, directory)).collect();
    let people: Vec<String> = sent.people.iter().map(|id| person_name(id, directory)).collect();
    let colour = sent.colour.map(|colour| {
        use duban_script::SlipColour::{Blue, Red, Yellow};
        match colour {
            Blue => "蓝",
            Yellow => "黄",
            Red => "红",
        }
    });
    let link = options.case_url.as_ref().map(|url| url.replace("{case}", &delivery.case));
    json!({
        "kind": sent.kind.zh(),
        "text": sent.text,
        "number": sent.number,
        "colour": colour,
        "to": to,
        "people": people,
        "at": local(delivery.at, options.zone).format("%Y年%-m月%-d日 %H:%M").to_string(),
        "case": delivery.case,
        "item": sent.item,
        "link": link,
        "data": sent.data,
    })
}

fn person_name(id: &PersonId, directory: Option<&Directory>) -> String {
    let person = directory.and_then(|directory| directory.person(id));
    person.map_or_else(|| id.to_string(), |person| person.name.clone())
}

fn assignee_name(to: &Assignee, directory: Option<&Directory>) -> String {
    let unit = |id| {
        let unit = directory.and_then(|directory| directory.unit(id));
        unit.map_or_else(|| id.to_string(), |unit| unit.name.clone())
    };
    match to {
        Assignee::Unit(id) => unit(id),
        Assignee::Post(id, post) => format!("{}{post}", unit(id)),
        Assignee::Person(id) => person_name(id, directory),
    }
}

/// A message with everything in it, and one with nothing that may be missing.
fn samples(kind: Notification) -> [Json; 2] {
    let full = json!({
        "kind": kind.zh(), "text": "“撰写总结”应于6月30日前办结。", "number": 1, "colour": "黄",
        "to": ["历下区书记"], "people": ["李四"], "at": "2022年7月1日 00:00",
        "case": "c0ffee", "item": "write", "link": "https://duban.example.org/cases/c0ffee",
        "data": {},
    });
    let mut bare = full.clone();
    for name in ["number", "colour", "item", "link"] {
        bare[name] = Json::Null;
    }
    bare["to"] = json!([]);
    bare["people"] = json!([]);
    [full, bare]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(name: &str, source: &str) -> String {
        let sources = [(name.to_owned(), source.to_owned())].into_iter().collect();
        match Templates::load(TemplateOptions::default(), &sources) {
            Err(NotifyError::BadTemplates(problems)) => problems[0].to_string(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn built_in_templates_are_sound() {
        let sources =
            Templates::sources().map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
        Templates::load(TemplateOptions::default(), &sources).unwrap();
    }

    #[test]
    fn problems_name_their_template_and_line() {
        let expected = [
            ("remind", "一\n二{% if text %}", "`remind`, line 2: syntax error"),
            ("slip", "text\n{{ text }}\n{{ nmuber }}", "`slip`, line 3: `nmuber` is not known"),
            ("slip", "{% if false %}\n{{ nmuber }}{% endif %}", "`slip`, line 2: `nmuber`"),
            ("alarm", "\n\n{{ text | shout }}", "`alarm`, line 3: unknown filter"),
            ("urge", "{{ text }}\n{{ data.reason }}", "`urge`, line 2: undefined value"),
            ("ask", "{% for i in range(99999) %}{{ i }}{% endfor %}", "`ask`, line 1: "),
            ("notice", "\n{{ 'x' * 99999 }}", "the text has more than 65536 bytes"),
            ("refer", "{% if number %}{{ text }}{% endif %}", "`refer`: it says nothing"),
            ("interview", "{% include 'x' %}", "`interview`, line 1: syntax error"),
            ("ask", "{{ debug() }}", "`ask`, line 1: `debug` is not known"),
            ("remnid", "{{ text }}", "`remnid`: there is no such kind of message; use `remind`"),
        ];
        for (name, source, part) in expected {
            let problem = problem(name, source);
            assert!(problem.contains(part), "{source:?}: {problem}");
        }
    }

    #[test]
    fn all_problems_are_told_at_once() {
        let sources: BTreeMap<String, String> =
            [("slip", "{{ a }}"), ("ask", "{{ text }}"), ("urge", "{{")]
                .map(|(name, text)| (name.to_owned(), text.to_owned()))
                .into();
        let refused = Templates::load(TemplateOptions::default(), &sources).unwrap_err();
        assert_eq!(refused.code(), "DB5009");
        assert_eq!(refused.to_string().lines().count(), 3, "{refused}");
    }

    #[test]
    fn a_name_is_found_in_tags_alone() {
        assert_eq!(line_of("a\n{{ b.a }}{% if xa %}\n{{ a }}", "a"), Some(3));
        assert_eq!(line_of("a {{ b", "a"), None);
        assert_eq!(line_of("督{{ 办", "办"), Some(1));
    }
}
