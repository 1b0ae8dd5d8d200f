//! What messages say: a template for each kind, which the office may replace by its own.
//!
//! Templates are checked when they are loaded, never first in front of people: syntax, names,
//! filters and limits, each with its line. Where one fails all the same with what a script sent,
//! the built-in one of that kind speaks for it; a message is never lost over its wording.

mod bounds;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::{Arc, PoisonError, RwLock};

use duban_calendar::{Tz, local};
use duban_core::Sent;
use duban_engine::Delivery;
use duban_model::{Assignee, Directory, PersonId, echoed, echoed_to};
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior, Value};
use serde_json::{Value as Json, json};

use self::bounds::Excess;
use crate::error::NotifyError;
use crate::recipients::Contacts;

/// Every kind of message with its built-in template.
const BUILT_IN: [(&str, &str); 12] = [
    ("remind", "【{{ kind }}】{{ text }}{% if link %}\n{{ link }}{% endif %}"),
    ("urge", "【{{ kind }}】{{ text }}{% if link %}\n{{ link }}{% endif %}"),
    (
        "slip",
        "【{% if colour %}{{ colour }}色{% endif %}{{ kind }}{% if number %}第{{ number }}号{% endif %}】\
         {{ text }}{% if link %}\n{{ link }}{% endif %}",
    ),
    (
        "notice",
        "【{{ kind }}{% if number %}第{{ number }}号{% endif %}】{{ text }}\
         {% if link %}\n{{ link }}{% endif %}",
    ),
    ("interview", "【{{ kind }}】{{ text }}{% if link %}\n{{ link }}{% endif %}"),
    ("refer", "【{{ kind }}】{{ text }}{% if link %}\n{{ link }}{% endif %}"),
    ("ask", "【{{ kind }}】{{ text }}{% if link %}\n{{ link }}{% endif %}"),
    ("tell", "【{{ kind }}】{{ text }}{% if link %}\n{{ link }}{% endif %}"),
    ("alarm", "【{{ kind }}】{{ text }}{% if link %}\n{{ link }}{% endif %}"),
    ("emit", "【{{ kind }}】{{ text }}"),
    (
        DIGEST,
        "【{{ kind }}】{{ data.date }}：逾期{{ data.overdue }}项，三个工作日内到期{{ data.soon }}项，\
         待您审核{{ data.review }}项。{% for line in data.lines %}\n{{ loop.index }}. {{ line }}\
         {% endfor %}{% if data.more %}\n另有{{ data.more }}项。{% endif %}\
         {% if link %}\n{{ link }}{% endif %}",
    ),
    (
        ATTENTION,
        "【{{ kind }}】{% if data.again %}仍{% endif %}有{{ data.items }}项任务无人可以推进。\
         {% for cause in data.causes %}\n{{ loop.index }}. {{ cause.title }}（{{ cause.name }}，自\
         {{ cause.since }}起）{{ cause.items }}项：{{ cause.lines | join('；') }}\
         {% if cause.more %}；另有{{ cause.more }}项{% endif %}。处理办法：{{ cause.remedy }}。\
         {% endfor %}{% if link %}\n{{ link }}{% endif %}",
    ),
];

/// The kind of the daily digest, which no case sends.
pub(crate) const DIGEST: &str = "digest";

/// The kind of the daily word of what nobody can move on, which no case sends.
pub(crate) const ATTENTION: &str = "attention";

/// The kind of a message, by which its template is chosen.
fn kind_of(delivery: &Delivery) -> &str {
    match delivery.kind.as_str() {
        DIGEST => DIGEST,
        ATTENTION => ATTENTION,
        _ => delivery.sent.kind.as_str(),
    }
}

fn zh(kind: &str) -> &'static str {
    match kind {
        "remind" | "urge" => "催办",
        "slip" => "督办单",
        "notice" => "通报",
        "interview" => "约谈",
        "refer" => "移送",
        "ask" => "请示",
        "tell" => "告知",
        "alarm" => "告警",
        DIGEST => "待办汇总",
        ATTENTION => "需要关注",
        _ => "事件",
    }
}

/// The names that templates may use.
const NAMES: [&str; 11] =
    ["at", "case", "colour", "data", "item", "kind", "link", "number", "people", "text", "to"];

/// Functions that templates may call.
const FUNCTIONS: [&str; 3] = ["dict", "namespace", "range"];

