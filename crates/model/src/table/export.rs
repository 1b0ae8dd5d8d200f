//! From a directory to sheets, as [`import_tables`](super::import_tables) reads them.

use std::collections::BTreeSet;

use super::columns::{Column, TableKind};
use super::{Row, Sheet};
use crate::directory::Directory;
use crate::ids::UnitId;

/// The sheets of a directory: 单位, 岗位, 人员, 代理, each with its headings. An empty directory
/// gives sheets of headings alone, to be filled in.
///
/// Read again with the same directory at hand they change nothing, unless a tag or a person's id
/// holds what separates several values of a cell (`、`, `,` and the like).
pub fn export_tables(directory: &Directory) -> Vec<Sheet> {
    let data = directory.data();
    let units = data.units.iter().map(|unit| {
        vec![
            unit.id.to_string(),
            unit.name.clone(),
            unit.level.clone(),
            unit.superior.as_ref().map(ToString::to_string).unwrap_or_default(),
            unit.tags.join("、"),
            unit.since.map(|date| date.to_string()).unwrap_or_default(),
            unit.predecessors.iter().map(UnitId::as_str).collect::<Vec<_>>().join("、"),
        ]
    });
    let posts = data.posts.iter().map(|post| {
        let holders: Vec<&str> = post.holders.iter().map(|holder| holder.as_str()).collect();
        vec![post.unit.to_string(), post.name.clone(), holders.join("、")]
    });
    let stand_ins = data.stand_ins.iter().map(|one| {
        let dates = (one.from.to_string(), one.until.to_string());
        vec![one.absent.to_string(), one.by.to_string(), dates.0, dates.1]
    });
    vec![
        sheet(TableKind::Units, Vec::new(), units),
        sheet(TableKind::Posts, Vec::new(), posts),
        people(directory),
        sheet(TableKind::StandIns, Vec::new(), stand_ins),
    ]
}

fn people(directory: &Directory) -> Sheet {
    let people = &directory.data().people;
    let mut channels: BTreeSet<&str> = ["email", "wecom", "dingtalk", "feishu"].into();
    channels.extend(people.iter().flat_map(|person| person.addresses.keys().map(String::as_str)));
    let more = channels.iter().map(|channel| Column::Address((*channel).to_owned())).collect();
    let rows = people.iter().map(|person| {
        let address = |channel: &&str| person.addresses.get(*channel).cloned().unwrap_or_default();
        let own = [person.id.to_string(), person.name.clone()];
        own.into_iter().chain(channels.iter().map(address)).collect()
    });
    sheet(TableKind::People, more, rows)
}

fn sheet(kind: TableKind, more: Vec<Column>, rows: impl Iterator<Item = Vec<String>>) -> Sheet {
    let headings = kind.exported().into_iter().chain(more);
    let headings = headings.map(|column| kind.heading(&column)).collect();
    let all = std::iter::once(headings).chain(rows);
    let numbered = all.zip(1..).map(|(cells, number)| Row { number, cells });
    Sheet { file: kind.zh().to_owned(), name: kind.zh().to_owned(), rows: numbered.collect() }
}
