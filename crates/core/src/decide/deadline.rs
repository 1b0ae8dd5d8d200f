//! Due dates and the ladders towards them: evaluated once, kept as versions.

use std::sync::Arc;

use duban_calendar::{Instant, Roll, Span, date_of, end_of};
use duban_model::{Ladder, PersonId, Trigger};
use duban_script::{RungSide, Scene};

use super::Turn;
use crate::event::{Arming, Deadline, DueReason, Remaining, Side};
use crate::fact::Fact;
use crate::failed::{Expression, KeptKey};
use crate::ids::ItemKey;
use crate::item::Item;

/// What makes one version of a due date.
pub(super) struct NewDeadline {
    pub(super) due: Instant,
    pub(super) why: DueReason,
    pub(super) by: Option<PersonId>,
    pub(super) in_time: bool,
    pub(super) provisional: bool,
}

impl Turn<'_> {
    /// A version of a due date with the instants at which the light turns.
    pub(super) fn deadline(&self, version: u32, new: NewDeadline) -> Deadline {
        let soon_at = self.soon_before(new.due);
        let red_at = self.red_after(new.due);
        Deadline {
            version,
            due: new.due,
            why: new.why,
            by: new.by,
            in_time: new.in_time,
            provisional: new.provisional,
            counted_from: new.provisional.then_some(self.at),
            soon_at,
            red_at,
            soon_passed: false,
            carries: false,
            judged: None,
        }
    }

    /// When whoever misses a due date turns red, by the policy of lights.
    pub(super) fn red_after(&self, due: Instant) -> Instant {
        match self.definition.lights.red_workdays_after {
            0 => due,
            days => self.after(due, Span::Workdays(i64::from(days))).unwrap_or(due),
        }
    }

    /// When a due date is near, by the policy of lights.
    pub(super) fn soon_before(&self, due: Instant) -> Option<Instant> {
        let days = self.definition.lights.yellow_workdays_before?;
        let span = Span::Workdays(i64::from(days));
        let soon = self.env.calendar.sub(self.date(due), span).ok()?;
        Some(end_of(soon.date, self.tz()).min(due))
    }

    /// A version that replaces another while it is near already shows that by its light alone: an
    /// event would lie in the past.
    pub(super) fn passes_nearness(&self, mut deadline: Deadline) -> Deadline {
        deadline.soon_passed |= deadline.soon_at.is_some_and(|at| at < self.at);
        deadline
    }

    /// The due date that the definition gives an item, from a scene of the item.
    pub(super) fn defined_deadline(
        &mut self,
        expr: &duban_model::Expr,
        roll: Roll,
        scene: &Scene,
    ) -> Option<Deadline> {
        let mut due = self.read_instant("due", expr, scene)?;
        let counted = counts_workdays(&expr.source) || roll != Roll::None;
        if roll != Roll::None {
            let rolled = self.env.calendar.roll(self.date(due), roll);
            due = end_of(rolled.date, self.tz());
        }
        let provisional = counted && self.is_provisional(self.at, due);
        let why = DueReason::Definition(expr.source.clone());
        let new = NewDeadline { due, why, by: None, in_time: true, provisional };
        Some(self.deadline(1, new))
    }

    pub(super) fn is_provisional(&self, from: Instant, to: Instant) -> bool {
        let (from, to) = (self.date(from), self.date(to));
        self.env.calendar.is_provisional(from.min(to), from.max(to))
    }

    /// Evaluates a ladder's instants towards `scene.due`.
    ///
    /// Rungs that have passed already count as collapsed. Where the due date itself has passed,
    /// the rungs after it count from now.
    pub(super) fn arm(&mut self, side: Side, ladder: &Ladder, scene: &Scene) -> Arming {
        self.arm_since(side, ladder, scene, self.at)
    }

    /// The same for work that began at an instant: a due date that has passed since then was there
    /// to be met, and its rungs count from it.
    pub(super) fn arm_since(
        &mut self,
        side: Side,
        ladder: &Ladder,
        scene: &Scene,
        since: Instant,
    ) -> Arming {
        let mut arming = Arming { ladder: ladder.name.clone(), ..Arming::default() };
        let Some(due) = scene.due else { return arming };
        let now = self.at;
        let today = end_of(date_of(since, self.tz()), self.tz());
        let late = Scene { due: Some(today), ..scene.clone() };
        for (position, rung) in (0_u16..).zip(&ladder.rungs) {
            self.reading = Self::kept_rung(side, position);
            match &rung.trigger {
                Trigger::At(expr) => {
                    let Some(at) = self.read_instant("at", expr, scene) else { continue };
                    let at = if at > due && due < since {
                        self.read_instant("at", expr, &late).unwrap_or(at)
                    } else {
                        at
                    };
                    if at < now {
                        arming.collapsed.push(position);
                    } else {
                        arming.rungs.push((position, at));
                    }
                }
                Trigger::Every { every, after } => {
                    let scene = if due < since { &late } else { scene };
                    let span = self.read_span("every", every, scene);
                    let from = self.read_instant("after", after, scene);
                    if let (Some(span), Some(from)) = (span, from)
                        && let Some(first) = self.after(from.max(now), span)
                        && first > now
                    {
                        arming.repeats.push((position, first, span));
                    }
                }
                Trigger::Stalled | Trigger::Behind { .. } | Trigger::Unrectified => {}
            }
        }
        self.reading = None;
        arming
    }

    /// A rung as the item keeps it where it fails. A ladder towards an answer goes with its
    /// question.
    fn kept_rung(side: Side, position: u16) -> Option<Expression> {
        match side {
            Side::Work => Some(Expression::of_rung(KeptKey::Ladder, position)),
            Side::Review => Some(Expression::of_rung(KeptKey::ReviewLadder, position)),
            Side::Answer => None,
        }
    }

    /// Gives an item a new version of its due date and arms its ladder anew.
    pub(super) fn set_deadline(&mut self, key: &ItemKey, new: NewDeadline) {
        let Some(item) = self.case.item(key).cloned() else { return };
        let version = item.deadline().map_or(0, |deadline| deadline.version) + 1;
        let due = new.due;
        let deadline = self.passes_nearness(self.deadline(version, new));
        let arming = self.arm_towards(&item, due);
        let (item, armed) = (key.clone(), None);
        self.push(Fact::DeadlineSet { item, deadline, arming, judged_at: None, armed });
    }

    /// The ladder that an item has, armed towards a date.
    pub(super) fn arm_towards(&mut self, item: &Item, due: Instant) -> Option<Arming> {
        let armed = item.armed.as_ref()?;
        let definition = Arc::clone(&self.definition);
        let ladder = Self::ladder(&definition, &armed.ladder)?;
        let scene = Scene { due: Some(due), ..self.scene(Some(&item.key)) };
        Some(self.arm(Side::Work, ladder, &scene))
    }

    /// The review's due date and its ladder, armed.
    /// Towards an answer to a request for extension it is the same.
    pub(super) fn review_deadline(
        &mut self,
        key: &ItemKey,
        item: &Item,
    ) -> (Option<Instant>, Option<Arming>) {
        let Some(due) = item.review.within.and_then(|within| self.after(self.at, within)) else {
            return (None, None);
        };
        let definition = Arc::clone(&self.definition);
        let name = Self::task(&definition, item).and_then(|task| task.review_ladder.as_deref());
        let ladder = name.and_then(|name| Self::ladder(&definition, name));
        let arming = ladder.map(|ladder| {
            let scene = Scene { due: Some(due), ..self.scene(Some(key)) };
            self.arm(Side::Review, ladder, &scene)
        });
        (Some(due), arming)
    }

    /// What was left of an item's time at an instant: in calendar days where the due date was
    /// counted in them, in working days otherwise, also where a date was written down.
    pub(super) fn remaining(&self, item: &Item, at: Instant) -> Option<Remaining> {
        let due = item.due()?;
        let (from, last) = (self.date(at), self.date(due));
        let counted = match item.deadlines.first().map(|deadline| &deadline.why) {
            Some(DueReason::Definition(source)) => !counts_calendar(source),
            _ => true,
        };
        Some(if counted {
            Remaining::Workdays(self.env.calendar.workdays_between(from, last))
        } else {
            Remaining::Days((last - from).num_days())
        })
    }

    /// The due date after a clock that stood still goes on: what was left, counted from today.
    pub(super) fn resumed_due(&self, remaining: Remaining) -> Option<Instant> {
        // It goes on at the very end of the day: the hours that were left are those of the next.
        let more = i64::from(end_of(self.today(), self.tz()) <= self.at);
        let span = match remaining {
            Remaining::Workdays(days) => Span::Workdays(days + more),
            Remaining::Days(days) => Span::Days(days + more),
        };
        let projected = self.env.calendar.add(self.today(), span).ok()?;
        Some(end_of(projected.date, self.tz()))
    }

    /// Lets a rung of a ladder fire now: its function runs, its actions happen.
    pub(super) fn fire_rung(&mut self, key: &ItemKey, ladder: &Ladder, position: u16) {
        let Some(rung) = ladder.rungs.get(usize::from(position)) else { return };
        let scene = self.scene(Some(key));
        let mut facts = duban_script::RungFacts {
            ladder: ladder.name.clone(),
            index: usize::from(position),
            side: match self.chase.as_ref().map_or(Side::Work, |chase| chase.side) {
                Side::Work => RungSide::Work,
                Side::Review => RungSide::Review,
                Side::Answer => RungSide::Answer,
            },
            due: scene.due,
            words: rung.words.iter().cloned().collect(),
            ..duban_script::RungFacts::default()
        };
        for expr in &rung.to {
            let to = self.read(
                "to",
                expr,
                &scene,
                "单位、岗位或人员",
                duban_script::Value::to_assignees,
            );
            facts.to.extend(to.unwrap_or_default());
        }
        if let Some(chase) = self.chase.as_ref().filter(|_| facts.to.is_empty()) {
            facts.to.clone_from(&chase.to);
        }
        for (name, expr) in &rung.values {
            if let Some(value) = self.value(name, expr, &scene) {
                facts.values.insert(name.clone(), rung_value(&value, self.tz()));
            }
        }
        drop(scene);
        self.call(&rung.run, key, Some(&facts));
    }
}

