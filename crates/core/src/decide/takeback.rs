//! Taking back what a wrong clock brought about.

use std::collections::BTreeMap;

use super::Turn;
use crate::event::TakenBack;
use crate::fact::Fact;
use crate::ids::ItemKey;
use crate::item::Item;
use crate::refusal::{Refusal, Why};
use crate::takeback::WrongFuture;

impl Turn<'_> {
    pub(super) fn take_back(&mut self, wrong: &WrongFuture) -> Result<(), Refusal> {
        let refused = |why| {
            let item = wrong.head.name.id().to_string();
            Err(Refusal::NotApplicable { act: "take_back", item, why })
        };
        if self.case.head().version != wrong.version {
            return refused(Why::new(
                "something has happened since it was looked at; look again",
                "查看之后又有新的记录，请重新查看",
            ));
        }
        if !wrong.moves.is_empty() {
            return refused(Why::new(
                "somebody has moved in it since; decide by hand",
                "其后已有人办理，请人工处理",
            ));
        }
        let before: BTreeMap<&ItemKey, &Item> =
            wrong.items.iter().map(|item| (&item.key, item)).collect();
        let gone = self.case.items().map(|item| &item.key).filter(|key| !before.contains_key(key));
        let gone = gone.cloned().collect();
        let differs = |item: &&Item| self.case.item(&item.key).is_none_or(|now| **now != **item);
        let items = wrong.items.iter().filter(differs).cloned().collect();
        self.push(Fact::TakenBack(Box::new(TakenBack {
            epoch: wrong.epoch,
            after: wrong.after,
            head: Box::new(wrong.head.clone()),
            items,
            gone,
            cases: wrong.cases.clone(),
            papers: wrong.papers.clone(),
        })));
        // Points are added up outside the case too.
        for (unit, points) in wrong.points.iter().filter(|(_, points)| **points != 0) {
            let why = "系统时钟有误，撤回其间的计分".to_owned();
            let (unit, points) = (unit.clone(), -points);
            self.push(Fact::Scored { unit, points, rule: None, why, item: None });
        }
        Ok(())
    }
}