/// What one rendering may use up, in minijinja's fuel (an instruction, or 64 bytes that are made),
/// and write, in bytes. It takes some ten milliseconds at most.
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
    /// The same in Chinese; what the template engine said besides stands in it as it was.
    pub zh: String,
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
    /// The address of the page of a person's to-dos, for the daily digest.
    pub todo_url: Option<String>,
    /// The address of the page of what nobody can move on.
    pub attention_url: Option<String>,
}

impl Default for TemplateOptions {
    fn default() -> Self {
        Self {
            contacts: Contacts::default(),
            zone: Tz::Asia__Shanghai,
            case_url: None,
            todo_url: None,
            attention_url: None,
        }
    }
}

/// The texts of messages. A cheap handle: clones share the templates.
///
/// The templates are minijinja's, without inclusion and macros. These names are always there;
/// what a message does not have is `none`:
///
/// | name | what it holds |
/// |---|---|
/// | `kind` | the kind as a word: 催办, 督办单, 通报, 约谈, 移送, 请示, 告警, 事件, 待办汇总 |
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
/// What a template may use up is bounded: words in a tag, fuel, what it writes, and how often its
/// values may hold each other. `docs/configuration.md` has the numbers.
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
    /// What came with the settings.
    loaded: BTreeMap<String, String>,
    /// What is in force besides the built-in ones.
    own: RwLock<Arc<Own>>,
}

/// The office's templates, and those of them that were written while the daemon ran.
struct Own {
    environment: Environment<'static>,
    edited: BTreeMap<String, String>,
}

/// Where a template comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TemplateOrigin {
    /// It comes with the program.
    BuiltIn,
    /// It came with the settings.
    Loaded,
    /// It was written while the daemon ran.
    Edited,
}

