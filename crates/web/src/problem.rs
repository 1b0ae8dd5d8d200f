//! What errors look like: problem details after RFC 9457, with a stable code.

use axum::Json;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use duban_core::Refusal;
use duban_engine::EngineError;
use duban_store::StoreError;
use serde::Serialize;
use utoipa::ToSchema;

use crate::account::AccountError;
use crate::auth::Scope;
use crate::evidence::EvidenceError;
use crate::pages::Failure;

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
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, title: String, detail: String) -> Self {
        let kind = format!("urn:duban:error:{code}");
        Self { kind, title, status: status.as_u16(), detail, code }
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

    pub(crate) fn evidence(error: EvidenceError) -> Self {
        match error {
            EvidenceError::Missing => Self::not_found(),
            EvidenceError::TooLarge { .. } => {
                Self { detail: error.to_string(), ..Self::too_large() }
            }
            EvidenceError::WrongKind { .. } => Self::unfit(error.to_string()),
            EvidenceError::Broken(_) => Self::bad_request(error.to_string()),
            EvidenceError::Failed(_) => {
                tracing::error!(error = &error as &dyn std::error::Error, "evidence failed");
                let (title, detail) = ("文件存取失败".to_owned(), "see the log".to_owned());
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "DB6010", title, detail)
            }
        }
    }

    pub(crate) fn too_often() -> Self {
        let title = "请求过于频繁，请稍后重试".to_owned();
        let detail = "limit `token_requests_per_second_max` reached".to_owned();
        Self::new(StatusCode::TOO_MANY_REQUESTS, "DB6031", title, detail)
    }

    pub(crate) fn conflict(title: String, detail: String) -> Self {
        Self::new(StatusCode::CONFLICT, "DB6032", title, detail)
    }

    pub(crate) fn store(error: StoreError) -> Self {
        EngineError::Store(error).into()
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
        let status = status_of(&error);
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

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Engine(error) => error.into(),
            Failure::Missing => Self::missing(),
            other => Self::unfit(other.zh()),
        }
    }
}

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Store(error) => Self::store(error),
            AccountError::Taken | AccountError::LastSecurity => {
                let detail = "the login is taken, or the last account of its kind".to_owned();
                Self::conflict(error.to_string(), detail)
            }
            other => Self::unfit(other.to_string()),
        }
    }
}

fn status_of(error: &EngineError) -> StatusCode {
    match error {
        EngineError::Refused(refusal) => status_of_refusal(refusal),
        EngineError::NoWorkflow { .. } | EngineError::NoSuite(_) => StatusCode::NOT_FOUND,
        EngineError::KeyReused { .. } | EngineError::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
        EngineError::Outdated(_) => StatusCode::PRECONDITION_FAILED,
        EngineError::Busy(_) | EngineError::Contended { .. } | EngineError::Closed => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        EngineError::Store(StoreError::BadCursor(_)) => StatusCode::BAD_REQUEST,
        EngineError::Store(StoreError::Closed) => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn status_of_refusal(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::NoCase(_) | Refusal::NoItem(_) => StatusCode::NOT_FOUND,
        Refusal::NotAllowed { .. } | Refusal::SamePerson { .. } | Refusal::NoStandIn { .. } => {
            StatusCode::FORBIDDEN
        }
        Refusal::BadForm(_)
        | Refusal::EvidenceMissing(_)
        | Refusal::ReasonMissing(_)
        | Refusal::OutOfRange { .. }
        | Refusal::Definition { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        _ => StatusCode::CONFLICT,
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        match status {
            StatusCode::UNAUTHORIZED => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        response
    }
}
