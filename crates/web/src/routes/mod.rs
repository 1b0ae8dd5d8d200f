//! One file for each kind of thing.

#![expect(unused_qualifications, reason = "the macro that reads parameters writes them")]

pub(crate) mod audit;
pub(crate) mod calendars;
pub(crate) mod cases;
pub(crate) mod clock;
pub(crate) mod deliveries;
pub(crate) mod directory;
pub(crate) mod drafts;
pub(crate) mod feed;
pub(crate) mod graph;
pub(crate) mod items;
pub(crate) mod ledgers;
pub(crate) mod migration;
pub(crate) mod moves;
mod offers;
pub(crate) mod office;
pub(crate) mod search;
pub(crate) mod security;
pub(crate) mod stand_ins;
pub(crate) mod suites;
pub(crate) mod tasks;
pub(crate) mod upkeep;

use axum::extract::rejection::{BytesRejection, JsonRejection, PathRejection, QueryRejection};
use axum::http::StatusCode;

use crate::problem::Problem;

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            return Self::too_large();
        }
        Self::bad_request(rejection.body_text())
    }
}

impl From<BytesRejection> for Problem {
    fn from(rejection: BytesRejection) -> Self {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            return Self::too_large();
        }
        Self::bad_request(rejection.body_text())
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Self::bad_request(rejection.body_text())
    }
}

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        Self::bad_request(rejection.body_text())
    }
}
