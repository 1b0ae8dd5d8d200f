//! The style sheet and the script, compiled in.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;

/// Browsers may keep them for an hour.
const CACHE: &str = "private, max-age=3600";

pub(crate) async fn css() -> impl IntoResponse {
    let headers = [(CONTENT_TYPE, "text/css; charset=utf-8"), (CACHE_CONTROL, CACHE)];
    (headers, include_str!("../../assets/app.css"))
}

pub(crate) async fn script() -> impl IntoResponse {
    let headers = [(CONTENT_TYPE, "text/javascript; charset=utf-8"), (CACHE_CONTROL, CACHE)];
    (headers, include_str!("../../assets/app.js"))
}
