//! Search over what people wrote and what things are called.

use axum::Json;
use axum::extract::{OriginalUri, Query, State};
use axum::http::header::LINK;
use axum::response::{IntoResponse, Response};
use axum_extra::extract::WithRejection;
use duban_calendar::Window;
use duban_store::{EntryKind, SearchFilter, SearchWords, Store};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::cases::Rejecting;
use crate::page;
use crate::pages::search::QUERY_CHARS_MAX;
use crate::problem::Problem;
use crate::server::App;
use crate::sight::below;
use crate::view::EntryView;

/// What is searched for, and where.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct SearchQuery {
    /// Words between spaces, all of which must be found; quotes make one word; `-` before a word
    /// leaves it out. Nothing that can be written here is an error.
    #[param(max_length = 100)]
    q: String,
    /// What is wanted.
    #[param(inline)]
    kind: Option<KindQuery>,
    suite: Option<String>,
    /// A unit's code; units below it count too.
    unit: Option<String>,
    /// For example `2022`.
    #[param(value_type = Option<String>)]
    period: Option<Window>,
    /// Whether the task, or the case, is closed now.
    closed: Option<bool>,
    /// Rows, 50 where it is left out.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// A kind of what can be found.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum KindQuery {
    Case,
    Task,
    Report,
    Interview,
    Slip,
    Notice,
    Refer,
}

impl From<KindQuery> for EntryKind {
    fn from(kind: KindQuery) -> Self {
        match kind {
            KindQuery::Case => Self::Case,
            KindQuery::Task => Self::Task,
            KindQuery::Report => Self::Report,
            KindQuery::Interview => Self::Interview,
            KindQuery::Slip => Self::Slip,
            KindQuery::Notice => Self::Notice,
            KindQuery::Refer => Self::Referral,
        }
    }
}

/// What was found.
#[derive(Serialize, ToSchema)]
pub(crate) struct FoundView {
    /// Newest first.
    rows: Vec<EntryView>,
    /// Where the next part begins: hand it back as `after`. A short part, even an empty one, may
    /// have one. Left out at the end.
    next: Option<String>,
    /// Whether everything committed before the search could be found.
    current: bool,
}

/// Entries that hold the words, newest first.
#[utoipa::path(get, path = "/api/v1/search", params(SearchQuery), tag = "search",
    responses((status = 200, body = FoundView)))]
pub(crate) async fn search<S: Store>(
    State(app): State<App<S>>,
    OriginalUri(uri): OriginalUri,
    WithRejection(Query(query), _): Rejecting<Query<SearchQuery>>,
) -> Result<Response, Problem> {
    if query.q.chars().count() > QUERY_CHARS_MAX {
        let what = format!("limit `query_chars_max` ({QUERY_CHARS_MAX}) reached: use fewer words");
        return Err(Problem::bad_request(what));
    }
    let words = SearchWords::parse(&query.q);
    let units = query.unit.map(|unit| below(&app.engine.directory(), &unit.as_str().into()));
    let filter = SearchFilter {
        suite: query.suite,
        period: query.period.map(Window::key),
        kind: query.kind.map(EntryKind::from),
        units: units.unwrap_or_default(),
        is_closed: query.closed,
    };
    let request = page::request(query.limit, query.after)?;
    let found = app.engine.search(words.clone(), filter, request).await?;
    let next = found.page.next.map(|cursor| cursor.0);
    let link = next.as_deref().and_then(|next| page::next_link(&uri, next));
    let rows = found.page.rows.into_iter().map(|entry| EntryView::new(entry, &words)).collect();
    let mut response = Json(FoundView { rows, next, current: found.is_current }).into_response();
    if let Some(link) = link {
        response.headers_mut().insert(LINK, link);
    }
    Ok(response)
}
