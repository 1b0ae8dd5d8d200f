//! The API's description of itself, made from the code: OpenAPI 3.1.

use axum::Json;
use utoipa::OpenApi as _;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Components, OpenApi};

use crate::routes::{cases, deliveries, feed, tasks};

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
        cases::make_move,
        tasks::list,
        tasks::lights,
        tasks::scores,
        deliveries::list,
        deliveries::retry,
        feed::read,
        feed::stream,
    )
)]
struct Document;

/// The document that is served at `/api/openapi.json`.
pub fn openapi() -> OpenApi {
    let mut document = Document::openapi();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    document
        .components
        .get_or_insert_with(Components::new)
        .add_security_scheme("token", SecurityScheme::Http(bearer));
    document.security = Some(vec![SecurityRequirement::new("token", Vec::<String>::new())]);
    document
}

pub(crate) async fn serve() -> Json<OpenApi> {
    Json(openapi())
}
