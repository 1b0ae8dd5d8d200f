//! Slips and notices: what was issued, to whom, in which colour.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::header::HeaderMap;
use axum::response::Response;
use axum_extra::extract::WithRejection;
use duban_calendar::{Instant, Tz, date_of};
use duban_core::{Body, CaseId};
use duban_store::{Cursor, DeliveryFilter, PageRequest, Store};
use serde::Deserialize;

use crate::pages::case::state_zh;
use crate::pages::shell::{Shell, encode};
use crate::pages::{Asked, Failure, render};
use crate::server::App;
use crate::session::Visitor;
use crate::sight::Sight;

const LINES: u32 = 100;

#[derive(Deserialize)]
pub(crate) struct NoticesQuery {
    kind: Option<String>,
    after: Option<String>,
}

struct Notice {
    date: String,
    kind: String,
    to: String,
    text: String,
    state: &'static str,
    case_href: String,
}

#[derive(Template)]
#[template(path = "notices.html")]
struct NoticesPage {
    shell: Shell,
    kinds: Vec<(&'static str, &'static str, bool)>,
    notices: Vec<Notice>,
    next: Option<String>,
}

const KINDS: [(&str, &str); 3] = [("slip", "督办单"), ("notice", "通报"), ("refer", "移送")];

pub(crate) async fn show<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    headers: HeaderMap,
    WithRejection(Query(query), _): Asked<NoticesQuery>,
) -> Result<Response, Failure> {
    let sight = Sight::of(&app.engine, visitor.person()?).await?;
    let wanted = query.kind.as_deref();
    let (kind, _) = KINDS.into_iter().find(|(kind, _)| Some(*kind) == wanted).unwrap_or(KINDS[0]);
    let filter = DeliveryFilter { kind: Some(kind.to_owned()), ..DeliveryFilter::default() };
    let request = PageRequest { after: query.after.map(Cursor), limit: LINES };
    let page = app.engine.deliveries(filter, request).await?;
    let (mut notices, sees_all) = (Vec::new(), sight.units().is_none());
    for row in page.rows {
        let Body::People(sent) = row.outgoing.body else { continue };
        if !sees_all && !sent.people.contains(&sight.person) {
            let case = app.engine.store().case(&row.outgoing.case).await?;
            let is_below = case.is_some_and(|case| sight.covers(&case.unit.as_str().into()));
            // Who else takes part is in the whole case alone.
            if !is_below
                && !sight.may_see(&app.engine.case(&CaseId::new(&row.outgoing.case)).await?)
            {
                continue;
            }
        }
        let colour = sent.colour.map(|colour| colour.zh()).unwrap_or_default();
        let number = sent.number.map(|number| format!(" 第{number}号")).unwrap_or_default();
        let at = Instant::from_millis(row.outgoing.at);
        let to: Vec<String> =
            sent.to.iter().map(|to| sent.names.name_of(to, &sight.directory)).collect();
        notices.push(Notice {
            date: date_of(at, Tz::Asia__Shanghai).to_string(),
            kind: format!("{colour}{}{number}", sent.kind.zh()),
            to: to.join("、"),
            text: sent.text,
            state: state_zh(row.state),
            case_href: format!("/cases/{}", row.outgoing.case),
        });
    }
    notices.sort_by(|a, b| b.date.cmp(&a.date));
    let next = page.next.map(|cursor| format!("/notices?kind={kind}&after={}", encode(&cursor.0)));
    let shell = Shell::new("督办单与通报", "/notices", &visitor, &sight.directory, &headers);
    let kinds = KINDS.map(|(one, name)| (one, name, one == kind)).to_vec();
    Ok(render(&NoticesPage { shell: shell.following_all(), kinds, notices, next }))
}
