//! The pages: Chinese first, rendered on the server, working without script.
//!
//! Each file has one page or ledger: what it asks the engine, and the template that shows it.

mod absences;
pub(crate) mod accounts;
mod assets;
mod attention;
mod audit;
mod calendars;
pub(crate) mod case;
mod choice;
mod deliveries;
mod directory;
mod directory_change;
mod duties;
mod elsewhere;
pub(crate) mod fields;
mod indicators;
mod interviews;
mod live;
mod making;
mod migration;
mod moves;
mod names;
mod notices;
mod overview;
pub(crate) mod search;
mod sessions;
pub(crate) mod shell;
mod sign_in;
pub(crate) mod simulation;
mod standing;
pub(crate) mod suites;
mod task;
mod templates;
mod todo;

use askama::Template;
use axum::extract::DefaultBodyLimit;
use axum::extract::multipart::{MultipartError, MultipartRejection};
use axum::extract::rejection::{FormRejection, PathRejection, QueryRejection};
use axum::extract::{Multipart, Path, Query};
use axum::http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use axum_extra::extract::WithRejection;
use duban_core::Refusal;
use duban_engine::EngineError;
use duban_model::shortened;
use duban_store::{Store, StoreError};

pub(crate) use crate::pages::live::Changes;

use crate::account::AccountError;
use crate::evidence::FileError;
use crate::pages::shell::Shell;
use crate::rehearsal::NotRehearsed;
use crate::server::App;
use crate::sign_in::Refused;
use crate::status;

/// The largest form with its files, in bytes.
const FORM_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The largest form of somebody who has not signed in, in bytes.
const STRANGERS_BYTES_MAX: usize = 16 * 1024;

/// What a form with one large file has beside it, in bytes.
const FORM_REST_BYTES_MAX: usize = 1024 * 1024;

/// Every page. Forms take at least one file of the largest size.
pub(crate) fn router<S: Store>(file_bytes_max: u64) -> Router<App<S>> {
    let file_bytes_max = usize::try_from(file_bytes_max).unwrap_or(usize::MAX);
    let form_bytes_max = FORM_BYTES_MAX.max(file_bytes_max.saturating_add(FORM_REST_BYTES_MAX));
    Router::new()
        .route("/", get(overview::show::<S>))
        .route("/todo", get(todo::show::<S>))
        .route("/tasks", get(todo::tasks::<S>))
        .route("/cases/{case}", get(case::show::<S>).post(case::make_move::<S>))
        .route("/cases/{case}/task", get(task::show::<S>).post(task::make_move::<S>))
        .route("/cases/{case}/files/{file}", get(task::download::<S>))
        .route("/duties", get(duties::show::<S>))
        .route("/attention", get(attention::show::<S>))
        .route("/interviews", get(interviews::show::<S>))
        .route("/notices", get(notices::show::<S>))
        .route("/indicators", get(indicators::show::<S>))
        .route("/search", get(search::show::<S>))
        .route("/suites", get(suites::list::<S>).post(suites::create::<S>))
        .route("/suites/{suite}", get(suites::show::<S>))
        .route("/suites/{suite}/graph/{workflow}", get(suites::graph::<S>))
        .route("/suites/{suite}/draft", get(suites::draft::<S>).post(suites::save::<S>))
        .route("/suites/{suite}/simulate", post(simulation::run::<S>))
        .route("/suites/{suite}/publish", post(suites::publish::<S>))
        .route("/suites/{suite}/open", post(suites::open::<S>))
        .route(
            "/suites/{suite}/migrate/{workflow}",
            get(migration::show::<S>).post(migration::begin::<S>),
        )
        .route("/deliveries", get(deliveries::show::<S>))
        .route("/deliveries/retry", post(deliveries::retry::<S>))
        .route("/deliveries/retry-all", post(deliveries::retry_all::<S>))
        .route("/deliveries/give-up", post(deliveries::give_up::<S>))
        .route("/templates", get(templates::list::<S>))
        .route("/templates/{kind}", get(templates::show::<S>).post(templates::change::<S>))
        .route("/directory", get(directory::show::<S>))
        .route("/directory/import", post(directory_change::import::<S>))
        .route("/directory/export", get(directory_change::export::<S>))
        .route("/directory/pull", post(directory_change::pull::<S>))
        .route(
            "/directory/change",
            get(directory_change::show::<S>).post(directory_change::apply::<S>),
        )
        .route("/absences", get(absences::show::<S>).post(absences::change::<S>))
        .route("/calendars", get(calendars::show::<S>).post(calendars::preview::<S>))
        .route("/calendars/apply", post(calendars::apply::<S>))
        .route("/accounts", get(accounts::show::<S>).post(accounts::change::<S>))
        .route("/audit", get(audit::show::<S>).post(audit::verify::<S>))
        .route("/sessions", get(sessions::show::<S>).post(sessions::end::<S>))
        .route("/live", get(live::stream::<S>))
        .layer(DefaultBodyLimit::max(form_bytes_max))
        .merge(for_strangers())
}

