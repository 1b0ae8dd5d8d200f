//! Keyset pages: `limit` and `after` in, `Link: …; rel="next"` out.

use axum::Json;
use axum::http::header::LINK;
use axum::http::{HeaderValue, Uri};
use axum::response::{IntoResponse, Response};
use duban_store::{Cursor, Page, PageRequest, StoreError};
use serde::Serialize;
use utoipa::ToSchema;

use crate::problem::Problem;

/// Rows of a page where the request names no number.
const LIMIT_DEFAULT: u32 = 50;

/// Part of a listing.
#[derive(Serialize, ToSchema)]
pub(crate) struct Part<V> {
    rows: Vec<V>,
    /// Where the next part begins: hand it back as `after`. Left out at the end.
    next: Option<String>,
}

/// The part of a listing that a request names.
pub(crate) fn request(limit: Option<u32>, after: Option<String>) -> Result<PageRequest, Problem> {
    let limit = limit.unwrap_or(LIMIT_DEFAULT);
    if !(1..=PageRequest::LIMIT_MAX).contains(&limit) {
        let what = format!("`limit` must be 1 to {}", PageRequest::LIMIT_MAX);
        return Err(Problem::bad_request(what));
    }
    // Empty is where nothing begins: left out it would be the beginning.
    match after {
        Some(after) if after.is_empty() => Err(bad_cursor(after)),
        after => Ok(PageRequest { after: after.map(Cursor), limit }),
    }
}

/// The place that a cursor is which says it as a number; 0 where there is none.
pub(crate) fn position(after: Option<&str>) -> Result<u64, StoreError> {
    let Some(after) = after else { return Ok(0) };
    let place = after.parse::<u64>().ok().filter(|place| i64::try_from(*place).is_ok());
    place.ok_or_else(|| StoreError::BadCursor(after.to_owned()))
}

fn bad_cursor(after: String) -> Problem {
    Problem::store(StoreError::BadCursor(after))
}

/// A page as an answer: the rows, the cursor of the next page, and the same as a link.
pub(crate) fn answer<T, V: Serialize>(uri: &Uri, page: Page<T>, view: impl Fn(T) -> V) -> Response {
    let next = page.next.map(|Cursor(next)| next);
    let link = next.as_deref().and_then(|next| next_link(uri, next));
    let rows = page.rows.into_iter().map(view).collect();
    let mut response = Json(Part { rows, next }).into_response();
    if let Some(link) = link {
        response.headers_mut().insert(LINK, link);
    }
    response
}

/// The next page as a link.
pub(crate) fn next_link(uri: &Uri, next: &str) -> Option<HeaderValue> {
    let query = uri.query().unwrap_or_default().split('&');
    let mut query: Vec<&str> = query
        .filter(|pair| !pair.is_empty() && *pair != "after" && !pair.starts_with("after="))
        .collect();
    let after = format!("after={}", escape(next));
    query.push(&after);
    HeaderValue::from_str(&format!("<{}?{}>; rel=\"next\"", uri.path(), query.join("&"))).ok()
}

/// Percent-encodes everything but what RFC 3986 calls unreserved.
fn escape(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}
