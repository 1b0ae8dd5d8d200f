//! What errors look like: problem details after RFC 9457, with a stable code.

use axum::Json;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use duban_engine::EngineError;
use duban_model::shortened;
use duban_sim::{NotSimulated, Stop};
use duban_store::StoreError;
use serde::Serialize;
use utoipa::ToSchema;

use crate::account::AccountError;
use crate::auth::{Scope, TokenError};
use crate::evidence::FileError;
use crate::pages::Failure;
use crate::rehearsal::NotRehearsed;
use crate::status;

/// Why a request was not carried out. Nothing was changed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// `urn:duban:error:` and the code.
    #[serde(rename = "type")]
    kind: String,
    /// What people read.
    title: String,
    /// The HTTP status again.
    status: u16,
    /// What a developer reads.
    detail: String,
    /// The code of `docs/errors.md`.
    code: &'static str,
    /// When to try again, for answers that say so.
    #[serde(skip)]
    retry_after_s: u32,
}

/// How long somebody who has uploaded enough today is told to wait, in seconds.
const DAY_S: u32 = 24 * 3_600;

impl Problem {
    fn new(status: StatusCode, code: &'static str, title: String, detail: String) -> Self {
        let kind = format!("urn:duban:error:{code}");
        let (title, detail) = (shortened(&title), shortened(&detail));
        Self { kind, title, status: status.as_u16(), detail, code, retry_after_s: 1 }
    }

    pub(crate) fn bad_request(detail: String) -> Self {
        let title = "请求无法读取，请核对格式".to_owned();
        Self::new(StatusCode::BAD_REQUEST, "DB6001", title, detail)
    }

    pub(crate) fn unknown_caller() -> Self {
        let title = "未登录或令牌无效".to_owned();
        let detail = "send a valid token as `Authorization: Bearer …`".to_owned();
        Self::new(StatusCode::UNAUTHORIZED, "DB6002", title, detail)
    }

    pub(crate) fn forbidden(scopes: &[Scope]) -> Self {
        let title = "令牌权限不足".to_owned();
        let names: Vec<String> =
            scopes.iter().map(|scope| format!("`{}`", scope.as_str())).collect();
        let detail = format!("this needs a token with the scope {}", names.join(" or "));
        Self::new(StatusCode::FORBIDDEN, "DB6003", title, detail)
    }

    pub(crate) fn not_found() -> Self {
        let title = "没有这个地址".to_owned();
        let detail = "no such resource; see /api/openapi.json".to_owned();
        Self::new(StatusCode::NOT_FOUND, "DB6004", title, detail)
    }

    /// There is no such thing, though the address is one.
    pub(crate) fn missing() -> Self {
        let title = "没有这一项".to_owned();
        let detail = "there is nothing of this name".to_owned();
        Self::new(StatusCode::NOT_FOUND, "DB6004", title, detail)
    }

    pub(crate) fn no_method() -> Self {
        let title = "此地址不支持该方法".to_owned();
        let detail = "the method is not allowed here; see /api/openapi.json".to_owned();
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "DB6005", title, detail)
    }

    pub(crate) fn changed(current: u64) -> Self {
        let title = "事项已有新的变化，请刷新后再办理".to_owned();
        let detail = format!("the case is at version {current}, not at that of `If-Match`");
        Self::new(StatusCode::PRECONDITION_FAILED, "DB6006", title, detail)
    }

    pub(crate) fn draft_changed() -> Self {
        let title = "草稿已被他人改动，请刷新后再保存".to_owned();
        let detail = "the draft is not the one of `If-Match`".to_owned();
        Self::new(StatusCode::PRECONDITION_FAILED, "DB6006", title, detail)
    }

    pub(crate) fn no_dead_letter() -> Self {
        let title = "没有这封未送达的信".to_owned();
        let detail = "there is no dead delivery of this case and position".to_owned();
        Self::new(StatusCode::NOT_FOUND, "DB6007", title, detail)
    }

    pub(crate) fn too_large() -> Self {
        let title = "请求过大".to_owned();
        let detail = "limit `body_bytes_max` (1 MiB; 20 MiB for tables, 64 MiB for a \
                      directory) reached"
            .to_owned();
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "DB6008", title, detail)
    }

    pub(crate) fn unfit(detail: String) -> Self {
        let title = "内容不符合要求".to_owned();
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "DB6009", title, detail)
    }

    pub(crate) fn bad_sources(problems: &[duban_model::Problem]) -> Self {
        Self::unfit(crate::routes::suites::told(problems))
    }

    pub(crate) fn too_often() -> Self {
        let title = "请求过于频繁，请稍后重试".to_owned();
        let detail = "limit `token_requests_per_second_max` reached".to_owned();
        Self::new(StatusCode::TOO_MANY_REQUESTS, "DB6031", title, detail)
    }

    pub(crate) fn too_slow() -> Self {
        let title = "上传过慢，已中断".to_owned();
        let detail = "limit `body_pause_seconds_max` or `body_bytes_per_second_min` reached; \
                      check the network and send it again"
            .to_owned();
        Self::new(StatusCode::REQUEST_TIMEOUT, "DB6041", title, detail)
    }

    pub(crate) fn too_many_streams() -> Self {
        let title = "事件流过多，请关闭不用的连接后重试".to_owned();
        let detail = "limit `streams_per_caller_max` or `streams_max` reached".to_owned();
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "DB6042", title, detail)
    }

    pub(crate) fn no_room() -> Self {
        let title = "连接过多，请稍后重试".to_owned();
        let detail = "limit `connections_max` reached".to_owned();
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "DB6043", title, detail)
    }

    pub(crate) fn wrong_host() -> Self {
        let title = "模拟库只能在本机以 localhost 或 127.0.0.1 打开".to_owned();
        let detail = "a simulated database, where anybody may be anybody, answers only to the \
                      names of this machine itself: localhost, 127.0.0.1, [::1]"
            .to_owned();
        Self::new(StatusCode::MISDIRECTED_REQUEST, "DB6044", title, detail)
    }

    pub(crate) fn store(error: StoreError) -> Self {
        EngineError::Store(error).into()
    }

    /// What a client reads.
    pub(crate) fn text(&self) -> String {
        serde_json::to_string(self).expect("invariant: a problem is plain data")
    }

    /// Its status.
    pub(crate) fn status(&self) -> u16 {
        self.status
    }
}

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Self {
        if let EngineError::Changed { version, .. } = error {
            return Self::changed(version);
        }
        let status = status::of_engine(&error);
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(
                code = error.code(),
                error = &error as &dyn std::error::Error,
                "request failed"
            );
        }
        Self::new(status, error.code(), error.zh(), error.to_string())
    }
}

