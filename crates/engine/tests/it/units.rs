//! Rule 36 through the engine: a directory that changes reaches the lists of open cases.

use duban_core::{Act, Actor, AxisDifferences, CaseId, ItemKey};
use duban_model::{Directory, DirectoryData, Post, Unit};

use crate::support::{Office, at, end, suite_with};

/// A task for each district, and one that keeps the case open.
pub(crate) const LISTED: &str = "
id: one
title: 一件事
lead: org(\"督查室\")
cases: units(\"district\")
period: year
tasks:
  st: { title: 落实, each: { body: units(\"district\") }, owner: item.body.post(\"组织部长\"), reviewer: none, due: 2022-02-28 }
  a: { title: 总结, owner: unit.post(\"组织部长\"), reviewer: none, due: 2022-12-31 }
";

/// Another directory with the change that `change` makes.
pub(crate) fn changed(office: &Office, change: impl FnOnce(&mut DirectoryData)) -> Directory {
    let mut data = office.engine.directory().data().clone();
    change(&mut data);
    Directory::new(data).unwrap()
}

/// The district D9 with its organiser, who is somebody there already.
pub(crate) fn founded(data: &mut DirectoryData) {
    data.units.push(Unit {
        id: "D9".into(),
        name: "新区".to_owned(),
        level: "district".to_owned(),
        superior: Some("C".into()),
        tags: Vec::new(),
        since: None,
        predecessors: Vec::new(),
    });
    data.posts.push(Post {
        unit: "D9".into(),
        name: "组织部长".to_owned(),
        holders: vec!["s1".into()],
    });
}

async fn differs(office: &Office, case: &CaseId) -> Option<AxisDifferences> {
    office.engine.case(case).await.unwrap().head().differs.clone()
}

#[tokio::test]
async fn rule_36_a_unit_that_comes_is_said_by_each_case_and_added_by_one_move() {
    let office = Office::new(2).await;
    office.engine.publish(&suite_with(2, LISTED)).await.unwrap();
    let (listed, other) = (office.open("one", 0).await, office.open("child", 0).await);
    office.advance(at("2022-03-03", 10)).await;
    let with_d9 = changed(&office, founded);
    let applied = office.engine.set_directory(with_d9).await.unwrap().finished().await.unwrap();
    assert_eq!((applied.cases, applied.changed, applied.failed), (2, 1, 0));
    let came = vec![ItemKey::new("st/D9")];
    assert_eq!(differs(&office, &listed).await.map(|found| found.came), Some(came));
    assert_eq!(differs(&office, &other).await, None);
    let add =
        Act::AddItem { task: "st".into(), which: "D9".to_owned(), reason: "新设".to_owned() };
    office.engine.act(&listed, Actor::person("s1"), add, None).await.unwrap();
    let case = office.engine.case(&listed).await.unwrap();
    let item = case.item(&ItemKey::new("st/D9")).unwrap();
    assert_eq!((item.status.as_str(), item.due()), ("ready", Some(end("2022-03-31"))));
    assert_eq!(differs(&office, &listed).await, None);
    assert_eq!(office.engine.verify(&listed).await.unwrap().broken, None);
    office.engine.rebuild(&listed).await.unwrap();
    assert_eq!(differs(&office, &listed).await, None);
}

#[tokio::test]
async fn rule_36_a_change_of_people_is_not_asked_of_the_lists_and_hides_no_other() {
    let office = Office::new(2).await;
    office.engine.publish(&suite_with(2, LISTED)).await.unwrap();
    let case = office.open("one", 0).await;
    let renamed = changed(&office, |data| data.people[0].name.push('某'));
    let applied = office.engine.set_directory(renamed).await.unwrap().finished().await.unwrap();
    assert_eq!((applied.cases, applied.changed), (1, 0));
    // A unit comes, and before every case has heard of it the daemon stops and people change.
    drop(office.engine.set_directory(changed(&office, founded)).await.unwrap());
    let again = changed(&office, |data| data.people[0].name.push('某'));
    drop(office.engine.set_directory(again).await.unwrap());
    let office = office.restart().await;
    office.engine.settled().await.unwrap();
    let came = vec![ItemKey::new("st/D9")];
    assert_eq!(differs(&office, &case).await.map(|found| found.came), Some(came));
}

#[tokio::test]
async fn rule_36_a_unit_without_a_date_dates_from_its_import() {
    let office = Office::new(2).await;
    let since = |office: &Office, unit: &str| office.engine.directory().since(&unit.into());
    assert_eq!(since(&office, "D0"), None, "what was there at the beginning");
    office.advance(at("2022-06-28", 10)).await;
    let known = office.engine.directory().data().clone();
    office.engine.set_directory(changed(&office, founded)).await.unwrap();
    let imported = Some("2022-06-28".parse().unwrap());
    assert_eq!(since(&office, "D9"), imported);
    // A pull that says nothing of dates forgets none.
    office.advance(at("2022-07-10", 10)).await;
    let version = office.engine.directory().version().to_owned();
    let pulled = changed(&office, |data| data.came.clear());
    office.engine.replace_directory(&version, pulled).await.unwrap();
    assert_eq!(since(&office, "D9"), imported);
    let office = office.restart().await;
    assert_eq!(since(&office, "D9"), imported);
    // Gone and back, it dates from its return; one that says since when is believed.
    office.engine.set_directory(Directory::new(known).unwrap()).await.unwrap();
    office.engine.set_directory(changed(&office, founded)).await.unwrap();
    assert_eq!(since(&office, "D9"), Some("2022-07-10".parse().unwrap()));
    let said = changed(&office, |data| {
        for unit in data.units.iter_mut().filter(|unit| unit.id.as_str() == "D9") {
            unit.since = Some("2021-05-01".parse().unwrap());
        }
    });
    office.engine.set_directory(said).await.unwrap();
    assert_eq!(since(&office, "D9"), Some("2021-05-01".parse().unwrap()));
    assert!(office.engine.directory().data().came.is_empty());
}
