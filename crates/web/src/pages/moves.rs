//! Forms for the moves that a visitor may make, made from the table of moves, and what a browser
//! sends in one as the content of a move.

use duban_calendar::{Tz, end_of};
use duban_core::{Ask, AskKind, Evidence, Item, MoveKind, Question, Remark, Teller};
use duban_model::{Directory, Field, UnitId, says_nothing};
use rust_decimal::Decimal;
use serde_json::{Map, Value as Json, json};

use crate::civil::civil;
use crate::offers::{self, Offer};
use crate::pages::Failure;
use crate::pages::fields::{self, Input, Sent};
use crate::pages::names::{self, Name};

/// Moves whose forms stand open: what whoever looks has most likely come for.
const AT_ONCE: &[MoveKind] =
    &[MoveKind::Sign, MoveKind::Report, MoveKind::Submit, MoveKind::Accept];

/// Every form of a page.
pub(crate) struct Forms {
    /// Where they are sent.
    pub(crate) action: String,
    /// Makes sending one twice the same as once.
    pub(crate) key: String,
    pub(crate) forms: Vec<Form>,
    /// Suggestions for units, posts and people; empty where nothing asks for them.
    pub(crate) assignees: Vec<Name>,
    pub(crate) people: Vec<Name>,
    /// What was not taken, to be read above everything.
    pub(crate) problem: Option<Problem>,
}

/// Why a move was not made.
pub(crate) struct Problem {
    pub(crate) text: String,
    /// What is wrong with which field, and where that is, if its form is shown.
    pub(crate) fields: Vec<(Option<String>, String)>,
}

/// The form of one move.
pub(crate) struct Form {
    pub(crate) kind: MoveKind,
    pub(crate) on_behalf_of: String,
    pub(crate) on_behalf_name: String,
    pub(crate) is_open: bool,
    pub(crate) asks: Vec<Asking>,
}

/// One question of a form.
pub(crate) struct Asking {
    pub(crate) id: String,
    /// The name of its input.
    pub(crate) name: &'static str,
    pub(crate) zh: &'static str,
    pub(crate) en: &'static str,
    pub(crate) required: bool,
    pub(crate) hint: String,
    pub(crate) problem: Option<String>,
    pub(crate) value: String,
    pub(crate) control: Control,
}

impl Asking {
    /// What its input has beside its name and value. Nothing in it comes from anybody.
    pub(crate) fn attributes(&self) -> String {
        let id = &self.id;
        let mut all = format!(" id=\"{id}\"");
        if self.required {
            all.push_str(" required");
        }
        let notes = [(!self.hint.is_empty(), "hint"), (self.problem.is_some(), "err")];
        let notes = notes.iter().filter(|(is_there, _)| *is_there);
        let notes: Vec<String> = notes.map(|(_, note)| format!("{id}-{note}")).collect();
        if !notes.is_empty() {
            all.push_str(&format!(" aria-describedby=\"{}\"", notes.join(" ")));
        }
        if self.problem.is_some() {
            all.push_str(" aria-invalid=\"true\"");
        }
        all
    }
}

/// Something that can be chosen.
pub(crate) struct Option_ {
    pub(crate) value: String,
    pub(crate) label: String,
    pub(crate) is_chosen: bool,
}

/// How a question is answered.
pub(crate) enum Control {
    Text,
    Percent,
    Number,
    Date,
    Assignee,
    Person,
    /// One of these.
    Select(Vec<Option_>),
    /// Any of these.
    Checks(Vec<Option_>),
    /// Yes, no, or neither.
    Flag,
    /// The item's own fields.
    Form(Vec<Input>),
    /// Files: those owed by name with what is wrong with each, and others.
    Files(Vec<(String, Option<String>)>),
}

/// A move that was sent and not made.
pub(crate) struct Tried {
    pub(crate) kind: Option<MoveKind>,
    pub(crate) sent: Sent,
    pub(crate) remarks: Vec<Remark>,
    pub(crate) text: String,
}

