//! Dates beyond the years 1900 to 2200: refused at every door, with nothing written.

use duban_calendar::{Date, Instant, WindowKind, end_of};
use duban_core::{Act, Actor, ItemKey, Refusal};
use duban_engine::{EngineError, OpenSpec};
use duban_model::{Directory, DirectoryData, StandIn};
use duban_store::{CaseFilter, PageRequest};

use crate::support::{Office, TZ, operator, spec};

/// Years that nobody means, with a day.
const BEYOND: [(i32, u32, u32); 7] = [
    (22, 1, 1),
    (1899, 12, 31),
    (2201, 1, 1),
    (2843, 6, 30),
    (-1, 1, 1),
    (0, 2, 29),
    (10_000, 1, 1),
];

fn dates() -> impl Iterator<Item = Date> {
    BEYOND.into_iter().map(|(year, month, day)| Date::from_ymd_opt(year, month, day).unwrap())
}

#[track_caller]
fn is_beyond<T: std::fmt::Debug>(answer: Result<T, EngineError>) {
    match answer {
        Err(EngineError::Refused(refusal @ Refusal::OutOfRange { .. })) => {
            assert!(refusal.to_string().contains("1900-01-01 to 2"), "{refusal}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn no_case_is_opened_for_a_year_that_nobody_means() {
    let office = Office::new(2).await;
    let suite = spec("one", 0).suite;
    for date in dates() {
        is_beyond(office.engine.open_suite(&suite, date, operator()).await);
        let workflow = "one".into();
        is_beyond(office.engine.open_workflow(&suite, &workflow, date, operator()).await);
        for kind in WindowKind::ALL {
            let spec = OpenSpec { period: Some(kind.containing(date)), ..spec("one", 0) };
            is_beyond(office.engine.open(spec, operator(), None).await);
        }
    }
    // The week of the last day ends in 2201.
    let last = Date::from_ymd_opt(2200, 12, 31).unwrap();
    let week = OpenSpec { period: Some(WindowKind::Week.containing(last)), ..spec("one", 0) };
    is_beyond(office.engine.open(week, operator(), None).await);
    let filter = CaseFilter::default();
    assert_eq!(office.engine.cases(filter, PageRequest::first(1)).await.unwrap().rows, []);
}

#[tokio::test]
async fn no_move_takes_a_date_beyond_the_years() {
    let office = Office::new(1).await;
    let case = office.open("one", 0).await;
    let before = office.log(&case).await;
    let ends = dates().map(|date| end_of(date, TZ));
    for at in ends.chain([Instant::MIN, Instant::MAX, Instant::from_millis(i64::MAX - 1)]) {
        let (item, reason) = (ItemKey::new("a"), "x".to_owned());
        let acts = [
            Act::AskExtension { item: item.clone(), until: at, reason: reason.clone() },
            Act::Suspend {
                item: Some(item.clone()),
                reason: reason.clone(),
                until: Some(at),
                stops_clock: None,
            },
            Act::Reopen { item, reason, due: Some(at) },
        ];
        for act in acts {
            let person = Actor::person("o-0");
            is_beyond(office.engine.act(&case, person.clone(), act.clone(), None).await);
            is_beyond(office.engine.dry_run(&case, person, act).await);
        }
    }
    assert_eq!(office.log(&case).await, before);
}

#[tokio::test]
async fn a_directory_takes_no_new_date_beyond_the_years() {
    let office = Office::new(2).await;
    let known = office.engine.directory();
    let person = known.data().people[0].id.clone();
    for date in dates() {
        let mut data = DirectoryData::clone(known.data());
        data.units[0].since = Some(date);
        is_beyond(office.engine.set_directory(Directory::new(data).unwrap()).await.map(drop));
        let by = known.data().people[1].id.clone();
        let one =
            StandIn { absent: person.clone(), by, from: date, until: date, set: None, ended: None };
        let set = office.engine.set_stand_ins(known.version(), vec![one]).await;
        is_beyond(set);
    }
    assert_eq!(office.engine.directory().version(), known.version());
}
