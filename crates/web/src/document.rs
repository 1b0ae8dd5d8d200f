//! The API's description of itself, made from the code: OpenAPI 3.1.

use axum::Json;
use serde_json::{Value, json};
use utoipa::OpenApi as _;
use utoipa::openapi::Components;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};

use crate::routes::cases::KEY_BYTES_MAX;
use crate::routes::{
    audit, calendars, cases, clock, deliveries, directory, drafts, feed, graph, items, ledgers,
    migration, moves, office, search, security, stand_ins, suites, tasks, upkeep,
};
use crate::wire;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "duban（督办）",
        description = "Work that people owe by a date. Errors are problem details (RFC 9457)."
    ),
    paths(
        cases::list,
        cases::open,
        cases::show,
        cases::events,
        graph::timeline,
        graph::graph,
        graph::graph_svg,
        graph::next,
        items::of_case,
        items::show,
        items::todo,
        moves::make,
        moves::make_many,
        tasks::list,
        tasks::lights,
        tasks::scores,
        search::search,
        tasks::score_entries,
        ledgers::duties,
        ledgers::interviews,
        ledgers::notices,
        ledgers::indicators,
        deliveries::list,
        deliveries::retry,
        feed::read,
        feed::stream,
        suites::list,
        suites::check_sources,
        suites::publish,
        suites::run,
        drafts::test,
        drafts::published_sources,
        drafts::draft,
        drafts::put_draft,
        drafts::remove_draft,
        drafts::open,
        drafts::workflow,
        migration::versions,
        migration::migrate,
        migration::migrate_all,
        directory::directory,
        directory::set_directory,
        directory::import,
        stand_ins::list,
        stand_ins::set,
        stand_ins::end,
        calendars::list,
        calendars::show,
        calendars::put,
        office::keep,
        office::fetch,
        upkeep::repair,
        upkeep::rebuild,
        upkeep::job,
        upkeep::stats,
        clock::show,
        clock::accept,
        clock::take_back,
        security::accounts,
        security::create_account,
        security::new_link,
        security::remove_account,
        security::tokens,
        security::create_token,
        security::revoke_token,
        audit::check,
        audit::check_all,
        audit::trail,
    )
)]
struct Document;

/// The document that is served at `/api/openapi.json`.
pub fn openapi() -> Value {
    let mut document = Document::openapi();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    document
        .components
        .get_or_insert_with(Components::new)
        .add_security_scheme("token", SecurityScheme::Http(bearer));
    document.security = Some(vec![SecurityRequirement::new("token", Vec::<String>::new())]);
    let mut document = serde_json::to_value(document).expect("invariant: a document is plain data");
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    let paths = paths.into_iter().flat_map(|paths| paths.values_mut());
    let operations = paths.filter_map(Value::as_object_mut).flat_map(|path| path.values_mut());
    for operation in operations {
        name(operation);
        tell_problems(operation);
        let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
        parameters.into_iter().flatten().for_each(|parameter| {
            forbid_null(parameter);
            bound(parameter);
        });
    }
    let schemas = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut);
    if let Some(schemas) = schemas {
        schemas.values_mut().for_each(close_choices);
        schemas.extend(wire::schemas());
    }
    document
}

/// Functions of several files have one name; with the tag it is the only one.
fn name(operation: &mut Value) {
    let function = operation["operationId"].as_str().unwrap_or_default();
    let tag = operation["tags"][0].as_str().unwrap_or_default();
    operation["operationId"] = format!("{tag}_{function}").into();
}

/// What goes wrong is told in the same way everywhere: written once, here.
fn tell_problems(operation: &mut Value) {
    let problem = |what: &str| {
        json!({
            "description": what,
            "content": { "application/problem+json": {
                "schema": { "$ref": "#/components/schemas/Problem" }
            } }
        })
    };
    let has_body = operation.get("requestBody").is_some();
    let has_input = has_body || operation.get("parameters").is_some();
    let Some(Value::Object(responses)) = operation.get_mut("responses") else { return };
    for (status, response) in responses.iter_mut() {
        if status.starts_with(['4', '5']) {
            let what = response["description"].as_str().unwrap_or_default().to_owned();
            *response = problem(&what);
        } else if response.get("description").is_none() {
            // The specification wants one; what the operation does says it already.
            response["description"] = "as asked".into();
        }
    }
    responses.insert("401".to_owned(), problem("no valid token"));
    responses.insert("403".to_owned(), problem("the token's scope, or the person, may not"));
    if has_input {
        responses.insert("400".to_owned(), problem("the request cannot be read"));
    }
    if has_body {
        responses.insert("413".to_owned(), problem("the request is too large"));
    }
    responses.insert("429".to_owned(), problem("the token calls too often"));
    responses.insert("503".to_owned(), problem("busy or stopping; try again"));
    responses.insert("default".to_owned(), problem("refused; `code` says why"));
}

/// A parameter in a URL is there or not; it is never null.
fn forbid_null(parameter: &mut Value) {
    let Some(schema) = parameter.get_mut("schema") else { return };
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_slice() {
            schema["type"] = only.clone();
        }
    }
    if let Some(Value::Array(choices)) = schema.get_mut("oneOf") {
        choices.retain(|choice| choice["type"] != "null");
        if let [only] = choices.as_slice() {
            *schema = only.clone();
        }
    }
}

/// What holds for a parameter wherever it stands.
fn bound(parameter: &mut Value) {
    let name = parameter["name"].as_str().unwrap_or_default().to_owned();
    let Some(Value::Object(schema)) = parameter.get_mut("schema") else { return };
    match name.as_str() {
        "Idempotency-Key" => {
            schema.insert("minLength".to_owned(), 1.into());
            schema.insert("maxLength".to_owned(), KEY_BYTES_MAX.into());
            schema.insert("pattern".to_owned(), "^[ -~]*$".into());
        }
        // A cursor comes from an answer and is never empty.
        "after" if schema.get("type") == Some(&"string".into()) => {
            schema.insert("minLength".to_owned(), 1.into());
        }
        _ => {}
    }
}

/// One of several things is that one alone: what stands beside it is refused.
fn close_choices(schema: &mut Value) {
    let choices = schema.get_mut("oneOf").and_then(Value::as_array_mut);
    for choice in choices.into_iter().flatten() {
        let is_one = choice["required"].as_array().is_some_and(|required| required.len() == 1);
        if choice["type"] == "object" && is_one {
            choice["additionalProperties"] = false.into();
        }
    }
}

pub(crate) async fn serve() -> Json<Value> {
    Json(openapi())
}
