//! What scripts ask for becomes events here. Each action is one event, or is refused with a line
//! in the log.

use std::sync::Arc;

use duban_calendar::Instant;
use duban_model::{Assignee, PersonId, ScoreOn, UnitId};
use duban_script::{Action, Scene, SlipColour};
use serde_json::{Map, Value as Json, json};

use super::Turn;
use super::deadline::NewDeadline;
use super::scene::{facts_of, title_of};
use crate::authority::answering_post;
use crate::command::{Message, Open, OpenRequest};
use crate::event::{DueReason, ItemKind, Manner, Notification, Readiness, ReviewPlan, Sent, Side};
use crate::fact::Fact;
use crate::ids::{CaseName, ItemKey};
use crate::item::{Item, Status};
use crate::names::Names;

/// An item that a rung or a script opens beside the workflow's tasks.
pub(super) struct Opening {
    pub(super) kind: ItemKind,
    pub(super) owner: Assignee,
    pub(super) members: Vec<Assignee>,
    pub(super) due: Option<Instant>,
    pub(super) ladder: Option<String>,
}

impl Turn<'_> {
    /// Lets everything happen that a script asked for.
    pub(super) fn apply_actions(&mut self, key: &ItemKey, actions: Vec<Action>) {
        for action in actions {
            self.apply(key, action);
        }
    }

    fn apply(&mut self, key: &ItemKey, action: Action) {
        match action {
            Action::Remind { to, text } => self.remind(key, to, text),
            Action::Slip { colour, to, text } => self.slip(key, colour, to, text),
            Action::Notice { to, text } => self.notice(key, to, text),
            Action::Interview { who, by, why, due, rectify_within } => {
                let kind = ItemKind::Interview { who, why, origin: key.clone(), rectify_within };
                self.open_interview(key, kind, by, due);
            }
            Action::Refer { to, why } => self.refer(key, to, why),
            Action::OpenTask { title, owner, reviewer, due, ladder, why } => {
                let kind = ItemKind::Extra { title, why, origin: key.clone() };
                let members = reviewer.into_iter().collect();
                let members = self.separate(Some(&owner), members);
                if self.may_open_task(key) {
                    self.open_item(Opening { kind, owner, members, due, ladder });
                }
            }
            Action::OpenCase { workflow, unit, form } => {
                if let Some(number) = self.next_script_case(key) {
                    self.open_case(number, workflow, unit, form);
                }
            }
            Action::Assign { to, why } => {
                self.assign_by_script(key, &to, why);
            }
            Action::Extend { due, why } => self.extend(key, due, why),
            Action::Cancel { why } => self.cancel_by_script(key, why),
            Action::Set { name, value } => {
                self.case_facts = None;
                self.push(Fact::VarSet { name, value });
            }
            Action::Score { unit, points, why } => {
                let item = Some(key.clone());
                self.push(Fact::Scored { unit, points, rule: None, why, item });
            }
            Action::Emit { kind, data } => {
                let data: Map<String, Json> = data.into_iter().collect();
                let sent =
                    Sent { data, ..self.sent(Notification::Emit, Some(key), Vec::new(), kind) };
                self.push(Fact::Sent(Box::new(sent)));
            }
            Action::Log { text } => self.log(key, text),
        }
    }

    fn assign_by_script(&mut self, key: &ItemKey, to: &Assignee, why: Option<String>) {
        let Some(item) = self.case.item(key).cloned() else { return };
        if !self.stays_in_person(&item, to) {
            let name = self.env.directory.name_of(to);
            self.log(key, format!("须本人办理，不能指派给{name}，已忽略"));
        } else if self.may_pass_to(&item, to) {
            self.reassign(key, to, why.unwrap_or_else(|| "脚本指派".to_owned()));
        } else {
            let name = self.env.directory.name_of(to);
            self.log(key, format!("指派给{name}后无人可以审核，已忽略"));
        }
    }

    /// On whom an item waits: while a rung of its review fires, those whom that one chases.
    fn waiting_on(&self, item: &Item) -> Vec<Assignee> {
        match &self.chase {
            Some(chase) => chase.to.clone(),
            None => item.waiting_on().into_iter().cloned().collect(),
        }
    }

    pub(super) fn log(&mut self, key: &ItemKey, text: String) {
        self.push(Fact::Logged { item: Some(key.clone()), text });
    }

    /// What people read for an item.
    pub(super) fn title(&self, key: &ItemKey) -> String {
        let Some(item) = self.case.item(key) else { return key.to_string() };
        title_of(item, Self::task(&self.definition, item)).to_owned()
    }

    pub(super) fn sent(
        &self,
        kind: Notification,
        item: Option<&ItemKey>,
        to: Vec<Assignee>,
        text: String,
    ) -> Sent {
        let mut people: Vec<PersonId> = Vec::new();
        for holder in to.iter().flat_map(|assignee| self.env.directory.holders(assignee)) {
            if !people.contains(&holder) {
                people.push(holder);
            }
        }
        Sent {
            kind,
            item: item.cloned(),
            to,
            people,
            text,
            colour: None,
            number: None,
            data: Map::new(),
            names: Names::default(),
            collapsed: false,
        }
    }

    pub(super) fn notify(
        &mut self,
        kind: Notification,
        item: Option<&ItemKey>,
        to: Vec<Assignee>,
        text: String,
    ) {
        let sent = self.sent(kind, item, to, text);
        self.push(Fact::Sent(Box::new(sent)));
    }

    /// Tells the administrator; without one the supervision office, then the lead.
    pub(super) fn alarm(&mut self, item: Option<&ItemKey>, text: String) {
        let head = self.case.head();
        let to = [head.administrator.clone(), head.supervision.clone(), head.lead.clone()]
            .into_iter()
            .flatten()
            .next();
        self.notify(Notification::Alarm, item, to.into_iter().collect(), text);
    }

    /// The engine's own message, where a script gave none: to the owner and the superior.
    pub(super) fn plain_message(&mut self, key: &ItemKey) {
        let Some(item) = self.case.item(key).cloned() else { return };
        let mut to = self.manned(self.waiting_on(&item));
        if to.is_empty() || self.is_owner_vacant(&item) {
            return;
        }
        let owner = item.owner.as_ref();
        let above = owner.and_then(|owner| self.superior_of(owner));
        to.extend(self.manned(above.into_iter().collect()));
        let text = self.standard_text(key);
        self.notify(Notification::Remind, Some(key), to, text);
    }

    pub(super) fn superior_of(&self, owner: &Assignee) -> Option<Assignee> {
        crate::authority::superior(&self.env.directory, owner, &[])
            .or_else(|| self.case.head().administrator.clone())
    }

    fn standard_text(&self, key: &ItemKey) -> String {
        let title = self.title(key);
        let side = self.chase.as_ref().map_or(Side::Work, |chase| chase.side);
        let due = match &self.chase {
            Some(chase) => chase.due,
            None => self.case.item(key).and_then(|item| item.due()),
        };
        let (what, done, plea) = match side {
            Side::Work => (format!("“{title}”"), "办结", "请抓紧办理"),
            Side::Review => (format!("“{title}”"), "审核", "请尽快审核"),
            Side::Answer => (format!("“{title}”的延期申请"), "答复", "请尽快答复"),
        };
        match due {
            Some(due) if due < self.at => {
                format!("{what}应于{}前{done}，已逾期，{plea}。", self.date(due))
            }
            Some(due) => format!("{what}应于{}前{done}，{plea}。", self.date(due)),
            None => format!("{plea}{what}。"),
        }
    }

    /// Whom a message without an address means: those on whom the item waits, else its owner.
    fn addressees(&self, key: &ItemKey, to: Vec<Assignee>) -> Vec<Assignee> {
        if !to.is_empty() {
            return to;
        }
        let Some(item) = self.case.item(key) else { return to };
        let waiting = self.waiting_on(item);
        if waiting.is_empty() { item.owner.iter().cloned().collect() } else { waiting }
    }

    fn remind(&mut self, key: &ItemKey, to: Vec<Assignee>, text: Option<String>) {
        let Some(to) = self.manned_or_log(key, "催办", self.addressees(key, to)) else { return };
        let text = text.unwrap_or_else(|| self.standard_text(key));
        self.notify(Notification::Remind, Some(key), to, text);
    }

    fn slip(&mut self, key: &ItemKey, colour: SlipColour, to: Vec<Assignee>, text: Option<String>) {
        let Some(to) = self.manned_or_log(key, "督办单", self.addressees(key, to)) else {
            return;
        };
        let text = text.unwrap_or_else(|| self.standard_text(key));
        let number = Some(self.case.head().slips + 1);
        let sent = self.sent(Notification::Slip, Some(key), to, text);
        self.push(Fact::Sent(Box::new(Sent { colour: Some(colour), number, ..sent })));
        self.score(ScoreOn::Slip, key);
    }

    fn notice(&mut self, key: &ItemKey, to: Vec<Assignee>, text: Option<String>) {
        let to = if to.is_empty() {
            let mut to: Vec<Assignee> =
                self.units_meant(key).into_iter().map(Assignee::Unit).collect();
            to.extend(to.first().and_then(|unit| self.superior_of(unit)));
            to.extend(self.case.head().supervision.clone());
            to
        } else {
            to
        };
        let Some(to) = self.manned_or_log(key, "通报", to) else { return };
        let text = text.unwrap_or_else(|| self.standard_text(key));
        let number = Some(self.case.head().notices + 1);
        let sent = self.sent(Notification::Notice, Some(key), to, text);
        self.push(Fact::Sent(Box::new(Sent { number, ..sent })));
        self.score(ScoreOn::Notice, key);
    }

    /// The units whose doing a ladder speaks of: the owner's, or those of whom a review's chases.
    fn units_meant(&self, key: &ItemKey) -> Vec<UnitId> {
        let Some(chase) = &self.chase else { return vec![self.unit_in_charge(key)] };
        let mut units: Vec<UnitId> = Vec::new();
        for unit in chase.to.iter().filter_map(|one| self.env.directory.unit_of(one)) {
            if !units.contains(&unit) {
                units.push(unit);
            }
        }
        units
    }

    /// The unit that answers for an item: its owner's.
    pub(super) fn unit_in_charge(&self, key: &ItemKey) -> UnitId {
        let item = self.case.item(key);
        let owner = item.and_then(|item| item.owner.as_ref());
        owner
            .and_then(|owner| self.env.directory.unit_of(owner))
            .or_else(|| item.map(|item| item.unit.clone()))
            .unwrap_or_else(|| self.case.head().name.unit.clone())
    }

    /// An interview is held by somebody other than the interviewed. Ladders of interviews and
    /// rectifications open no further ones, and an item has one open interview at most.
    fn open_interview(&mut self, key: &ItemKey, kind: ItemKind, by: Assignee, due: Instant) {
        let ItemKind::Interview { who, why, .. } = &kind else { return };
        let (who, why) = (who.clone(), why.clone());
        let origin = self.case.item(key).map(|item| item.kind.clone());
        if matches!(origin, Some(ItemKind::Interview { .. } | ItemKind::Rectification { .. })) {
            self.log(key, "约谈和整改事项不再发起约谈".to_owned());
            return;
        }
        let is_running = |item: &Arc<Item>| match &item.kind {
            ItemKind::Interview { origin, who: other, .. } => {
                origin == key && *other == who && !item.status.is_closed()
            }
            ItemKind::Task | ItemKind::Rectification { .. } | ItemKind::Extra { .. } => false,
        };
        if self.case.items_of("interview").any(is_running) {
            self.log(key, "该事项的约谈尚未结束，不重复发起".to_owned());
            return;
        }
        let interviewed = self.env.directory.holders(&who);
        if !self.is_manned(&who) {
            self.log_vacant(key, "约谈", &[who]);
            return;
        }
        let by = self.interviewer(by, &interviewed);
        let due = Some(due.max(self.at));
        let opening = Opening { kind, owner: by.clone(), members: Vec::new(), due, ladder: None };
        let interview = self.open_item(opening);
        let name = self.env.directory.name_of(&who);
        let text = format!("约谈通知：约谈{name}。事由：{why}");
        self.notify(Notification::Interview, Some(&interview), vec![by, who], text);
        self.score(ScoreOn::Interview, key);
    }

    /// Who holds an interview: the one asked for, a unit's answering post, and somebody above where
    /// that would be the interviewed themselves.
    fn interviewer(&self, asked: Assignee, avoid: &[PersonId]) -> Assignee {
        let directory = &self.env.directory;
        let is_unit = matches!(asked, Assignee::Unit(_));
        // A unit answers through its first post.
        if !is_unit && crate::authority::is_separate(directory, &asked, avoid) {
            return asked;
        }
        directory
            .unit_of(&asked)
            .and_then(|unit| answering_post(directory, &unit, avoid))
            .or_else(|| self.case.head().administrator.clone())
            .unwrap_or(asked)
    }

    /// Opens an item beside the workflow's tasks and returns its key.
    pub(super) fn open_item(&mut self, opening: Opening) -> ItemKey {
        let number = self.case.head().opened + 1;
        let task = match &opening.kind {
            ItemKind::Interview { .. } => "interview",
            ItemKind::Rectification { .. } => "rectification",
            ItemKind::Extra { .. } | ItemKind::Task => "extra",
        };
        let key = ItemKey::new(format!("{task}/{number}"));
        let unit = match &opening.kind {
            ItemKind::Interview { who, .. } => self.env.directory.unit_of(who),
            ItemKind::Task | ItemKind::Rectification { .. } | ItemKind::Extra { .. } => {
                self.env.directory.unit_of(&opening.owner)
            }
        };
        let unit = unit.unwrap_or_else(|| self.case.head().name.unit.clone());
        let ready = Box::new(self.readiness_of_opened(&key, task, &unit, &opening));
        let missing = ready.holder.is_none();
        self.push(Fact::ItemOpened { key: key.clone(), kind: opening.kind, ready, unit });
        if missing {
            self.note_owner_missing(&key);
        }
        key
    }

    fn readiness_of_opened(
        &mut self,
        key: &ItemKey,
        task: &str,
        unit: &UnitId,
        opening: &Opening,
    ) -> Readiness {
        let deadline = opening.due.map(|due| {
            let why = DueReason::Opened;
            let provisional = self.is_provisional(self.at, due);
            self.deadline(1, NewDeadline { due, why, by: None, in_time: true, provisional })
        });
        let definition = Arc::clone(&self.definition);
        let ladder = opening
            .ladder
            .as_deref()
            .and_then(|name| Self::ladder(&definition, name))
            .or_else(|| Self::ladder(&definition, task))
            .or_else(|| Self::ladder(&definition, definition.default_ladder.as_deref()?));
        let arming = ladder.filter(|_| opening.due.is_some()).map(|ladder| {
            let item = Item {
                key: key.clone(),
                task: task.into(),
                kind: opening.kind.clone(),
                unit: unit.clone(),
                status: Status::Ready,
                owner: Some(opening.owner.clone()),
                attempt: 1,
                ..Item::default()
            };
            let facts = facts_of(&item, &self.definition, self.at);
            let scene = Scene { item: Some(Arc::new(facts)), due: opening.due, ..self.scene(None) };
            self.arm(Side::Work, ladder, &scene)
        });
        Readiness {
            owner: Some(opening.owner.clone()),
            holder: self.env.directory.holders(&opening.owner).first().cloned(),
            review: ReviewPlan {
                manner: Manner::All,
                members: opening.members.clone(),
                within: None,
            },
            deadline,
            arming,
            ..Readiness::default()
        }
    }

    /// Hands the case over with its evidence: a referral is never a verdict. Once for each item.
    pub(super) fn refer(&mut self, key: &ItemKey, to: Option<Assignee>, why: String) {
        let Some(item) = self.case.item(key).cloned() else { return };
        if item.referred_at.is_some() {
            self.log(key, "该事项已移送，不重复移送".to_owned());
            return;
        }
        let to = to.or_else(|| self.case.head().supervision.clone());
        self.push(Fact::Referred { item: key.clone(), to: to.clone(), why: why.clone() });
        let text = format!("问责移送：{}。{why}", self.title(key));
        let data = self.evidence_package(&item);
        let sent = self.sent(Notification::Refer, Some(key), to.into_iter().collect(), text);
        self.push(Fact::Sent(Box::new(Sent { data, ..sent })));
        self.score(ScoreOn::Referral, key);
    }

    /// What the body in charge needs to know: facts with their dates, no judgement.
    fn evidence_package(&self, item: &Item) -> Map<String, Json> {
        let interviews: Vec<Json> = self
            .case
            .items()
            .filter(|other| match &other.kind {
                ItemKind::Interview { origin, .. } => *origin == item.key,
                ItemKind::Task | ItemKind::Rectification { .. } | ItemKind::Extra { .. } => false,
            })
            .map(|other| {
                json!({
                    "interview": other.key, "kind": other.kind, "held_at": other.done_at,
                    "record": *other.form, "unrectified": other.unrectified,
                })
            })
            .collect();
        let package = json!({
            "item": item.key, "title": self.title(&item.key), "unit": item.unit,
            "owner": item.owner, "holder": item.holder, "deadlines": item.deadlines,
            "attempts": item.attempts, "history": *item.history, "form": *item.form,
            "evidence": item.evidence, "interviews": interviews,
        });
        let Json::Object(package) = package else {
            unreachable!("invariant: written as an object just above")
        };
        package
    }

    fn open_case(
        &mut self,
        number: u32,
        workflow: duban_model::WorkflowId,
        unit: UnitId,
        form: Map<String, Json>,
    ) {
        let head = self.case.head();
        let name = CaseName {
            suite: head.name.suite.clone(),
            workflow: workflow.clone(),
            unit,
            period: head.name.period,
            parent: Some((self.case.id(), ItemKey::default())),
            ordinal: u32::try_from(head.messages + 1).unwrap_or(u32::MAX),
        };
        let open = Open::new(name, form);
        let request = OpenRequest { by_script: number, ..OpenRequest::new(workflow, open) };
        self.send(Message::Open(Box::new(request)), None);
    }

    fn extend(&mut self, key: &ItemKey, due: Instant, why: String) {
        if self.by_time {
            self.log(key, "由时间触发的脚本不能延期，已忽略".to_owned());
            return;
        }
        let in_time =
            self.case.item(key).and_then(|item| item.due()).is_none_or(|old| self.at <= old);
        let provisional = self.is_provisional(self.at, due);
        let why = DueReason::Script(why);
        self.set_deadline(key, NewDeadline { due, why, by: None, in_time, provisional });
    }

    fn cancel_by_script(&mut self, key: &ItemKey, why: String) {
        if self.by_time {
            self.log(key, "由时间触发的脚本不能中止任务，已忽略".to_owned());
        } else if let Some(item) = self.case.item(key).cloned()
            && !item.status.is_closed()
        {
            self.cancel_item(&item, &why);
        }
    }

    /// Points by the suite's rules for something that happened to an item.
    ///
    /// While the case is suspended nothing scores.
    pub(super) fn score(&mut self, on: ScoreOn, key: &ItemKey) {
        let Some(item) = self.case.item(key).cloned() else { return };
        // What time brings to a vacant post is nobody's.
        if self.by_time && self.chase.is_none() && self.is_owner_vacant(&item) {
            return;
        }
        for unit in self.units_meant(key) {
            self.score_unit(on, key, unit);
        }
    }

    /// The same for one unit.
    pub(super) fn score_unit(&mut self, on: ScoreOn, key: &ItemKey, unit: UnitId) {
        if self.case.head().suspension().is_some() {
            return;
        }
        let definition = Arc::clone(&self.definition);
        let Some(item) = self.case.item(key).cloned() else { return };
        let basis = Self::task(&definition, &item).map(|task| task.basis.as_slice());
        for rule in definition.scoring.iter().filter(|rule| rule.on == on) {
            let applies = rule.basis.as_ref().is_none_or(|prefix| {
                basis.unwrap_or_default().iter().any(|row| row.starts_with(prefix.as_str()))
            });
            if !applies {
                continue;
            }
            let given = self.case.head().scored.get(&rule.id).copied().unwrap_or_default();
            let points = match rule.cap {
                Some(cap) => (given + rule.points).clamp(-cap, cap) - given,
                None => rule.points,
            };
            if points != 0 {
                let why = format!("{}：{}", rule.id, self.title(key));
                let (rule, item) = (Some(rule.id.clone()), Some(key.clone()));
                self.push(Fact::Scored { unit: unit.clone(), points, rule, why, item });
            }
        }
    }

    pub(super) fn score_done(&mut self, key: &ItemKey, on_time: bool) {
        self.score(if on_time { ScoreOn::DoneOnTime } else { ScoreOn::DoneLate }, key);
    }
}
