//! The audit trail: every event, and the check of its hashes. For the administrator of audit.

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::header::HeaderMap;
use axum::response::Response;
use axum_extra::extract::WithRejection;
use duban_core::{CaseHead, CaseId, Teller, decode};
use duban_store::{Cursor, Store};
use serde::Deserialize;

use crate::account::AdminPost;
use crate::page::position;
use crate::pages::shell::{Shell, encode};
use crate::pages::{Asked, Failure, Sent, render};
use crate::server::App;
use crate::session::Visitor;

const LINES: u32 = 100;

#[derive(Deserialize)]
pub(crate) struct AuditQuery {
    after: Option<String>,
    #[serde(default)]
    case: String,
}

struct Line {
    case: String,
    seq: u64,
    text: String,
    hash: String,
}

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    shell: Shell,
    case: String,
    lines: Vec<Line>,
    next: Option<String>,
    verdict: Option<(bool, String)>,
}

pub(crate) async fn show<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    headers: HeaderMap,
    WithRejection(Query(query), _): Asked<AuditQuery>,
) -> Result<Response, Failure> {
    visitor.must_be(AdminPost::Audit)?;
    page(&app, &visitor, &headers, query, None).await
}

async fn page<S: Store>(
    app: &App<S>,
    visitor: &Visitor,
    headers: &HeaderMap,
    query: AuditQuery,
    verdict: Option<(bool, String)>,
) -> Result<Response, Failure> {
    let (rows, next) = if query.case.is_empty() {
        let after = query.after.map(Cursor);
        let page = app.engine.store().feed(after.as_ref(), LINES).await?;
        let next = page.next.map(|cursor| format!("/audit?after={}", encode(&cursor.0)));
        (page.rows, next)
    } else {
        let after = position(query.after.as_deref())?;
        let rows = app.engine.events(&CaseId::new(&query.case), after, LINES).await?;
        let last = rows.last().map(|row| row.seq);
        let next = last
            .filter(|_| rows.len() == 100)
            .map(|last| format!("/audit?case={}&after={last}", encode(&query.case)));
        (rows, next)
    };
    let directory = app.engine.directory();
    let mut lines = Vec::new();
    for row in rows {
        let case = app.engine.store().case(&row.case).await?;
        let head = case.and_then(|case| serde_json::from_str::<CaseHead>(&case.data).ok());
        let definition = match &head {
            Some(head) => app.engine.definition(&head.definition).await.ok(),
            None => None,
        };
        let told = match (head.as_ref().zip(definition.as_ref()), decode(&row.text)) {
            (Some((head, definition)), Ok(event)) => {
                let teller = Teller::new(definition, &directory).of_case(head);
                teller
                    .line(&event)
                    .unwrap_or_else(|| format!("{}  {}", teller.date(event.at), event.fact.kind()))
            }
            (_, Ok(event)) => event.fact.kind().to_owned(),
            (_, Err(error)) => error.to_string(),
        };
        lines.push(Line { case: row.case, seq: row.seq, text: told, hash: row.hash });
    }
    let shell = Shell::new("审计", "/audit", visitor, &directory, headers);
    Ok(render(&AuditPage { shell, case: query.case, lines, next, verdict }))
}

#[derive(Deserialize)]
pub(crate) struct VerifyForm {
    case: String,
}

/// Checks every hash of a case.
pub(crate) async fn verify<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    headers: HeaderMap,
    WithRejection(Form(form), _): Sent<VerifyForm>,
) -> Result<Response, Failure> {
    visitor.must_be(AdminPost::Audit)?;
    let case = form.case.trim().to_owned();
    let audit = app.engine.verify(&CaseId::new(&case)).await?;
    let verdict = match (&audit.broken, audit.unreadable.first()) {
        (None, Some((what, why))) => (
            false,
            format!(
                "{} 条记录，哈希连续，没有改动；但有 {} 处无法读取，例如 {what}：{why}",
                audit.events,
                audit.unreadable.len()
            ),
        ),
        (None, None) => (true, format!("{} 条记录，哈希连续，没有改动", audit.events)),
        (Some((at, what)), _) => (false, format!("第 {at} 条记录被改动或缺失：{what}")),
    };
    page(&app, &visitor, &headers, AuditQuery { after: None, case }, Some(verdict)).await
}