/// A template that is in force.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TemplateInForce {
    /// The kind of message.
    pub kind: &'static str,
    /// The kind as a word for people.
    pub zh: &'static str,
    /// Where it comes from.
    pub origin: TemplateOrigin,
    /// The template.
    pub source: String,
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
        Self::of(options, BTreeMap::new(), environment())
    }

    fn of(
        options: TemplateOptions,
        loaded: BTreeMap<String, String>,
        environment: Environment<'static>,
    ) -> Self {
        let own = RwLock::new(Arc::new(Own { environment, edited: BTreeMap::new() }));
        Self { shared: Arc::new(Shared { options, built_in: built_in(), loaded, own }) }
    }

    /// The office's templates by the kind of message: `remind`, `urge`, `slip`, `notice`,
    /// `interview`, `refer`, `ask`, `tell`, `alarm`, `emit`, `digest`, `attention`. A kind that is left out keeps the
    /// built-in one.
    ///
    /// # Errors
    ///
    /// [`NotifyError::BadTemplates`] with every problem of every template.
    pub fn load(
        options: TemplateOptions,
        sources: &BTreeMap<String, String>,
    ) -> Result<Self, NotifyError> {
        Ok(Self::of(options, sources.clone(), checked(sources)?))
    }

    /// Puts templates in force that were written while the daemon ran, before those that were
    /// loaded, and for all clones at once. They replace those of an earlier call.
    ///
    /// # Errors
    ///
    /// [`NotifyError::BadTemplates`] with every problem of every template; nothing changes then.
    pub fn edit(&self, edited: BTreeMap<String, String>) -> Result<(), NotifyError> {
        let mut sources = self.shared.loaded.clone();
        sources.extend(edited.clone());
        let own = Own { environment: checked(&sources)?, edited };
        *self.shared.own.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(own);
        Ok(())
    }

    /// Every problem of one template.
    pub fn problems(kind: &str, source: &str) -> Vec<TemplateProblem> {
        check(&mut environment(), kind, source)
    }

    /// Every kind with the template that is in force for it.
    pub fn in_force(&self) -> Vec<TemplateInForce> {
        let own = self.own();
        let of = |(kind, built_in): (&'static str, &'static str)| {
            let edited = own.edited.get(kind).map(|text| (TemplateOrigin::Edited, text.clone()));
            let loaded = self.shared.loaded.get(kind);
            let loaded = loaded.map(|text| (TemplateOrigin::Loaded, text.clone()));
            let (origin, source) =
                edited.or(loaded).unwrap_or_else(|| (TemplateOrigin::BuiltIn, built_in.to_owned()));
            TemplateInForce { kind, zh: zh(kind), origin, source }
        };
        BUILT_IN.into_iter().map(of).collect()
    }

    /// What a message would say by another template.
    ///
    /// # Errors
    ///
    /// Every problem of the template, or why this message makes no text.
    pub fn preview(
        &self,
        source: &str,
        delivery: &Delivery,
    ) -> Result<String, Vec<TemplateProblem>> {
        let kind = kind_of(delivery);
        let mut environment = environment();
        let problems = check(&mut environment, kind, source);
        if !problems.is_empty() {
            return Err(problems);
        }
        let facts = facts(delivery, &self.shared.options);
        render(&environment, kind, &facts).map_err(|failure| vec![failure.problem(kind)])
    }

    fn own(&self) -> Arc<Own> {
        Arc::clone(&self.shared.own.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The built-in templates by kind: what an office may begin with.
    pub fn sources() -> impl Iterator<Item = (&'static str, &'static str)> {
        BUILT_IN.into_iter()
    }

    /// What a message says, made on a thread where nothing else waits for it.
    pub(crate) async fn text_aside(&self, delivery: &Delivery) -> String {
        let (templates, own) = (self.clone(), delivery.clone());
        let text = tokio::task::spawn_blocking(move || templates.text(&own)).await;
        text.unwrap_or_else(|_| delivery.sent.text.clone())
    }

    /// What a message says. The same at every attempt, as long as the directory stays as it is.
    pub fn text(&self, delivery: &Delivery) -> String {
        let Shared { options, built_in, .. } = &*self.shared;
        let facts = facts(delivery, options);
        let (kind, own) = (kind_of(delivery), self.own());
        let said = own.environment.get_template(kind).ok();
        match said.map(|_| render(&own.environment, kind, &facts)) {
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

/// Templates that are sound, every one.
fn checked(sources: &BTreeMap<String, String>) -> Result<Environment<'static>, NotifyError> {
    let mut environment = environment();
    let problems: Vec<TemplateProblem> =
        sources.iter().flat_map(|(kind, source)| check(&mut environment, kind, source)).collect();
    if problems.is_empty() { Ok(environment) } else { Err(NotifyError::BadTemplates(problems)) }
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
        let added = environment.add_template(kind, source);
        added.expect("invariant: the built-in templates are sound");
    }
    environment
}

/// Keeps a template if it is sound for every message that its kind may have; answers with every
/// problem. What cannot be parsed or names what is not known is not tried further.
fn check(environment: &mut Environment<'static>, name: &str, source: &str) -> Vec<TemplateProblem> {
    let problem = |line: Option<usize>, error: String, zh: String| TemplateProblem {
        template: name.to_owned(),
        line,
        error,
        zh,
    };
    let Some((kind, _)) = BUILT_IN.into_iter().find(|(kind, _)| *kind == name) else {
        let kinds = BUILT_IN.map(|(kind, _)| kind).join("`, `");
        let error = format!("there is no such kind of message; use `{kinds}`");
        return vec![problem(None, error, format!("没有这种消息，可用的有 `{kinds}`"))];
    };
    if source.len() > SOURCE_BYTES_MAX {
        let error = format!("it has more than {SOURCE_BYTES_MAX} bytes");
        return vec![problem(None, error, format!("模板超过 {SOURCE_BYTES_MAX} 字节"))];
    }
    if let Some(Excess { line, error, zh }) = bounds::excess(source) {
        return vec![problem(Some(line), error, zh)];
    }
    let failed =
        |error: minijinja::Error| vec![problem(error.line(), told(&error), told_zh(&error))];
    if let Err(error) = environment.add_template_owned(name.to_owned(), source.to_owned()) {
        return failed(error);
    }
    let used = match environment.get_template(name) {
        Ok(template) => template.undeclared_variables(false),
        Err(error) => return failed(error),
    };
    let is_known =
        |used: &String| NAMES.contains(&used.as_str()) || FUNCTIONS.contains(&used.as_str());
    let mut unknown: Vec<TemplateProblem> = used
        .into_iter()
        .filter(|used| !is_known(used))
        .map(|used| {
            let known = NAMES.join("`, `");
            let shown = echoed(&used);
            let error = format!("`{shown}` is not known; there are `{known}`");
            problem(line_of(source, &used), error, format!("没有 `{shown}`，可用的有 `{known}`"))
        })
        .collect();
    unknown.sort_by(|a, b| (a.line, &a.error).cmp(&(b.line, &b.error)));
    if !unknown.is_empty() {
        return unknown;
    }
    let mut problems: Vec<TemplateProblem> = samples(kind)
        .into_iter()
        .filter_map(|facts| render(environment, name, &facts).err())
        .map(|failure| failure.problem(name))
        .collect();
    problems.dedup();
    problems
}

/// Why there is no text.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{}", told(.0))]
    Template(minijinja::Error),
    #[error("it says nothing")]
    Empty,
}

impl Failure {
    fn problem(&self, template: &str) -> TemplateProblem {
        let (line, error, zh) = match self {
            Self::Template(error) => (error.line(), told(error), told_zh(error)),
            Self::Empty => (None, self.to_string(), "模板没有写出任何文字".to_owned()),
        };
        TemplateProblem { template: template.to_owned(), line, error, zh }
    }
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

/// The same in Chinese. Details are the template engine's own words.
fn told_zh(error: &minijinja::Error) -> String {
    let kind = match error.kind() {
        ErrorKind::SyntaxError => "语法有误",
        ErrorKind::UnknownFilter => "没有这个过滤器",
        ErrorKind::UnknownFunction => "没有这个函数",
        ErrorKind::UnknownTest => "没有这个判断",
        ErrorKind::UnknownMethod => "没有这个方法",
        ErrorKind::UndefinedError => "用到了没有的值",
        ErrorKind::MissingArgument => "缺少参数",
        ErrorKind::TooManyArguments => "参数过多",
        ErrorKind::OutOfFuel => "运算过多，超过上限",
        ErrorKind::WriteFailure => "写出的文字过长，超过上限",
        ErrorKind::TemplateNotFound => "没有所引用的模板",
        ErrorKind::InvalidOperation | ErrorKind::BadSerialization => "这样的运算不成立",
        _ => "模板有误",
    };
    let cause = std::error::Error::source(error).map(ToString::to_string);
    match error.detail().map(ToOwned::to_owned).or(cause) {
        Some(detail) => format!("{kind}（{}）", echoed_to(&detail, DETAIL_CHARS_MAX)),
        None => kind.to_owned(),
    }
}

/// What a problem repeats of the template engine's own words, in characters.
const DETAIL_CHARS_MAX: usize = 200;

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
    let to: Vec<String> = sent.to.iter().map(|to| assignee_name(to, sent, directory)).collect();
    let people: Vec<String> =
        sent.people.iter().map(|id| person_name(id, sent, directory)).collect();
    let colour = sent.colour.map(|colour| {
        use duban_script::SlipColour::{Blue, Red, Yellow};
        match colour {
            Blue => "蓝",
            Yellow => "黄",
            Red => "红",
        }
    });
    let link = match kind_of(delivery) {
        DIGEST => options.todo_url.clone(),
        ATTENTION => options.attention_url.clone(),
        // What no event sends belongs to no case.
        _ if delivery.seq == 0 => None,
        _ => options.case_url.as_ref().map(|url| url.replace("{case}", &delivery.case)),
    };
    json!({
        "kind": zh(kind_of(delivery)),
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

/// What somebody was called when the message came about.
fn person_name(id: &PersonId, sent: &Sent, directory: Option<&Directory>) -> String {
    let person = || Some(directory?.person(id)?.name.clone());
    sent.names.people.get(id).cloned().or_else(person).unwrap_or_else(|| id.to_string())
}

fn assignee_name(to: &Assignee, sent: &Sent, directory: Option<&Directory>) -> String {
    let unit = |id| {
        let unit = || Some(directory?.unit(id)?.name.clone());
        sent.names.units.get(id).cloned().or_else(unit).unwrap_or_else(|| id.to_string())
    };
    match to {
        Assignee::Unit(id) => unit(id),
        Assignee::Post(id, post) => format!("{}{post}", unit(id)),
        Assignee::Person(id) => person_name(id, sent, directory),
    }
}

/// A message with everything in it, and one with nothing that may be missing.
fn samples(kind: &str) -> [Json; 2] {
    let data = match kind {
        DIGEST => json!({
            "date": "2022年6月30日", "overdue": 1, "soon": 2, "review": 3, "more": 4,
            "lines": ["撰写总结，6月29日到期"],
        }),
        ATTENTION => json!({
            "items": 12, "again": true, "page": "/attention",
            "causes": [{
                "kind": "owner_vacant", "title": "承办岗位无人在岗", "about": "post:370102/书记",
                "name": "历下区 书记", "since": "2022年6月1日", "items": 12, "more": 2,
                "lines": ["专题研究：撰写总结"], "remedy": "在通讯录中补上任职人员",
            }],
        }),
        _ => json!({}),
    };
    let full = json!({
        "kind": zh(kind), "text": "“撰写总结”应于6月30日前办结。", "number": 1, "colour": "黄",
        "to": ["历下区书记"], "people": ["李四"], "at": "2022年7月1日 00:00",
        "case": "c0ffee", "item": "write", "link": "https://duban.example.org/cases/c0ffee",
        "data": data,
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
mod tests;
