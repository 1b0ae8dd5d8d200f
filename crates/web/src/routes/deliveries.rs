//! Deliveries and dead letters.

use axum::extract::{OriginalUri, Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum_extra::extract::WithRejection;
use duban_calendar::Window;
use duban_core::{CaseId, Notification};
use duban_store::{DeliveryFilter, DeliveryState, Store};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::cases::Rejecting;
use crate::page::{self, Part};
use crate::problem::Problem;
use crate::server::App;
use crate::view::DeliveryView;

/// Which deliveries.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    case: Option<String>,
    /// Of cases of this suite.
    suite: Option<String>,
    /// Of cases opened for this unit, by code.
    unit: Option<String>,
    /// Of cases with this period, for example `2022`.
    #[param(value_type = Option<String>)]
    period: Option<Window>,
    /// `message` for other cases, otherwise for example `remind`.
    kind: Option<String>,
    /// How far they have come.
    #[param(inline)]
    state: Option<StateQuery>,
    /// Those that the channel of this name still owes or has given up.
    channel: Option<String>,
    /// Rows, 50 where it is left out.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// How far a delivery has come.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StateQuery {
    Pending,
    Delivered,
    Dead,
}

impl From<StateQuery> for DeliveryState {
    fn from(state: StateQuery) -> Self {
        match state {
            StateQuery::Pending => Self::Pending,
            StateQuery::Delivered => Self::Delivered,
            StateQuery::Dead => Self::Dead,
        }
    }
}

/// A kind of delivery as rows have it.
fn kind_of(word: String) -> Result<String, Problem> {
    let is_known = word == "message" || Notification::ALL.iter().any(|kind| kind.as_str() == word);
    if is_known {
        return Ok(word);
    }
    let known: Vec<&str> = Notification::ALL.iter().map(|kind| kind.as_str()).collect();
    Err(Problem::bad_request(format!(
        "`kind` must be `message` or one of {}; got `{word}`",
        known.join(", ")
    )))
}

/// Deliveries, by case and position.
#[utoipa::path(get, path = "/api/v1/deliveries", params(ListQuery), tag = "deliveries",
    responses((status = 200, body = Part<DeliveryView>, description = "`rows`, and `next` where there is more")))]
pub(crate) async fn list<S: Store>(
    State(app): State<App<S>>,
    OriginalUri(uri): OriginalUri,
    WithRejection(Query(query), _): Rejecting<Query<ListQuery>>,
) -> Result<Response, Problem> {
    let ListQuery { case, suite, unit, period, kind, state, channel, .. } = query;
    let state = state.map(DeliveryState::from);
    let period = period.map(Window::key);
    let kind = kind.map(kind_of).transpose()?;
    let filter = DeliveryFilter { case, kind, state, channel, suite, unit, period };
    let page = app.engine.deliveries(filter, page::request(query.limit, query.after)?).await?;
    Ok(page::answer(&uri, page, DeliveryView::from))
}

/// Puts a dead letter back, with a new series of attempts.
#[utoipa::path(post, path = "/api/v1/deliveries/{case}/{seq}/retry", tag = "deliveries",
    params(("case" = String, Path), ("seq" = u64, Path)),
    responses((status = 204, description = "it is tried again"), (status = 404, body = Problem)))]
pub(crate) async fn retry<S: Store>(
    State(app): State<App<S>>,
    WithRejection(Path((case, seq)), _): Rejecting<Path<(String, u64)>>,
) -> Result<StatusCode, Problem> {
    let is_back = app.engine.retry_delivery(&CaseId::new(&case), seq).await?;
    if is_back { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::no_dead_letter()) }
}