/// What forms are made from, beside the offers.
pub(crate) struct Desk<'a> {
    pub(crate) teller: &'a Teller<'a>,
    pub(crate) item: Option<&'a Item>,
    /// The item's own fields.
    pub(crate) fields: &'a [Field],
    /// Names of the files that a submission owes.
    pub(crate) evidence_owed: &'a [String],
    /// The unit whose neighbours are suggested first.
    pub(crate) near: &'a UnitId,
    pub(crate) tried: Option<&'a Tried>,
}

impl Desk<'_> {
    pub(crate) fn forms(&self, action: String, offers: Vec<Offer>) -> Result<Forms, Failure> {
        let asked = |kind: AskKind| {
            let mut questions = offers.iter().flat_map(|offer| &offer.questions);
            questions.any(|question| question.ask.kind == kind && question.choices.is_none())
        };
        let directory = self.teller.directory;
        let (assignees, people) = (asked(AskKind::Assignee), asked(AskKind::Person));
        let forms: Vec<Form> = offers.into_iter().map(|offer| self.form(offer)).collect();
        Ok(Forms {
            action,
            key: crate::auth::random_hex()?,
            assignees: if assignees { names::assignees(self.near, directory) } else { Vec::new() },
            people: if people { names::people(self.near, directory) } else { Vec::new() },
            problem: self.tried.map(|tried| problem(tried, &forms)),
            forms,
        })
    }

    fn form(&self, offer: Offer) -> Form {
        let Offer { kind, absent, questions } = offer;
        let tried = self.tried.filter(|tried| tried.kind == Some(kind));
        let name = absent.as_ref().and_then(|absent| self.teller.directory.person(absent));
        let asks = questions.into_iter().map(|question| self.asking(kind, question, tried));
        Form {
            kind,
            is_open: tried.is_some() || AT_ONCE.contains(&kind),
            on_behalf_name: name.map(|person| person.name.clone()).unwrap_or_default(),
            on_behalf_of: absent.map(|absent| absent.to_string()).unwrap_or_default(),
            asks: asks.collect(),
        }
    }

    fn asking(&self, kind: MoveKind, question: Question, tried: Option<&Tried>) -> Asking {
        let ask = question.ask;
        let sent = tried.and_then(|tried| tried.sent.get(ask.field)).cloned().unwrap_or_default();
        let remark = |field: &str| {
            let mut remarks = tried.into_iter().flat_map(|tried| &tried.remarks);
            remarks.find(|remark| remark.field == field).map(|remark| remark.zh.clone())
        };
        Asking {
            id: id(kind, ask.field),
            name: ask.field,
            zh: ask.zh,
            en: ask.en,
            required: question.required,
            hint: self.hint(kind, &question),
            problem: remark(ask.field),
            value: sent.first().cloned().unwrap_or_default(),
            control: self.control(&question, &sent, tried, &remark),
        }
    }

    fn control(
        &self,
        question: &Question,
        sent: &[String],
        tried: Option<&Tried>,
        remark: &dyn Fn(&str) -> Option<String>,
    ) -> Control {
        let options = || {
            let choices = question.choices.iter().flatten();
            let option = |choice| {
                let (value, label) = offers::choice(choice, self.teller);
                Option_ { is_chosen: sent.contains(&value), value, label }
            };
            choices.map(option).collect::<Vec<_>>()
        };
        match question.ask.kind {
            AskKind::Items => Control::Checks(options()),
            AskKind::Assignee | AskKind::Person if question.choices.is_some() => {
                Control::Select(options())
            }
            AskKind::Assignee => Control::Assignee,
            AskKind::Person => Control::Person,
            AskKind::Text => Control::Text,
            AskKind::Percent => Control::Percent,
            AskKind::Number => Control::Number,
            AskKind::Date => Control::Date,
            AskKind::Flag => Control::Flag,
            AskKind::Form => Control::Form(self.inputs(tried)),
            AskKind::Files => {
                let form = question.ask.field;
                let owed = self.evidence_owed.iter();
                Control::Files(
                    owed.map(|name| (name.clone(), remark(&format!("{form}.{name}")))).collect(),
                )
            }
        }
    }

    /// The item's own fields, filled with what was sent, or else with what was there before.
    fn inputs(&self, tried: Option<&Tried>) -> Vec<Input> {
        let earlier = self.item.map(|item| (*item.form).clone()).unwrap_or_default();
        let mut inputs = fields::inputs(self.fields, &earlier);
        if let Some(tried) = tried {
            for input in &mut inputs {
                fields::refill(input, &tried.sent);
                let name = input.name.trim_start_matches("f.").to_owned();
                let about = |remark: &&Remark| {
                    let rest = remark.field.strip_prefix("form.");
                    rest.is_some_and(|field| field.split('[').next() == Some(name.as_str()))
                };
                let found = tried.remarks.iter().filter(about).map(|remark| remark.zh.clone());
                input.problem = found.collect::<Vec<_>>().join("；");
            }
        }
        inputs
    }

    fn hint(&self, kind: MoveKind, question: &Question) -> String {
        let named = |key| self.teller.key_title(key);
        let otherwise: Vec<String> = question.otherwise.iter().map(named).collect();
        let handler = self.item.and_then(|item| item.handler.as_ref());
        match question.ask.kind {
            AskKind::Items if !otherwise.is_empty() => {
                format!("不选时退回到：{}", otherwise.join("、"))
            }
            AskKind::Items if !question.required => "不选时退回当前任务".to_owned(),
            AskKind::Items => "可选一项或几项".to_owned(),
            AskKind::Date => "到这一天结束为止".to_owned(),
            AskKind::Assignee if question.choices.is_none() => {
                "写“单位 岗位”、单位名或人名".to_owned()
            }
            AskKind::Assignee if kind == MoveKind::Accept => "不指定时代表您的每一席".to_owned(),
            AskKind::Assignee if kind == MoveKind::AddCountersigner => {
                "不指定时排在最后；依次会签的，排在当前一席之后".to_owned()
            }
            AskKind::Person if question.choices.is_none() => match handler {
                Some(handler) if kind == MoveKind::Delegate => {
                    let name = self.teller.name(&duban_model::Assignee::Person(handler.clone()));
                    format!("现由{name}办理；留空即收回委托")
                }
                _ => "写人名".to_owned(),
            },
            AskKind::Text
            | AskKind::Percent
            | AskKind::Number
            | AskKind::Assignee
            | AskKind::Person
            | AskKind::Flag
            | AskKind::Form
            | AskKind::Files => String::new(),
        }
    }
}

