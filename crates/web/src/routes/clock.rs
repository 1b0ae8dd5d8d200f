//! What the engine makes of the server's clock.

use axum::Json;
use axum::extract::State;
use axum_extra::extract::WithRejection;
use duban_core::Actor;
use duban_engine::{ClockState, Epoch, EpochCause, TakenBack};
use duban_store::Store;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::cases::Rejecting;
use crate::auth::Caller;
use crate::problem::Problem;
use crate::server::App;

/// The time that duban goes by, and what the server's clock shows.
#[derive(Serialize, ToSchema)]
pub(crate) struct ClockView {
    /// The time that duban goes by, in milliseconds UTC.
    believed: i64,
    /// What the server's clock shows, in milliseconds UTC.
    wall: i64,
    /// Since when the server's clock is not believed, and moments wait; none: it is.
    doubted_since: Option<i64>,
    /// The last epochs of the clock, the present one at the end. Events name theirs.
    epochs: Vec<EpochView>,
}

/// A stretch of time in which one reckoning was believed.
#[derive(Serialize, ToSchema)]
pub(crate) struct EpochView {
    /// From 1.
    number: u32,
    /// The time that was believed when it began, in milliseconds UTC.
    from: i64,
    /// `start`, `outage` or `accepted`.
    #[schema(value_type = String)]
    cause: EpochCause,
}

impl From<ClockState> for ClockView {
    fn from(state: ClockState) -> Self {
        let ClockState { believed, wall, doubted_since, epochs } = state;
        let doubted_since = doubted_since.map(|at| at.millis());
        let view = |epoch: Epoch| EpochView {
            number: epoch.number,
            from: epoch.from.millis(),
            cause: epoch.cause,
        };
        let epochs = epochs.into_iter().map(view).collect();
        Self { believed: believed.millis(), wall: wall.millis(), doubted_since, epochs }
    }
}

/// What duban makes of the server's clock.
#[utoipa::path(get, path = "/api/v1/clock", tag = "upkeep", responses((status = 200, body = ClockView)))]
pub(crate) async fn show<S: Store>(State(app): State<App<S>>) -> Result<Json<ClockView>, Problem> {
    Ok(Json(app.engine.clock().into()))
}

/// Believes the server's clock as it is now, so that moments that wait go on by it. Repeated:
/// nothing changes.
#[utoipa::path(post, path = "/api/v1/clock/accept", tag = "upkeep", responses((status = 200, body = ClockView)))]
pub(crate) async fn accept<S: Store>(
    State(app): State<App<S>>,
    caller: Caller,
) -> Result<Json<ClockView>, Problem> {
    tracing::warn!(token = caller.name, "the clock is accepted");
    Ok(Json(app.engine.accept_clock().await?.into()))
}

/// What is to be taken back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"epoch": 7, "dry_run": true}))]
pub(crate) struct TakeBackRequest {
    /// The epoch in which a wrong clock was believed; `GET /api/v1/clock` lists them.
    #[schema(minimum = 1, maximum = 4_294_967_295_u64, format = "int64")]
    epoch: u32,
    /// Say what would be done, and do nothing.
    #[serde(default)]
    dry_run: bool,
}

/// What became of the cases that a wrong clock had reached.
#[derive(Serialize, ToSchema)]
pub(crate) struct TakenBackView {
    /// Cases that are as they were before.
    restored: Vec<RestoredView>,
    /// Cases that are left as they are, because somebody has moved in them since.
    left: Vec<LeftView>,
    /// Cases that were opened by the wrong clock. They stand.
    opened: Vec<String>,
}

/// A case that is as it was before.
#[derive(Serialize, ToSchema)]
pub(crate) struct RestoredView {
    /// Which.
    case: String,
    /// The last event that stands.
    after: u64,
    /// Cases that it asked for meanwhile; they are not undone.
    cases: Vec<String>,
    /// Numbered papers that it issued meanwhile; they are not undone.
    papers: Vec<PaperView>,
}

/// A paper with a number.
#[derive(Serialize, ToSchema)]
pub(crate) struct PaperView {
    /// `slip` or `notice`.
    kind: String,
    /// Its number in the case.
    number: u32,
}

/// A case that is left as it is.
#[derive(Serialize, ToSchema)]
pub(crate) struct LeftView {
    /// Which.
    case: String,
    /// Why.
    why: String,
}

impl From<TakenBack> for TakenBackView {
    fn from(taken: TakenBack) -> Self {
        let restored = taken.restored.into_iter().map(|one| RestoredView {
            case: one.case.to_string(),
            after: one.after,
            cases: one.cases.iter().map(ToString::to_string).collect(),
            papers: one
                .papers
                .into_iter()
                .map(|(kind, number)| PaperView { kind, number })
                .collect(),
        });
        let left = taken.left.into_iter();
        Self {
            restored: restored.collect(),
            left: left.map(|(case, why)| LeftView { case: case.to_string(), why }).collect(),
            opened: taken.opened.iter().map(ToString::to_string).collect(),
        }
    }
}

/// Takes back what time brought about since an epoch of the clock began, in every case where
/// nobody has moved since. Refused with 503 while the clock is not believed: accept it first.
/// Repeated: what was restored is not found again.
#[utoipa::path(post, path = "/api/v1/clock/take-back", tag = "upkeep", request_body = TakeBackRequest,
    responses((status = 200, body = TakenBackView), (status = 422, description = "the clock has no such epoch")))]
pub(crate) async fn take_back<S: Store>(
    State(app): State<App<S>>,
    caller: Caller,
    WithRejection(Json(request), _): Rejecting<Json<TakeBackRequest>>,
) -> Result<Json<TakenBackView>, Problem> {
    tracing::warn!(token = caller.name, epoch = request.epoch, "a wrong clock is taken back");
    let actor = Actor::operator(caller.name);
    Ok(Json(app.engine.take_back(request.epoch, actor, request.dry_run).await?.into()))
}