/// What anybody may ask for who has not signed in.
fn for_strangers<S: Store>() -> Router<App<S>> {
    Router::new()
        .route("/signin", get(sign_in::show::<S>).post(sign_in::sign_in::<S>))
        .route("/signin/oidc", get(elsewhere::to_oidc::<S>))
        .route("/signin/oidc/back", get(elsewhere::from_oidc::<S>))
        .route("/signin/cas", get(elsewhere::to_cas::<S>))
        .route("/signin/cas/back", get(elsewhere::from_cas::<S>))
        .route("/signout", post(sign_in::sign_out::<S>))
        .route("/welcome", get(sign_in::welcome::<S>).post(sign_in::set_password::<S>))
        .route("/language", get(shell::switch))
        .route("/assets/app.css", get(assets::css))
        .route("/assets/app.js", get(assets::script))
        .layer(DefaultBodyLimit::max(STRANGERS_BYTES_MAX))
}

/// The page that takes a token from another system's page: forms of other sites are not refused.
pub(crate) fn handed_over<S: Store>() -> Router<App<S>> {
    Router::new()
        .route(
            "/signin/handover",
            get(elsewhere::follow_handover::<S>).post(elsewhere::post_handover::<S>),
        )
        .layer(DefaultBodyLimit::max(STRANGERS_BYTES_MAX))
}

/// A form: one that cannot be read is told on a page.
pub(crate) type Sent<T> = WithRejection<Form<T>, Failure>;

/// What an address asks for behind its `?`: the same.
pub(crate) type Asked<T> = WithRejection<Query<T>, Failure>;

/// What an address names: the same.
pub(crate) type Named<T> = WithRejection<Path<T>, Failure>;

/// A form with files: the same.
pub(crate) type Uploaded = WithRejection<Multipart, Failure>;

/// Why a page is not shown. The visitor reads it as a page.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Nobody has signed in; the path to come back to.
    SignIn(String),
    /// Not for this visitor.
    NotYours,
    /// There is no such thing, or none that this visitor may know of.
    Missing,
    /// The request cannot be read.
    Bad(String),
    /// The request comes from another site's page.
    Foreign,
    /// The form is larger than it may be.
    TooLarge,
    /// The form came too slowly.
    TooSlow,
    /// Too many attempts.
    TooOften,
    /// Too many pages listen already.
    Crowded,
    /// Whoever comes from elsewhere is not let in.
    Refused(Refused),
    /// A test or a simulation came to no end of its own.
    NotRehearsed(NotRehearsed),
    /// The engine refused or failed.
    Engine(EngineError),
    /// A file was not taken, or could not be had.
    File(FileError),
    /// The accounts refused.
    Account(AccountError),
}

impl From<EngineError> for Failure {
    /// A case that does not exist, and what lies in none, is told as one that is not theirs to
    /// see: nobody learns which cases there are.
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Refused(Refusal::NoCase(_)) => Self::Missing,
            other => Self::Engine(other),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Engine(EngineError::Store(error))
    }
}

impl From<NotRehearsed> for Failure {
    fn from(error: NotRehearsed) -> Self {
        Self::NotRehearsed(error)
    }
}

impl From<AccountError> for Failure {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Store(error) => error.into(),
            other => Self::Account(other),
        }
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Missing => Self::Missing,
            FileError::Store(error) => error.into(),
            other => Self::File(other),
        }
    }
}

impl From<FormRejection> for Failure {
    fn from(rejection: FormRejection) -> Self {
        match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Self::TooLarge,
            _ => Self::unreadable(),
        }
    }
}

impl From<QueryRejection> for Failure {
    fn from(_: QueryRejection) -> Self {
        Self::Bad("网址中 ? 后面的内容不完整或有误，请从页面上的链接重新进入".to_owned())
    }
}

impl From<PathRejection> for Failure {
    fn from(_: PathRejection) -> Self {
        Self::Missing
    }
}