/// The id of an input.
fn id(kind: MoveKind, field: &str) -> String {
    format!("{}-{field}", kind.name())
}

/// What is read above the page: the fields that something is wrong with, each with its place.
fn problem(tried: &Tried, forms: &[Form]) -> Problem {
    let Some(kind) = tried.kind else {
        return Problem { text: tried.text.clone(), fields: Vec::new() };
    };
    let is_shown = forms.iter().any(|form| form.kind == kind);
    if tried.remarks.is_empty() {
        let text = format!("“{}”没有办成：{}", kind.zh(), tried.text);
        return Problem { text, fields: Vec::new() };
    }
    let line = |remark: &Remark| {
        let field = remark.field.split('.').next().unwrap_or_default();
        let name = remark.field.split_once('.').map(|(_, name)| name);
        let ask = kind.asks().iter().find(|ask| ask.field == field);
        let text = match (ask, name) {
            // What a form says names its fields itself.
            (Some(Ask { kind: AskKind::Form, .. }), _) => remark.zh.clone(),
            (Some(Ask { kind: AskKind::Files, .. }), Some(name)) => {
                format!("“{name}”：{}", remark.zh)
            }
            (Some(ask), _) => format!("“{}”：{}", ask.zh, remark.zh),
            (None, _) => remark.zh.clone(),
        };
        (is_shown.then(|| id(kind, field)), text)
    };
    let text = format!("“{}”没有办成，请改后再试：", kind.zh());
    Problem { text, fields: tried.remarks.iter().map(line).collect() }
}

