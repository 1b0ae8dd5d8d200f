//! Which HTTP status an error has. The API and the pages ask here, so they answer alike.

use axum::http::StatusCode;
use duban_core::Refusal;
use duban_engine::{EngineError, EvidenceError};
use duban_script::Spent;
use duban_store::StoreError;

use crate::account::AccountError;
use crate::evidence::FileError;

/// The status of what the engine says.
pub(crate) fn of_engine(error: &EngineError) -> StatusCode {
    match error {
        EngineError::Refused(refusal) => of_refusal(refusal),
        EngineError::NoWorkflow { .. } | EngineError::NoSuite(_) => StatusCode::NOT_FOUND,
        EngineError::KeyReused { .. }
        | EngineError::Invalid(_)
        | EngineError::NoEpoch { .. }
        | EngineError::Evidence(EvidenceError::NotGiven { .. }) => StatusCode::UNPROCESSABLE_ENTITY,
        EngineError::Changed { .. } | EngineError::Outdated(_) => StatusCode::PRECONDITION_FAILED,
        EngineError::Busy(_)
        | EngineError::Contended { .. }
        | EngineError::Closed
        | EngineError::ClockDoubted { .. }
        | EngineError::Evidence(EvidenceError::Unreachable(_)) => StatusCode::SERVICE_UNAVAILABLE,
        EngineError::Store(error) => of_store(error),
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn of_store(error: &StoreError) -> StatusCode {
    match error {
        StoreError::BadCursor(_) => StatusCode::BAD_REQUEST,
        StoreError::Closed => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn of_refusal(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::NoCase(_) | Refusal::NoItem(_) => StatusCode::NOT_FOUND,
        Refusal::NotAllowed { .. } | Refusal::SamePerson { .. } | Refusal::NoStandIn { .. } => {
            StatusCode::FORBIDDEN
        }
        Refusal::BadForm(_)
        | Refusal::EvidenceMissing(_)
        | Refusal::ReasonMissing(_)
        | Refusal::OutOfRange { .. }
        | Refusal::Unsuitable { .. }
        | Refusal::Definition { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        Refusal::OverBudget(Spent::Time) => StatusCode::SERVICE_UNAVAILABLE,
        Refusal::OverBudget(_) => StatusCode::UNPROCESSABLE_ENTITY,
        _ => StatusCode::CONFLICT,
    }
}

/// The status of what the place of files says.
pub(crate) fn of_file(error: &FileError) -> StatusCode {
    match error {
        FileError::Missing => StatusCode::NOT_FOUND,
        FileError::TooLarge { .. } | FileError::CaseFull { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        FileError::DayFull { .. } => StatusCode::TOO_MANY_REQUESTS,
        FileError::WrongKind { .. } | FileError::Empty { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        FileError::Broken(_) => StatusCode::BAD_REQUEST,
        FileError::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
        FileError::Store(error) => of_store(error),
    }
}

/// The status of what the accounts say.
pub(crate) fn of_account(error: &AccountError) -> StatusCode {
    match error {
        AccountError::Taken | AccountError::LastSecurity => StatusCode::CONFLICT,
        AccountError::BadLogin | AccountError::BadPassword(_) | AccountError::BadLink => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        AccountError::Store(error) => of_store(error),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use duban_calendar::Instant;
    use duban_core::{CaseId, ExtensionRefusal, ItemKey, Status, Why};
    use duban_engine::EngineError as E;
    use duban_store::StoreError as S;

    use super::*;
    use crate::pages::Failure;
    use crate::problem::Problem;

    /// Every error of the engine and every refusal, with its status.
    fn errors() -> Vec<(u16, EngineError)> {
        let case = CaseId::new("0123");
        let text = || "x".to_owned();
        let unreadable = || serde_json::from_str::<u8>("x").unwrap_err();
        let decode = duban_core::decode("x").unwrap_err();
        let row = duban_core::case_from_texts("c", "x", []).unwrap_err();
        let file = EvidenceError::NotGiven { name: text(), file: text() };
        let mut errors = vec![
            (503, E::Busy("x")),
            (422, E::KeyReused { key: text() }),
            (404, E::NoWorkflow { suite: text(), workflow: text() }),
            (500, E::NoDefinition(text())),
            (500, E::NoCalendar(text())),
            (422, E::Invalid(Vec::new())),
            (500, E::Faulted { case: case.clone(), error: text() }),
            (503, E::Contended { case: case.clone(), attempts: 1 }),
            (500, E::Unreadable(row)),
            (500, E::UnreadableEvent { case: case.clone(), seq: 1, source: decode }),
            (500, E::BrokenLog { case: case.clone(), seq: 1, what: text() }),
            (500, E::BadDocument { name: text(), error: text() }),
            (500, E::Store(S::Unreadable(unreadable()))),
            (500, E::Thread(std::io::Error::other("x"))),
            (503, E::Closed),
            (503, E::Store(S::Closed)),
            (404, E::NoSuite(text())),
            (500, E::ChannelsShareName(text())),
            (412, E::Changed { case, version: 1 }),
            (412, E::Outdated(text())),
            (422, E::Evidence(file)),
            (503, E::Evidence(EvidenceError::Unreachable(text()))),
            (503, E::ClockDoubted { believed: Instant::MIN, wall: Instant::MIN }),
            (422, E::NoEpoch { epoch: 9, present: 2 }),
            (400, E::Store(S::BadCursor(text()))),
        ];
        errors.extend(refusals().into_iter().map(|(status, one)| (status, E::Refused(one))));
        errors
    }

    fn refusals() -> Vec<(u16, Refusal)> {
        let (case, item, at) = (CaseId::new("0123"), ItemKey::new("a"), Instant::from_millis(0));
        let (act, text) = ("sign", || "x".to_owned());
        vec![
            (404, Refusal::NoCase(case.clone())),
            (409, Refusal::Exists(case.clone())),
            (404, Refusal::NoItem(item.clone())),
            (409, Refusal::WakeFirst),
            (409, Refusal::WrongStatus { act, item: item.clone(), status: Status::Done }),
            (409, Refusal::Suspended(item.clone())),
            (409, Refusal::NotApplicable { act, item: text(), why: Why::new("x", "某") }),
            (422, Refusal::Unsuitable { act, item: text(), why: Why::new("x", "某") }),
            (403, Refusal::NotAllowed { act, item: text(), allowed: Vec::new() }),
            (403, Refusal::SamePerson { person: text(), item: item.clone() }),
            (403, Refusal::NoStandIn { person: text(), absent: text() }),
            (409, Refusal::InPerson(item.clone())),
            (422, Refusal::BadForm(Vec::new())),
            (422, Refusal::EvidenceMissing(Vec::new())),
            (422, Refusal::ReasonMissing(act)),
            (409, Refusal::NoWindow(item.clone())),
            (409, Refusal::EventUsed { item: item.clone(), used: item.clone() }),
            (409, Refusal::Extension { item: item.clone(), why: ExtensionRefusal::NoDue }),
            (409, Refusal::CoolDown { item, until: at }),
            (409, Refusal::CaseClosed(case.clone())),
            (409, Refusal::StillOpen { open: 1 }),
            (409, Refusal::Faulted { case, error: text() }),
            (422, Refusal::OutOfRange { what: "x", range: Why::new("x", "某") }),
            (422, Refusal::Definition { key: text(), error: text() }),
            (409, Refusal::UpstreamUnclear { item: ItemKey::new("a"), among: Vec::new() }),
            (409, Refusal::Stranded(Vec::new())),
            (422, Refusal::OverBudget(Spent::Events)),
            (503, Refusal::OverBudget(Spent::Time)),
            (409, Refusal::OtherDefinition { expected: text(), given: text() }),
        ]
    }

    /// The codes that `docs/errors.md` explains under two headings.
    fn explained() -> Vec<String> {
        let page = include_str!("../../../docs/errors.md");
        let lines = page.lines().filter_map(|line| line.strip_prefix("| "));
        let codes = lines.filter_map(|line| line.split(' ').next());
        let codes = codes.filter(|code| code.starts_with("DB2") || code.starts_with("DB4"));
        codes.map(str::to_owned).collect()
    }

    #[test]
    fn pages_and_api_answer_every_error_alike() {
        let mut seen = BTreeMap::new();
        for (expected, error) in errors() {
            let (code, page) = (error.code(), of_engine(&error));
            seen.insert(code.to_owned(), expected);
            assert_eq!(page.as_u16(), expected, "{error:?}");
            let shown = Failure::from(error);
            assert_eq!(shown.status().as_u16(), expected, "{code} on a page");
            assert_eq!(Problem::from(shown).status(), expected, "{code} in the API");
        }
        let listed: Vec<String> = seen.into_keys().collect();
        assert_eq!(listed, explained(), "every code has a sample here");
    }
}
