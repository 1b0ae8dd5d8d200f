//! Files as answers: to be saved, never to be shown inside a page.

use axum::http::header::{
    CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
};
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::evidence::Found;

/// A file of evidence under a name. Should a browser open it all the same, it runs nothing and
/// reaches nothing.
pub(crate) fn download(found: Found, name: Option<&str>) -> Response {
    let headers: [(HeaderName, HeaderValue); 4] = [
        (CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
        (CONTENT_LENGTH, HeaderValue::from(found.size)),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox")),
        (CONTENT_DISPOSITION, attachment(name)),
    ];
    (headers, found.into_body()).into_response()
}

/// `Content-Disposition` with the name as it is (RFC 6266, RFC 8187), and a plain one for
/// programs that read nothing else.
fn attachment(name: Option<&str>) -> HeaderValue {
    let bare = HeaderValue::from_static("attachment");
    let Some(name) = name else { return bare };
    let is_plain = |char: &char| char.is_ascii_alphanumeric() || "-_.".contains(*char);
    let ending = name.rsplit_once('.').map_or(String::new(), |(_, ending)| {
        format!(".{}", ending.chars().filter(is_plain).collect::<String>())
    });
    let encoded = utf8_percent_encode(name, NON_ALPHANUMERIC);
    let text = format!("attachment; filename=\"file{ending}\"; filename*=UTF-8''{encoded}");
    HeaderValue::from_str(&text).unwrap_or(bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_neither_leave_its_quotes_nor_its_line() {
        let written = |name: &str| attachment(Some(name)).to_str().unwrap().to_owned();
        assert_eq!(
            written("计划 书.pdf"),
            "attachment; filename=\"file.pdf\"; \
             filename*=UTF-8''%E8%AE%A1%E5%88%92%20%E4%B9%A6%2Epdf"
        );
        let nasty = written("a\"; x=\r\nSet-Cookie: b.p\"\r\ndf");
        assert!(nasty.starts_with("attachment; filename=\"file.pdf\"; filename*="), "{nasty}");
        assert!(!nasty.contains(['\r', '\n']), "{nasty}");
        assert_eq!(attachment(None), "attachment");
    }
}