impl From<Stop> for Problem {
    fn from(stop: Stop) -> Self {
        let detail = format!("limit `{}` ({}) reached", stop.name, stop.max);
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, stop.code(), stop.zh(), detail)
    }
}

impl From<NotSimulated> for Problem {
    fn from(error: NotSimulated) -> Self {
        match error {
            NotSimulated::Refused(refusal) => EngineError::Refused(refusal).into(),
            NotSimulated::Stopped(stop) => stop.into(),
        }
    }
}

impl From<NotRehearsed> for Problem {
    fn from(error: NotRehearsed) -> Self {
        let title = error.zh();
        match error {
            NotRehearsed::Busy => {
                let detail = "limit `rehearsals_max` (1 at once) reached; try again".to_owned();
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "DB6033", title, detail)
            }
            NotRehearsed::Stopped(stop) => stop.into(),
            NotRehearsed::Ending => EngineError::Closed.into(),
            NotRehearsed::Broken => Self::unfit("it broke off; send us the files".to_owned()),
        }
    }
}

impl From<FileError> for Problem {
    fn from(error: FileError) -> Self {
        let (status, detail) = (status::of_file(&error), error.to_string());
        match error {
            FileError::Missing => Self::not_found(),
            FileError::TooLarge { .. } => Self { detail, ..Self::too_large() },
            FileError::WrongKind { .. } | FileError::Empty { .. } => Self::unfit(detail),
            FileError::Broken(_) => Self::bad_request(detail),
            FileError::CaseFull { .. } => {
                Self::new(status, "DB6045", "本事项的文件已达上限".to_owned(), detail)
            }
            FileError::DayFull { .. } => {
                let problem =
                    Self::new(status, "DB6046", "今天上传的文件已达上限".to_owned(), detail);
                Self { retry_after_s: DAY_S, ..problem }
            }
            FileError::Failed(_) => {
                tracing::error!(error = &error as &dyn std::error::Error, "evidence failed");
                Self::new(status, "DB6010", "文件存取失败".to_owned(), "see the log".to_owned())
            }
            FileError::Store(error) => Self::store(error),
        }
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Engine(error) => error.into(),
            Failure::File(error) => error.into(),
            Failure::Account(error) => error.into(),
            Failure::Missing => Self::missing(),
            Failure::Bad(text) => Self::unfit(text),
            Failure::TooLarge => Self::too_large(),
            Failure::TooSlow => Self::too_slow(),
            Failure::Crowded => Self::too_many_streams(),
            Failure::NotRehearsed(error) => error.into(),
            other @ (Failure::SignIn(_)
            | Failure::NotYours
            | Failure::Foreign
            | Failure::TooOften
            | Failure::Refused(_)) => {
                Self::new(other.status(), "DB6009", other.zh(), "only for pages".to_owned())
            }
        }
    }
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        let detail = error.to_string();
        match error {
            TokenError::Taken(name) => {
                let title = format!("已有名为“{name}”的令牌，请换个名称，或先撤销旧的");
                Self::new(StatusCode::CONFLICT, "DB6032", title, detail)
            }
            TokenError::Store(error) => Self::store(error),
        }
    }
}

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        let status = status::of_account(&error);
        match error {
            AccountError::Store(error) => Self::store(error),
            AccountError::Taken | AccountError::LastSecurity => {
                let detail = "the login is taken, or the last account of its kind".to_owned();
                Self::new(status, "DB6032", error.to_string(), detail)
            }
            AccountError::BadLogin | AccountError::BadPassword(_) | AccountError::BadLink => {
                Self::unfit(error.to_string())
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after = HeaderValue::from(self.retry_after_s);
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        match status {
            StatusCode::UNAUTHORIZED => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                headers.insert(RETRY_AFTER, retry_after);
            }
            _ => {}
        }
        response
    }
}
