//! A lateness that turns out to have been none is taken back: the points given for it, the papers
//! sent for it, and what it has opened. A newly loaded calendar shows that, or papers of a duty
//! that came after its judgement.

use std::sync::Arc;

use duban_calendar::Instant;
use duban_model::{Assignee, Judged, ScoreOn};
use serde_json::json;

use super::Turn;
use crate::event::{ItemKind, Notification, Sent};
use crate::fact::Fact;
use crate::ids::ItemKey;
use crate::item::{Item, Status};
use crate::lateness::{Late, Lateness, Paper};
use crate::tell::paper_name;

impl Turn<'_> {
    /// Takes back that an item was late; the date that shows it is `due`.
    pub(super) fn withdraw_lateness(&mut self, item: &Arc<Item>, due: Instant) {
        let key = &item.key;
        let judged = Self::task(&self.definition, item).and_then(|task| task.indicator.as_ref());
        let at_due = judged.is_some_and(|indicator| indicator.judged == Judged::Due);
        let judgement = at_due && item.judged && item.status != Status::Done;
        self.push(Fact::LatenessWithdrawn { item: key.clone(), late: Late::Work, judgement });
        let why = format!(
            "按新公布的工作日历，“{}”的期限为{}，当时并未逾期",
            self.title(key),
            self.date(due)
        );
        self.give_back(item, &why, "按新公布的工作日历当时并未逾期");
    }

    /// A window that was judged missed was kept, as papers show that came later: the miss is taken
    /// back with all that it brought; that the papers were late has a rule of its own.
    pub(super) fn papers_late(&mut self, key: &ItemKey) {
        let Some(item) = self.case.item(key).cloned() else { return };
        self.push(Fact::PapersLate { item: key.clone() });
        // Whoever has the duty since brings the papers of somebody else.
        let unit = self.unit_in_charge(key);
        let accused = item.lateness.iter().flat_map(|lateness| &lateness.points);
        if accused.clone().next().is_none() || accused.clone().any(|one| one.unit == unit) {
            self.score(ScoreOn::PapersLate, key);
        }
        let why = format!("“{}”经核实已按期履行，材料迟报", self.title(key));
        self.give_back(&item, &why, "经核实已按期履行，不再约谈");
    }

    /// Gives back what a lateness brought: `why` there was none, and what is said of interviews
    /// that are not held any more.
    fn give_back(&mut self, item: &Arc<Item>, why: &str, not_held: &str) {
        let key = &item.key;
        let Some(lateness) = item.lateness.clone() else { return };
        let said = format!("撤回逾期认定：{}", self.title(key));
        for given in &lateness.points {
            let (unit, rule, points) = (given.unit.clone(), given.rule.clone(), -given.points);
            let item = Some(key.clone());
            self.push(Fact::Scored { unit, points, rule, why: said.clone(), item });
        }
        for opened in self.opened_by_lateness(key, lateness.since) {
            self.cancel_item(&opened, not_held);
        }
        let mut papers: Vec<Paper> = lateness.papers.clone();
        if let ItemKind::Rectification { interview, .. } = &item.kind {
            papers.extend(self.rectified_in_time(interview, lateness.since));
        }
        self.tell_withdrawn(item, &lateness, &papers, why);
    }

    /// Interviews that an item's lateness has brought about and that have not been held.
    fn opened_by_lateness(&self, key: &ItemKey, since: Instant) -> Vec<Arc<Item>> {
        let is_meant = |item: &&Arc<Item>| match &item.kind {
            ItemKind::Interview { origin, .. } => origin == key && !item.status.is_closed(),
            ItemKind::Task | ItemKind::Rectification { .. } | ItemKind::Extra { .. } => false,
        };
        let opened = self.case.items_of("interview").filter(is_meant);
        opened.filter(|item| item.ready_at.is_some_and(|at| at >= since)).cloned().collect()
    }

    /// What an interview's rectification is no longer late for: a referral is taken back.
    fn rectified_in_time(&mut self, interview: &ItemKey, since: Instant) -> Option<Paper> {
        let held = self.case.item(interview).cloned().filter(|held| held.unrectified)?;
        let late = Late::Rectification;
        let (item, judgement) = (interview.clone(), false);
        self.push(Fact::LatenessWithdrawn { item, late, judgement });
        let ItemKind::Interview { origin, .. } = &held.kind else { return None };
        let referred = self.case.item(origin).and_then(|item| item.referred_at);
        referred.filter(|at| *at >= since)?;
        self.push(Fact::LatenessWithdrawn { item: origin.clone(), late, judgement });
        let to = self.case.head().supervision.iter().cloned().collect();
        Some(Paper { kind: Notification::Refer, colour: None, number: None, to })
    }

    /// Tells everybody who got a paper, and the owner.
    fn tell_withdrawn(&mut self, item: &Item, lateness: &Lateness, papers: &[Paper], why: &str) {
        let mut to: Vec<Assignee> = item.owner.iter().cloned().collect();
        let accused = lateness.points.iter().map(|given| Assignee::Unit(given.unit.clone()));
        let is_its = |one: &Assignee| {
            let unit = self.env.directory.unit_of(one);
            item.owner.as_ref().is_some_and(|owner| self.env.directory.unit_of(owner) == unit)
        };
        let accused = accused.filter(|one| !is_its(one)).collect::<Vec<_>>();
        for one in papers.iter().flat_map(|paper| &paper.to).chain(&accused) {
            if !to.contains(one) {
                to.push(one.clone());
            }
        }
        let names = papers.iter().map(|paper| paper_name(paper.kind, paper.colour, paper.number));
        let names = names.collect::<Vec<_>>().join("、");
        let withdrawn = if papers.is_empty() { String::new() } else { format!("，{names}撤回") };
        let points = if lateness.points.is_empty() { "" } else { "，相应计分一并撤回" };
        let text = format!("{why}{withdrawn}{points}。");
        let withdrawn: Vec<_> = papers
            .iter()
            .filter_map(|paper| Some(json!({ "kind": paper.kind, "number": paper.number? })))
            .collect();
        let sent = self.sent(Notification::Tell, Some(&item.key), to, text);
        let data = match withdrawn.as_slice() {
            [] => sent.data.clone(),
            _ => std::iter::once(("withdrawn".to_owned(), withdrawn.into())).collect(),
        };
        self.push(Fact::Sent(Box::new(Sent { data, ..sent })));
    }
}
