//! Absences: a person says when they are absent and who stands in; the administrator of the system
//! says it for anybody.

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::header::HeaderMap;
use axum::response::Response;
use axum_extra::extract::WithRejection;
use duban_calendar::Date;
use duban_model::{Directory, PersonId, Signed, StandIn};
use duban_store::Store;
use serde::Deserialize;

use crate::absence::{self, AbsenceError, Which};
use crate::account::{AdminPost, Holder};
use crate::civil::civil;
use crate::pages::directory::time;
use crate::pages::shell::Shell;
use crate::pages::{Failure, Sent, go, render};
use crate::server::App;
use crate::session::Visitor;

/// Absences of one page.
const LINES_MAX: usize = 200;

struct Line {
    absent: String,
    absent_id: String,
    by: String,
    by_id: String,
    from: Date,
    until: Date,
    set: String,
    may_end: bool,
}

#[derive(Template)]
#[template(path = "absences.html")]
struct AbsencesPage {
    shell: Shell,
    lines: Vec<Line>,
    has_more: bool,
    is_office: bool,
    today: Date,
}

/// Whose absences a visitor sees: their own and those in which they stand in; the administrator
/// everybody's.
fn own(visitor: &Visitor) -> Result<Option<&PersonId>, Failure> {
    match &visitor.holder {
        Holder::Person(person) => Ok(Some(person)),
        Holder::Admin(AdminPost::System) => Ok(None),
        Holder::Admin(AdminPost::Security | AdminPost::Audit) => Err(Failure::NotYours),
    }
}

pub(crate) async fn show<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let own = own(&visitor)?;
    let (directory, today) = (app.engine.directory(), absence::today(&app.engine));
    let is_shown = |one: &&StandIn| {
        today <= one.until && own.is_none_or(|own| one.absent == *own || one.by == *own)
    };
    let mut found: Vec<&StandIn> = directory.data().stand_ins.iter().filter(is_shown).collect();
    found.sort_by_key(|one| (one.from, one.until));
    let has_more = found.len() > LINES_MAX;
    let line = |one: &&StandIn| Line {
        absent: name(&directory, &one.absent),
        absent_id: one.absent.to_string(),
        by: name(&directory, &one.by),
        by_id: one.by.to_string(),
        from: one.from,
        until: one.until,
        set: one.set.as_ref().map(|signed| signed_zh(&directory, signed)).unwrap_or_default(),
        may_end: own.is_none_or(|own| one.absent == *own),
    };
    let lines = found.iter().take(LINES_MAX).map(line).collect();
    let shell = Shell::new("外出代理", "/absences", &visitor, &directory, &headers);
    Ok(render(&AbsencesPage { shell, lines, has_more, is_office: own.is_none(), today }))
}

fn name(directory: &Directory, person: &PersonId) -> String {
    directory.person(person).map_or_else(|| person.to_string(), |person| person.name.clone())
}

fn signed_zh(directory: &Directory, signed: &Signed) -> String {
    format!("{} {}", name(directory, &signed.by.as_str().into()), time(signed.at))
}

#[derive(Deserialize)]
pub(crate) struct AbsenceForm {
    /// `set` or `end`.
    what: String,
    /// Who is absent: an id or a name; a person's own absence where it is left out.
    #[serde(default)]
    absent: String,
    /// Who stands in: an id or a name.
    by: String,
    from: String,
    #[serde(default)]
    until: String,
}

/// Sets or ends an absence.
pub(crate) async fn change<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    WithRejection(Form(form), _): Sent<AbsenceForm>,
) -> Result<Response, Failure> {
    let own = own(&visitor)?;
    let directory = app.engine.directory();
    let signer = own.map_or(visitor.login.as_str(), |own| own.as_str());
    match form.what.as_str() {
        "set" if !form.until.is_empty() => {
            let (from, until) = (civil(&form.from)?, civil(&form.until)?);
            let absent = match own {
                Some(own) => own.clone(),
                None => person(&directory, &form.absent)?,
            };
            let by = person(&directory, &form.by)?;
            let new = StandIn { absent, by, from, until, set: None, ended: None };
            absence::set(&app.engine, new, signer).await?;
        }
        "end" => {
            // As the page has it, also where an older version took another year.
            let from = form.from.parse::<Date>().map_err(|_| AbsenceError::Missing)?;
            // Ids, as the page has them: somebody may have left the directory since.
            let absent = own.cloned().unwrap_or_else(|| form.absent.as_str().into());
            let by = form.by.as_str().into();
            absence::end(&app.engine, &Which { absent, by, from }, signer).await?;
        }
        _ => return Err(Failure::Bad("请填写结束日期".to_owned())),
    }
    Ok(go("/absences"))
}

/// The person of an id, or of a name that nobody else has.
fn person(directory: &Directory, text: &str) -> Result<PersonId, Failure> {
    let text = text.trim();
    if let Some(person) = directory.person(&text.into()) {
        return Ok(person.id.clone());
    }
    let mut named = directory.data().people.iter().filter(|person| person.name == text);
    match (named.next(), named.next()) {
        (Some(person), None) => Ok(person.id.clone()),
        (Some(_), Some(_)) => Err(Failure::Bad(format!("有几位“{text}”，请填人员编号"))),
        _ => Err(AbsenceError::Unknown(text.to_owned()).into()),
    }
}

impl From<AbsenceError> for Failure {
    fn from(error: AbsenceError) -> Self {
        match error {
            AbsenceError::Engine(error) => error.into(),
            AbsenceError::Missing => Self::Missing,
            other => Self::Bad(other.zh()),
        }
    }
}
