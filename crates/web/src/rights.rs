//! What each operation of the API asks of a token: looked at before anything of a request is
//! read but its head.
//!
//! What does not stand in the table is not answered. Handlers ask nothing themselves, so there is
//! one place to read and one to get wrong.

use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use duban_store::Store;

use crate::auth::{Caller, Scope};
use crate::problem::Problem;
use crate::server::App;

use Scope::{Act, Admin, Audit, Read, Security};

/// Method and path of every operation, and the scopes of which one suffices; none: no token is
/// asked for.
const RIGHTS: &[(Method, &str, &[Scope])] = &[
    (Method::GET, "/healthz", &[]),
    (Method::GET, "/readyz", &[]),
    (Method::GET, "/metrics", &[Read]),
    (Method::GET, "/api/openapi.json", &[]),
    (Method::GET, "/api/v1/cases", &[Read]),
    (Method::POST, "/api/v1/cases", &[Admin]),
    (Method::GET, "/api/v1/cases/{case}", &[Read]),
    (Method::GET, "/api/v1/cases/{case}/events", &[Read]),
    (Method::GET, "/api/v1/cases/{case}/timeline", &[Read]),
    (Method::GET, "/api/v1/cases/{case}/graph", &[Read]),
    (Method::GET, "/api/v1/cases/{case}/graph.svg", &[Read]),
    (Method::GET, "/api/v1/cases/{case}/next", &[Read]),
    (Method::GET, "/api/v1/cases/{case}/tasks", &[Read]),
    (Method::GET, "/api/v1/cases/{case}/tasks/{item}", &[Read]),
    (Method::POST, "/api/v1/cases/{case}/moves", &[Act]),
    (Method::POST, "/api/v1/cases/{case}/migrate", &[Admin]),
    (Method::POST, "/api/v1/cases/{case}/repair", &[Admin]),
    (Method::POST, "/api/v1/cases/{case}/rebuild", &[Admin]),
    (Method::GET, "/api/v1/cases/{case}/audit", &[Read, Audit]),
    (Method::POST, "/api/v1/moves", &[Act]),
    (Method::GET, "/api/v1/people/{person}/todo", &[Read]),
    (Method::GET, "/api/v1/tasks", &[Read]),
    (Method::GET, "/api/v1/lights", &[Read]),
    (Method::GET, "/api/v1/scores", &[Read]),
    (Method::GET, "/api/v1/scores/entries", &[Read]),
    (Method::GET, "/api/v1/duties", &[Read]),
    (Method::GET, "/api/v1/interviews", &[Read]),
    (Method::GET, "/api/v1/notices", &[Read]),
    (Method::GET, "/api/v1/indicators", &[Read]),
    (Method::GET, "/api/v1/search", &[Read]),
    (Method::GET, "/api/v1/deliveries", &[Read]),
    (Method::POST, "/api/v1/deliveries/{case}/{seq}/retry", &[Admin]),
    (Method::GET, "/api/v1/feed", &[Read]),
    (Method::GET, "/api/v1/stream", &[Read]),
    (Method::GET, "/api/v1/suites", &[Read]),
    (Method::PUT, "/api/v1/suites/{suite}", &[Admin]),
    (Method::POST, "/api/v1/suites/{suite}/check", &[Read]),
    (Method::POST, "/api/v1/suites/{suite}/simulate", &[Admin]),
    (Method::POST, "/api/v1/suites/{suite}/test", &[Admin]),
    (Method::GET, "/api/v1/suites/{suite}/sources", &[Read]),
    (Method::GET, "/api/v1/suites/{suite}/draft", &[Admin]),
    (Method::PUT, "/api/v1/suites/{suite}/draft", &[Admin]),
    (Method::DELETE, "/api/v1/suites/{suite}/draft", &[Admin]),
    (Method::POST, "/api/v1/suites/{suite}/open", &[Admin]),
    (Method::GET, "/api/v1/suites/{suite}/versions", &[Read]),
    (Method::GET, "/api/v1/suites/{suite}/workflows/{workflow}", &[Read]),
    (Method::POST, "/api/v1/suites/{suite}/workflows/{workflow}/migrate", &[Admin]),
    (Method::GET, "/api/v1/clock", &[Read]),
    (Method::POST, "/api/v1/clock/accept", &[Admin]),
    (Method::POST, "/api/v1/clock/take-back", &[Admin]),
    (Method::GET, "/api/v1/directory", &[Read]),
    (Method::PUT, "/api/v1/directory", &[Admin]),
    (Method::POST, "/api/v1/directory/import", &[Admin]),
    (Method::GET, "/api/v1/stand-ins", &[Read]),
    (Method::PUT, "/api/v1/stand-ins", &[Act]),
    (Method::DELETE, "/api/v1/stand-ins", &[Act]),
    (Method::GET, "/api/v1/calendars", &[Read]),
    (Method::GET, "/api/v1/calendars/{id}", &[Read]),
    (Method::PUT, "/api/v1/calendars/{id}", &[Admin]),
    (Method::POST, "/api/v1/evidence", &[Act]),
    (Method::GET, "/api/v1/evidence/{file}", &[Read]),
    (Method::GET, "/api/v1/accounts", &[Security]),
    (Method::POST, "/api/v1/accounts", &[Security]),
    (Method::DELETE, "/api/v1/accounts/{login}", &[Security]),
    (Method::POST, "/api/v1/accounts/{login}/link", &[Security]),
    (Method::GET, "/api/v1/tokens", &[Security]),
    (Method::POST, "/api/v1/tokens", &[Security]),
    (Method::DELETE, "/api/v1/tokens/{name}", &[Security]),
    (Method::GET, "/api/v1/audit/events", &[Audit]),
    (Method::POST, "/api/v1/audit/verification", &[Audit]),
    // A job is shown to the scope that began it.
    (Method::GET, "/api/v1/jobs/{job}", &[Admin, Audit]),
    (Method::GET, "/api/v1/stats", &[Read]),
];

