//! One task with signers, and the moves of signing it.

use std::sync::Arc;

use duban_core::{Act, Fact, Item, Notification, Refusal};
use duban_model::{Assignee, Directory};
use serde_json::Map;

use super::{Office, at, directory, env, program};

pub(crate) const B1: &str = "post:B/部长";
pub(crate) const B2: &str = "post:B/干事";
pub(crate) const C1: &str = "post:C/书记";
pub(crate) const D1: &str = "post:D/书记";
pub(crate) const X1: &str = "post:D1/书记";
pub(crate) const X2: &str = "post:D2/书记";
pub(crate) const VACANT: &str = "post:D/空岗";

/// A ladder for reviews: a reminder a working day late, another after three.
pub(crate) const REVIEW: &str = "
  review:
    - { at: due + workdays(1), do: nudge, to: task.reviewers }
    - { at: due + workdays(3), do: nudge }
review_ladder: review
";

/// A seat as an expression.
pub(crate) fn expr(seat: &str) -> String {
    let (unit, post) = seat.trim_start_matches("post:").split_once('/').expect("a post");
    let name = match unit {
        "B" => "组织部",
        "C" => "市",
        "D" => "历下",
        "D1" => "一街",
        "D2" => "二街",
        other => panic!("no unit {other}"),
    };
    format!("'org(\"{name}\").post(\"{post}\")'")
}

pub(crate) fn exprs(seats: &[&str]) -> String {
    seats.iter().map(|seat| expr(seat)).collect::<Vec<_>>().join(", ")
}

/// One task of the district's 组织部长 (d2), reviewed so, from 2026-03-02 on.
pub(crate) fn opened(reviewer: &str) -> Office {
    opened_in(reviewer, directory())
}

pub(crate) fn opened_in(reviewer: &str, directory: Directory) -> Office {
    let workflow = format!(
        "tasks:\n  a:\n    title: 甲\n    owner: unit.post(\"组织部长\")\n    reviewer: {reviewer}\n    \
         review_within: workdays(3)\n    due: 2026-12-31\n"
    );
    let mut env = env(program(&workflow, "", REVIEW), at("2026-03-02", 9));
    env.directory = Arc::new(directory);
    Office::open_in(env, Map::new()).expect("the case opens")
}

pub(crate) fn all(seats: &[&str]) -> String {
    format!("{{ all: [{}] }}", exprs(seats))
}

pub(crate) fn steps(seats: &[&str]) -> String {
    format!("{{ steps: [{}] }}", exprs(seats))
}

pub(crate) fn quorum(seats: &[&str], at_least: u32, refusals: u32) -> String {
    format!("{{ of: [{}], at_least: {at_least}, refusals: {refusals} }}", exprs(seats))
}

pub(crate) fn seat(text: &str) -> Assignee {
    text.parse().expect("an assignee")
}

pub(crate) fn seats(texts: &[&str]) -> Vec<Assignee> {
    texts.iter().map(|text| seat(text)).collect()
}

pub(crate) fn accept_for(text: &str) -> Act {
    Act::Accept { item: "a".into(), text: None, seat: Some(seat(text)) }
}

pub(crate) fn add(who: &str) -> Act {
    Act::AddCountersigner { item: "a".into(), who: seat(who), before: None }
}

pub(crate) fn add_before(who: &str, before: &str) -> Act {
    Act::AddCountersigner { item: "a".into(), who: seat(who), before: Some(seat(before)) }
}

pub(crate) fn remove(who: &str) -> Act {
    Act::RemoveCountersigner { item: "a".into(), who: seat(who), reason: "误列".to_owned() }
}

pub(crate) fn refuse(reason: &str) -> Act {
    Act::Return { item: "a".into(), reason: reason.to_owned(), upstream: Vec::new(), due: None }
}

/// A directory in which these people hold these posts.
pub(crate) fn with_holders(changes: &[(&str, &[&str])]) -> Directory {
    let mut data = directory().data().clone();
    for (post, holders) in changes {
        let Assignee::Post(unit, name) = seat(post) else { panic!("{post} is no post") };
        let found = data.posts.iter_mut().find(|one| one.unit == unit && *one.name == *name);
        found.expect("the post").holders = holders.iter().map(|one| (*one).into()).collect();
    }
    Directory::new(data).expect("a directory")
}

pub(crate) fn pending(item: &Item) -> Vec<String> {
    item.review.pending().into_iter().map(ToString::to_string).collect()
}

/// Days on which messages of a kind went to an assignee.
pub(crate) fn days_sent(office: &Office, kind: Notification, to: &str) -> Vec<String> {
    let to = seat(to);
    let sent = office.log.iter().filter(|(event, _)| match &event.fact {
        Fact::Sent(sent) => sent.kind == kind && sent.to.contains(&to),
        _ => false,
    });
    sent.map(|(event, _)| event.at.to_string()[..10].to_owned()).collect()
}

pub(crate) fn unsuitable<T: std::fmt::Debug>(outcome: &Result<T, Refusal>) -> bool {
    matches!(outcome, Err(Refusal::Unsuitable { .. }))
}