/// What a browser sent with a move.
pub(crate) struct Given<'a> {
    pub(crate) sent: &'a Sent,
    /// The item's own fields.
    pub(crate) fields: &'a [Field],
    pub(crate) evidence: &'a [Evidence],
    pub(crate) directory: &'a Directory,
    pub(crate) tz: Tz,
}

impl Given<'_> {
    /// The content of a move, its fields named as in the table of moves.
    ///
    /// # Errors
    ///
    /// What is wrong with each field that cannot be read or is missing.
    pub(crate) fn content(&self, kind: MoveKind) -> Result<Map<String, Json>, Vec<Remark>> {
        let (mut content, mut remarks) = (Map::new(), Vec::new());
        for ask in kind.asks() {
            let remark = |zh: String| Remark { field: ask.field.to_owned(), zh };
            match self.value(ask) {
                Ok(Some(value)) => {
                    content.insert(ask.field.to_owned(), value);
                }
                Ok(None) if ask.required => remarks.push(remark("请填写".to_owned())),
                Ok(None) => {}
                Err(zh) => remarks.push(remark(zh)),
            }
        }
        if remarks.is_empty() { Ok(content) } else { Err(remarks) }
    }

    fn value(&self, ask: &Ask) -> Result<Option<Json>, String> {
        let values = self.sent.get(ask.field).map(Vec::as_slice).unwrap_or_default();
        let mut given =
            values.iter().map(|value| value.trim()).filter(|value| !says_nothing(value));
        match ask.kind {
            AskKind::Text => Ok(given.next().map(|text| json!(text))),
            AskKind::Percent => given.next().map(percent).transpose(),
            AskKind::Number => given.next().map(number).transpose(),
            AskKind::Date => given.next().map(|text| self.end_of(text)).transpose(),
            AskKind::Assignee => {
                let who = given.next().map(|text| names::assignee(text, self.directory));
                Ok(who.transpose()?.map(|who| json!(who)))
            }
            AskKind::Person => {
                let who = given.next().map(|text| names::person(text, self.directory));
                Ok(who.transpose()?.map(|who| json!(who)))
            }
            AskKind::Items => {
                let keys: Vec<&str> = given.collect();
                Ok((!keys.is_empty()).then(|| json!(keys)))
            }
            AskKind::Flag => given.next().map(flag).transpose(),
            AskKind::Form => {
                Ok(Some(Json::Object(fields::read(self.fields, self.sent, self.directory))))
            }
            AskKind::Files => Ok(Some(json!(self.evidence))),
        }
    }

    /// A date means its end.
    fn end_of(&self, text: &str) -> Result<Json, String> {
        match civil(text) {
            Ok(date) => Ok(json!(end_of(date, self.tz))),
            Err(error) => Err(Failure::from(error).zh()),
        }
    }
}

fn percent(text: &str) -> Result<Json, String> {
    match text.trim_end_matches(['%', '％']).trim().parse::<u8>() {
        Ok(percent) if percent <= 100 => Ok(json!(percent)),
        _ => Err("应为 0 到 100 的整数".to_owned()),
    }
}

fn number(text: &str) -> Result<Json, String> {
    text.parse::<Decimal>().map(|number| json!(number)).map_err(|_| "应为数字，如 98.5".to_owned())
}

fn flag(text: &str) -> Result<Json, String> {
    text.parse::<bool>().map(|answer| json!(answer)).map_err(|_| "应为是或否".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Inputs that belong to every form and to no question.
    const OWN: [&str; 3] = ["move", "key", "on_behalf_of"];

    #[test]
    fn no_question_is_called_like_an_input_of_every_form() {
        for kind in MoveKind::ALL {
            for ask in kind.asks() {
                assert!(!OWN.contains(&ask.field), "{} {}", kind.name(), ask.field);
                assert!(!ask.field.contains('.'), "dots belong to forms and files");
            }
        }
    }
}