impl From<MultipartRejection> for Failure {
    fn from(_: MultipartRejection) -> Self {
        Self::unreadable()
    }
}

#[derive(Template)]
#[template(path = "failure.html")]
struct FailurePage {
    shell: Shell,
    text: String,
}

impl Failure {
    fn unreadable() -> Self {
        Self::Bad("表单无法读取，请返回后重新填写".to_owned())
    }

    /// Of a form with files that broke off or grew too large while it was read.
    pub(crate) fn unread(error: MultipartError) -> Self {
        match error.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Self::TooLarge,
            _ => Self::unreadable(),
        }
    }

    /// What people read.
    pub(crate) fn zh(&self) -> String {
        match self {
            Self::SignIn(_) => "请先登录".to_owned(),
            Self::NotYours => "这一页不在您的职责范围内".to_owned(),
            Self::Missing => "没有这一项，或者您无权查看".to_owned(),
            Self::Bad(text) => shortened(text),
            Self::Foreign => "请求来自其他网站，已拒绝".to_owned(),
            Self::TooLarge => {
                "表单过大：登录前的表单不得超过 16 KiB；登录后请减少文件（form_bytes_max）"
                    .to_owned()
            }
            Self::TooSlow => "上传过慢，已中断；请检查网络后重试".to_owned(),
            Self::TooOften => "尝试次数过多，请一分钟后再试".to_owned(),
            Self::Crowded => "自动刷新的页面过多；请关闭不用的页面，稍后再试".to_owned(),
            Self::Refused(refused) => refused.zh(),
            Self::NotRehearsed(error) => error.zh(),
            Self::Engine(error) => shortened(&error.zh()),
            Self::File(error) => error.to_string(),
            Self::Account(error) => error.to_string(),
        }
    }

    /// Its status.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::SignIn(_) => StatusCode::SEE_OTHER,
            Self::NotYours | Self::Foreign => StatusCode::FORBIDDEN,
            Self::Missing => StatusCode::NOT_FOUND,
            Self::Bad(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::TooOften => StatusCode::TOO_MANY_REQUESTS,
            Self::Crowded => StatusCode::SERVICE_UNAVAILABLE,
            Self::Refused(Refused::NotOffered) => StatusCode::NOT_FOUND,
            Self::Refused(Refused::Unreachable(_)) => StatusCode::BAD_GATEWAY,
            Self::Refused(Refused::Store(_)) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Refused(_) => StatusCode::FORBIDDEN,
            Self::NotRehearsed(NotRehearsed::Busy | NotRehearsed::Ending) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::NotRehearsed(NotRehearsed::Stopped(_) | NotRehearsed::Broken) => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            Self::Engine(error) => status::of_engine(error),
            Self::File(error) => status::of_file(error),
            Self::Account(error) => status::of_account(error),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        if let Self::SignIn(path) = &self {
            let target = format!("/signin?to={}", shell::encode(path));
            let target = HeaderValue::from_str(&target)
                .expect("invariant: an encoded path is a header value");
            return (StatusCode::SEE_OTHER, [(LOCATION, target)]).into_response();
        }
        let status = self.status();
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(failure = ?self, "page failed");
        }
        let page = FailurePage { shell: Shell::bare("无法显示"), text: self.zh() };
        let mut response = (status, render(&page)).into_response();
        if let Some(seconds) = retry_after(status) {
            response.headers_mut().insert(RETRY_AFTER, seconds);
        }
        response
    }
}

/// When to come back, in seconds: tries are counted by the minute.
fn retry_after(status: StatusCode) -> Option<HeaderValue> {
    match status {
        StatusCode::TOO_MANY_REQUESTS => Some(HeaderValue::from_static("60")),
        StatusCode::SERVICE_UNAVAILABLE => Some(HeaderValue::from_static("1")),
        _ => None,
    }
}

/// A page as an answer.
pub(crate) fn render(page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => Html(html).into_response(),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "template failed");
            let plain = HeaderValue::from_static("text/plain; charset=utf-8");
            (StatusCode::INTERNAL_SERVER_ERROR, [(CONTENT_TYPE, plain)], "页面出错").into_response()
        }
    }
}

/// Sends the browser to another page with GET.
pub(crate) fn go(path: &str) -> Response {
    match HeaderValue::from_str(path) {
        Ok(path) => (StatusCode::SEE_OTHER, [(LOCATION, path)]).into_response(),
        Err(_) => Failure::Bad("地址无效".to_owned()).into_response(),
    }
}
