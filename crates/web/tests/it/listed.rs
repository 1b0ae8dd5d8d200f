//! An office with a case whose list grows with the directory.

use duban::{Actor, CaseId, Directory, OpenSpec, library, load_suite};
use duban_model::{Post, Unit};

use crate::support::{Office, WORKFLOW};

/// A list of the district's parts, which nothing waits for.
const PARTS: &str = "
id: parts
title: 分头落实
lead: org(\"市委办\")
cases: units(\"district\")
tasks:
  part:
    title: 落实
    each: { part: unit.below(\"district\") }
    owner: item.part.post(\"书记\")
    reviewer: none
    due: 2022-08-31
  sum: { title: 汇总, owner: unit.post(\"书记\"), reviewer: none, due: 2022-09-30 }
";

/// The parts of the district from now on.
pub(crate) async fn parts(office: &Office, parts: &[(&str, &str)]) {
    let mut data = office.engine.directory().data().clone();
    data.units.retain(|unit| !unit.id.as_str().starts_with('P'));
    data.posts.retain(|post| !post.unit.as_str().starts_with('P'));
    for (id, name) in parts {
        data.units.push(Unit {
            id: (*id).into(),
            name: (*name).to_owned(),
            level: "district".to_owned(),
            superior: Some("D".into()),
            tags: Vec::new(),
            since: None,
            predecessors: Vec::new(),
        });
        let holders = vec!["wu".into()];
        data.posts.push(Post { unit: (*id).into(), name: "书记".to_owned(), holders });
    }
    let directory = Directory::new(data).unwrap();
    office.engine.set_directory(directory).await.unwrap().finished().await.unwrap();
}

/// A case with a list of the parts that there are.
pub(crate) async fn listed(office: &Office) -> CaseId {
    let mut sources = Office::sources(WORKFLOW);
    sources.insert("parts.yaml".to_owned(), PARTS.to_owned());
    let suite = load_suite("points", &sources, &library()).suite.unwrap();
    office.engine.publish(&suite).await.unwrap();
    let spec = OpenSpec::new("points", "parts", "D");
    office.engine.open(spec, Actor::operator("OA"), None).await.unwrap().case
}