fn rung_value(value: &duban_script::Value, tz: duban_calendar::Tz) -> duban_script::RungValue {
    use duban_script::{RungValue, Value};
    match value {
        Value::Span(span) => RungValue::Span(*span),
        Value::Date(date) => RungValue::Date(*date),
        Value::At(at) => RungValue::Date(date_of(*at, tz)),
        Value::Int(_) | Value::Decimal(_) => {
            RungValue::Number(value.to_decimal().unwrap_or_default())
        }
        Value::Text(text) => RungValue::Text(text.clone()),
        Value::Nil
        | Value::Bool(_)
        | Value::Unit(_)
        | Value::Assignee(_)
        | Value::Window(_)
        | Value::List(_)
        | Value::Map(_) => RungValue::Text(value.to_key().unwrap_or_default()),
    }
}

/// Whether an expression counts in calendar days, months or hours, by the functions it names.
pub(super) fn counts_calendar(source: &str) -> bool {
    let others = source.replace("workdays", "").replace("工作日", "");
    ["days(", "months(", "hours(", "天(", "月(", "小时("].iter().any(|span| others.contains(span))
}

/// Whether an expression counts in working days, by the functions it names.
pub(super) fn counts_workdays(source: &str) -> bool {
    source.contains("workdays") || source.contains("工作日")
}
