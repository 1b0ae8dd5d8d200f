//! Rule 40: what a wrong clock brought about in a case, and how it is taken back.
//!
//! Only what time alone brought about can be: where anybody has moved since, the case is left as
//! it is and somebody decides. What has left the case (papers with numbers, cases that were asked
//! for) is named, not undone.

use std::collections::BTreeMap;

use duban_model::UnitId;
use serde::Serialize;

use crate::case::{Case, CaseHead};
use crate::command::{Actor, Message};
use crate::event::Event;
use crate::evolve::replay;
use crate::fact::Fact;
use crate::ids::{CaseId, ItemKey};
use crate::item::Item;
use crate::lateness::Paper;

/// What was brought about in a case since a wrong clock was first believed there, and the case as
/// it was before.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WrongFuture {
    /// The clock's epoch, as its events name it.
    pub epoch: u32,
    /// The last event before it; all that follow are taken back.
    pub after: u64,
    /// Positions of what people, operators and other cases did since. Where there are any,
    /// nothing is taken back.
    pub moves: Vec<u64>,
    /// Cases that were asked for since.
    pub cases: Vec<CaseId>,
    /// Papers that were numbered since.
    pub papers: Vec<Paper>,
    /// Points given since, by unit, in hundredths.
    pub(crate) points: BTreeMap<UnitId, i64>,
    /// The version of the case that was looked at.
    pub(crate) version: u64,
    pub(crate) head: CaseHead,
    pub(crate) items: Vec<Item>,
}

impl WrongFuture {
    /// Looks for it in the whole log of a case, each event with its hash. `None`: nothing was
    /// recorded in that epoch, or the case itself was opened in it.
    pub fn of(log: &[(Event, String)], epoch: u32) -> Option<Self> {
        let first = log.iter().position(|(event, _)| event.epoch == epoch)?;
        let (before, since) = log.split_at(first);
        let case = replay(before.iter().map(|(event, hash)| (event, hash.as_str())))?;
        let mut points = BTreeMap::new();
        let (mut cases, mut papers, mut moves) = (Vec::new(), Vec::new(), Vec::new());
        for (event, _) in since {
            if let Fact::Scored { unit, points: given, .. } = &event.fact {
                *points.entry(unit.clone()).or_default() += given;
            }
            if let Fact::MessageSent { message: Message::Open(request), .. } = &event.fact {
                cases.push(request.open.name.id());
            }
            if let Fact::Sent(sent) = &event.fact {
                papers.extend(Paper::of(sent).filter(|paper| paper.number.is_some()));
            }
            if !is_times_own(event) {
                moves.push(event.seq);
            }
        }
        let last = before.last()?;
        Some(Self {
            epoch,
            after: last.0.seq,
            moves,
            cases,
            papers,
            points,
            version: log.last()?.0.seq,
            items: case.items().map(|item| Item::clone(item)).collect(),
            head: case.head().clone(),
        })
    }
}

/// What time alone brought about, and requests of other cases to be told: those are kept.
fn is_times_own(event: &Event) -> bool {
    match event.actor {
        Actor::Engine => true,
        Actor::Case { .. } => matches!(event.fact, Fact::Watched(_)),
        Actor::Person { .. } | Actor::Operator { .. } => false,
    }
}

/// Puts a case back. Numbers that were used stay used; what other cases have said stays said.
pub(crate) fn restore(case: &mut Case, before: &CaseHead, items: &[Item], gone: &[ItemKey]) {
    for key in gone {
        case.remove(key);
    }
    for item in items {
        case.remove(&item.key);
        case.put(item.clone());
    }
    let head = case.head_mut();
    let mut restored = before.clone();
    restored.slips = head.slips;
    restored.notices = head.notices;
    restored.opened = head.opened;
    restored.messages = head.messages;
    restored.script_cases = head.script_cases;
    restored.bounds.clone_from(&head.bounds);
    restored.handled.clone_from(&head.handled);
    restored.watchers.clone_from(&head.watchers);
    *head = restored;
}