/// Lets a request through whose token may do what it asks for, and puts the [`Caller`] beside it.
pub(crate) async fn check<S: Store>(
    State(app): State<App<S>>,
    request: Request,
    next: Next,
) -> Response {
    match checked(&app, request).await {
        Ok(request) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// What an operation asks for; `None`: there is none. A host may have nested the whole service
/// below a path of its own.
fn scopes(method: &Method, path: &str) -> Option<&'static [Scope]> {
    // What may be got may be asked after.
    let method = if *method == Method::HEAD { &Method::GET } else { method };
    let line = RIGHTS.iter().find(|(of, at, _)| of == method && path.ends_with(at));
    line.map(|(.., scopes)| *scopes)
}

async fn checked<S: Store>(app: &App<S>, request: Request) -> Result<Request, Problem> {
    let (mut parts, body) = request.into_parts();
    let path = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let Some(scopes) = scopes(&parts.method, path) else { return Err(Problem::no_method()) };
    if !scopes.is_empty() {
        let caller = Caller::identify(&parts.headers, app).await?;
        caller.may_with(scopes)?;
        parts.extensions.insert(caller);
    }
    Ok(Request::from_parts(parts, body))
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        _: &S,
    ) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(Problem::unknown_caller)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_operation_of_the_document_has_its_line_and_every_line_its_operation() {
        let document = crate::document::openapi();
        let paths = document["paths"].as_object().unwrap();
        let described: BTreeSet<(String, String)> = paths
            .iter()
            .flat_map(|(path, methods)| {
                let methods = methods.as_object().unwrap().keys();
                methods.map(|method| (path.clone(), method.to_uppercase()))
            })
            .collect();
        let lines = RIGHTS.iter().filter(|(_, path, _)| path.starts_with("/api/v1/"));
        let listed: Vec<(String, String)> =
            lines.map(|(method, path, _)| ((*path).to_owned(), method.to_string())).collect();
        assert_eq!(listed.iter().cloned().collect::<BTreeSet<_>>(), described);
        assert_eq!(listed.len(), described.len(), "no line stands twice");
    }

    #[test]
    fn a_line_is_found_wherever_the_service_is_nested_and_for_its_method_alone() {
        for before in ["", "/oa", "/oa/duban"] {
            let find = |method: &Method, path: &str| scopes(method, &format!("{before}{path}"));
            assert_eq!(find(&Method::GET, "/api/v1/cases"), Some([Read].as_slice()));
            assert_eq!(find(&Method::HEAD, "/api/v1/cases"), Some([Read].as_slice()));
            assert_eq!(find(&Method::POST, "/api/v1/cases"), Some([Admin].as_slice()));
            assert_eq!(find(&Method::DELETE, "/api/v1/cases"), None);
            assert_eq!(find(&Method::GET, "/api/v1/cases/{case}/nothing"), None);
            assert_eq!(find(&Method::GET, ""), None);
        }
    }

    #[test]
    fn only_health_and_the_document_ask_for_no_token() {
        let open = RIGHTS.iter().filter(|(.., scopes)| scopes.is_empty());
        let open: Vec<&str> = open.map(|(_, path, _)| *path).collect();
        assert_eq!(open, ["/healthz", "/readyz", "/api/openapi.json"]);
    }
}
