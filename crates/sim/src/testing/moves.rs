//! The moves that workflow tests make: one adapter for every kind of the table.
//!
//! What a kind asks for stands behind the item, in the order of the table or by name in a map. Who
//! makes it follows from the table too, unless the test says on whose behalf it acts.

use std::any::TypeId;
use std::sync::Arc;

use duban_calendar::end_of;
use duban_core::{Act, Actor, Ask, AskKind, By, CaseId, ItemKey, ItemKind, MoveKind, On, Status};
use duban_model::{Assignee, PersonId};
use duban_script::closest;
use rhai::{Array, Dynamic, Engine, NativeCallContext};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::{Map, Value as Json, json};

use super::bench::{Bench, ItemRef, Outcome, Said, refused};
use super::functions::{Shared, doing, to_form};

/// Further names that tests have for a move: which, English, Chinese.
const SHORT: &[(MoveKind, &str, &str)] = &[
    (MoveKind::Report, "report", "反馈"),
    (MoveKind::Withdraw, "withdraw", "撤回"),
    (MoveKind::Accept, "accept", "办结"),
    (MoveKind::GrantExtension, "grant", "同意延期"),
    (MoveKind::RefuseExtension, "refuse", "不同意延期"),
];

/// What a test hands in for a text that it leaves out, a reason aside.
const SAID: &str = "进展";

/// The names of a move in tests, English and Chinese: those of the table, then the short ones.
pub(super) fn names_of(kind: MoveKind) -> Vec<(&'static str, &'static str)> {
    let english = match kind.name() {
        // A word of rhai's own.
        "return" => "send_back",
        name => name,
    };
    let chinese = kind.zh().split('，').next().unwrap_or_default();
    let short = SHORT.iter().filter(|(of, _, _)| *of == kind);
    let short = short.map(|(_, english, chinese)| (*english, *chinese));
    std::iter::once((english, chinese)).chain(short).collect()
}

/// The kind of a name that tests, or the table, have for it.
pub(super) fn named(name: &str) -> Outcome<MoveKind> {
    let bears = |kind: &MoveKind| {
        kind.name() == name || names_of(*kind).iter().any(|(en, zh)| *en == name || *zh == name)
    };
    MoveKind::ALL.iter().copied().find(bears).ok_or_else(|| {
        let known = MoveKind::ALL.iter().copied().flat_map(names_of);
        let near = closest(name, known.flat_map(|(english, chinese)| [english, chinese]));
        near.map_or(format!("没有动作 {name}"), |near| {
            format!("没有动作 {name}；是不是 {near}？")
        })
    })
}

/// What a move is made on.
#[derive(Clone, Debug)]
pub(super) enum Target {
    Item(ItemRef),
    Case(CaseId),
}

impl Target {
    fn of(value: &Dynamic) -> Option<Self> {
        let value = value.flatten_clone();
        match value.clone().try_cast::<ItemRef>() {
            Some(item) => Some(Self::Item(item)),
            None => value.try_cast::<CaseId>().map(Self::Case),
        }
    }

    pub(super) fn case(&self) -> &CaseId {
        match self {
            Self::Item(item) => &item.case,
            Self::Case(case) => case,
        }
    }

    pub(super) fn item(&self) -> Option<&ItemKey> {
        match self {
            Self::Item(item) => Some(&item.key),
            Self::Case(_) => None,
        }
    }
}

/// Registers every move of the table under all of its names.
pub(super) fn register(engine: &mut Engine, bench: &Shared) {
    for kind in MoveKind::ALL.iter().copied() {
        let mut names: Vec<&str> =
            names_of(kind).into_iter().flat_map(|(en, zh)| [en, zh]).collect();
        names.sort_unstable();
        names.dedup();
        let mut targets = Vec::new();
        if kind.on() != On::Case {
            targets.push(TypeId::of::<ItemRef>());
        }
        if kind.is_for_case() {
            targets.push(TypeId::of::<CaseId>());
        }
        for name in names {
            for target in &targets {
                for given in 0..=kind.asks().len() {
                    let mut types = vec![*target];
                    types.resize(given + 1, TypeId::of::<Dynamic>());
                    let bench = Arc::clone(bench);
                    let call = move |_: NativeCallContext<'_>, args: &mut [&mut Dynamic]| {
                        let values: Vec<Dynamic> =
                            args.iter().map(|value| value.flatten_clone()).collect();
                        doing(&bench, |bench| {
                            bench.note(Said::MayFail);
                            bench.make_of(kind, &values)
                        })
                    };
                    engine.register_raw_fn(name, types, call);
                }
            }
        }
    }
}

impl Bench {
    /// A move of what a test has written: what it is made on, then what it asks for.
    fn make_of(&mut self, kind: MoveKind, values: &[Dynamic]) -> Outcome {
        let target = values.first().and_then(Target::of);
        let target = target.ok_or("动作的对象应为任务或督办事项")?;
        let given = match values {
            // A form is a map itself; whatever else is asked for may be given by name.
            [_, map]
                if map.is_map()
                    && kind.asks().first().is_none_or(|ask| ask.kind != AskKind::Form) =>
            {
                self.by_name(kind, map)?
            }
            [_, values @ ..] => {
                let pairs = kind.asks().iter().zip(values);
                pairs.map(|(ask, value)| (ask, value.clone())).collect()
            }
            [] => Vec::new(),
        };
        let mut content = Map::new();
        for (ask, value) in given.into_iter().filter(|(_, value)| !value.is_unit()) {
            content.insert(ask.field.to_owned(), self.read(kind, ask, value)?);
        }
        self.fill(kind, &target, &mut content)?;
        self.make(kind, &target, content)
    }

    fn by_name(&self, kind: MoveKind, map: &Dynamic) -> Outcome<Vec<(&'static Ask, Dynamic)>> {
        let map = map.as_map_ref().map_err(ToOwned::to_owned)?;
        let ask = |name: &str| kind.asks().iter().find(|ask| ask.field == name);
        let known: Vec<&str> = kind.asks().iter().map(|ask| ask.field).collect();
        let pair = |(name, value): (&rhai::Identifier, &Dynamic)| {
            let ask = ask(name).ok_or_else(|| match known.as_slice() {
                [] => format!("{} 没有内容，不能写 {name}", kind.name()),
                known => format!("{} 没有 {name}，只有 {}", kind.name(), known.join("、")),
            })?;
            Ok((ask, value.clone()))
        };
        map.iter().map(pair).collect()
    }

    /// What is asked for and may be left out in a test: a text, the form, the files that a task
    /// declares. A reason is owed here too.
    fn fill(&self, kind: MoveKind, target: &Target, content: &mut Map<String, Json>) -> Outcome {
        let asks_form = kind.asks().iter().any(|ask| ask.kind == AskKind::Form);
        for ask in
            kind.asks().iter().filter(|ask| !content.contains_key(ask.field)).collect::<Vec<_>>()
        {
            let value = match (ask.kind, ask.required) {
                (AskKind::Form, _) => json!({}),
                (AskKind::Files, _) if asks_form => self.declared(target),
                (AskKind::Text, true) if ask.field == "text" => json!(SAID),
                (_, false) => continue,
                (_, true) => {
                    return Err(format!("{} 缺 {}（{}）", kind.name(), ask.field, ask.zh));
                }
            };
            content.insert(ask.field.to_owned(), value);
        }
        Ok(())
    }

    fn read(&self, kind: MoveKind, ask: &Ask, value: Dynamic) -> Outcome<Json> {
        let name = kind.name();
        let bad = |what: &str| format!("{name} 的 {}（{}）应为{what}", ask.field, ask.zh);
        let text = || value.clone().into_immutable_string().map(|text| text.to_string());
        Ok(match ask.kind {
            AskKind::Text => json!(text().map_err(|_| bad("文字"))?),
            AskKind::Percent => {
                let percent = number(&value).filter(Decimal::is_integer);
                let percent = percent.and_then(|percent| percent.to_u8()).filter(|it| *it <= 100);
                json!(percent.ok_or_else(|| bad(" 0 到 100 的整数"))?)
            }
            AskKind::Number => json!(number(&value).ok_or_else(|| bad("数字"))?),
            AskKind::Date => {
                let date = text().map_err(|_| bad("日期，写成 2022-07-08"))?;
                json!(end_of(self.date(&date)?, self.tz))
            }
            AskKind::Assignee => {
                let text = text().map_err(|_| bad("“单位 岗位”、单位名或 person:ID"))?;
                json!(self.assignee(&text)?)
            }
            AskKind::Person => json!(self.person(&text().map_err(|_| bad("人员的名字或编号"))?)?),
            AskKind::Items => json!(items(value).ok_or_else(|| bad("任务，或任务的列表"))?),
            AskKind::Flag => json!(value.as_bool().map_err(|_| bad(" true 或 false"))?),
            AskKind::Form => {
                let map = value.as_map_ref().map_err(|_| bad("表单 #{ … }"))?;
                Json::Object(to_form(&map)?)
            }
            AskKind::Files => {
                let names = value.as_array_ref().map_err(|_| bad("文件名的列表"))?;
                files(names.iter().map(ToString::to_string))
            }
        })
    }

    /// The files that the item's task declares, each a sample.
    fn declared(&self, target: &Target) -> Json {
        let task =
            target.item().and_then(|key| self.world.case(target.case())?.item(key)).and_then(
                |item| self.world.definition(target.case())?.workflow.task(item.task.as_str()),
            );
        files(task.map(|(_, task)| task.evidence.clone()).unwrap_or_default())
    }

    /// Makes a move as the person whom the table says, or on whose behalf the test acts.
    pub(super) fn make(
        &mut self,
        kind: MoveKind,
        target: &Target,
        content: Map<String, Json>,
    ) -> Outcome {
        let key = self.meant(kind, target)?;
        let act = Act::make(kind, key.as_ref(), content);
        let act = act.map_err(|error| format!("{}：{error}", kind.name()))?;
        let mut last = Err(String::new());
        for person in self.makers(kind, target)? {
            last =
                self.world.act(target.case(), Actor::person(person), act.clone()).map_err(refused);
            if last.is_ok() {
                break;
            }
        }
        last
    }

    /// What is struck off with a rectification is its interview.
    fn meant(&self, kind: MoveKind, target: &Target) -> Outcome<Option<ItemKey>> {
        let Target::Item(item) = target else { return Ok(None) };
        Ok(Some(match &self.state(item)?.kind {
            ItemKind::Rectification { interview, .. } if kind == MoveKind::StrikeOff => {
                interview.clone()
            }
            _ => item.key.clone(),
        }))
    }

    /// Who tries it, one after the other until the case takes it from one.
    ///
    /// Where the owner or the office may, an order that may concern the whole case is the
    /// office's. Where others may besides the office, the office does.
    fn makers(&self, kind: MoveKind, target: &Target) -> Outcome<Vec<PersonId>> {
        if let Some(who) = &self.acting {
            return self.holders(Some(who));
        }
        let first =
            |who: Outcome<Vec<PersonId>>| who.map(|people| people.into_iter().take(1).collect());
        match (kind.by(), target) {
            (By::Owner, Target::Item(item)) => first(self.owners(item)),
            (By::OwnerOrSupervision, Target::Item(item)) if kind.on() == On::Item => {
                first(self.owners(item))
            }
            (By::Reviewer, Target::Item(item)) => self.reviewers(item),
            (
                By::Owner
                | By::Reviewer
                | By::Supervision
                | By::OwnerOrSupervision
                | By::ReviewerOrSupervision
                | By::Superiors,
                _,
            ) => first(self.office(target.case())),
        }
    }

    fn owners(&self, item: &ItemRef) -> Outcome<Vec<PersonId>> {
        self.holders(self.state(item)?.owner.as_ref())
    }

    /// The supervision office; where the suite names none, the lead.
    fn office(&self, case: &CaseId) -> Outcome<Vec<PersonId>> {
        let head = self.world.case(case).map(|case| case.head().clone());
        self.holders(head.and_then(|head| head.supervision.or(head.lead)).as_ref())
    }

    /// Reviewers, those first whose turn it is.
    fn reviewers(&self, item: &ItemRef) -> Outcome<Vec<PersonId>> {
        let state = self.state(item)?;
        let members: Vec<&Assignee> = if state.status == Status::Submitted {
            state.review.pending()
        } else {
            state.review.members.iter().collect()
        };
        let people = members.into_iter().flat_map(|member| self.world.directory().holders(member));
        let people: Vec<PersonId> = people.collect();
        if people.is_empty() {
            return Err(format!("任务 {} 没有审核人", item.key));
        }
        Ok(people)
    }

    pub(super) fn holders(&self, assignee: Option<&Assignee>) -> Outcome<Vec<PersonId>> {
        let assignee = assignee.ok_or("没有承办方")?;
        let people: Vec<PersonId> = self.world.directory().holders(assignee).into_iter().collect();
        if people.is_empty() {
            return Err(format!("{} 无人", self.world.directory().name_of(assignee)));
        }
        Ok(people)
    }

    /// The same as somebody's move, whoever would make it otherwise.
    fn make_as(
        &mut self,
        who: &Assignee,
        kind: MoveKind,
        item: &ItemRef,
        content: Map<String, Json>,
    ) -> Outcome {
        let before = self.acting.replace(who.clone());
        let made = self.make(kind, &Target::Item(item.clone()), content);
        self.acting = before;
        made
    }

    /// Whoever holds a seat accepts for that seat alone.
    pub(super) fn accept_for(&mut self, item: &ItemRef, seat: &str) -> Outcome {
        let seat = self.assignee(seat)?;
        let content = Map::from_iter([("seat".to_owned(), json!(seat))]);
        self.make_as(&seat, MoveKind::Accept, item, content)
    }

    /// Whoever holds a seat returns the item, or in a quorum does not agree.
    pub(super) fn send_back_for(&mut self, item: &ItemRef, why: &str, seat: &str) -> Outcome {
        let seat = self.assignee(seat)?;
        let content = Map::from_iter([("reason".to_owned(), json!(why))]);
        self.make_as(&seat, MoveKind::Return, item, content)
    }

    /// Every reviewer accepts, until nothing is left to accept.
    pub(super) fn accept_all(&mut self, item: &ItemRef) -> Outcome {
        loop {
            self.make(MoveKind::Accept, &Target::Item(item.clone()), Map::new())?;
            if self.state(item)?.status != Status::Submitted {
                return Ok(());
            }
        }
    }

    /// Whether the case would take a move from one of those who hold a post now.
    pub(super) fn may(&self, target: &Target, who: &str, name: &str) -> Outcome<bool> {
        let kind = named(name)?;
        let people = self.holders(Some(&self.assignee(who)?))?;
        let actors: Vec<Actor> = people.into_iter().map(Actor::person).collect();
        let offered = self.world.available_moves(target.case(), target.item(), &actors);
        Ok(offered.map_err(refused)?.iter().any(|one| one.kind == kind))
    }
}

fn number(value: &Dynamic) -> Option<Decimal> {
    value.as_int().map(Decimal::from).or_else(|_| value.as_decimal()).ok()
}

fn items(value: Dynamic) -> Option<Vec<ItemKey>> {
    let key = |item: Dynamic| item.flatten().try_cast::<ItemRef>().map(|item| item.key);
    match value.clone().try_cast::<Array>() {
        Some(items) => items.into_iter().map(key).collect(),
        None => key(value).map(|one| vec![one]),
    }
}

fn files(names: impl IntoIterator<Item = String>) -> Json {
    let file = |name: String| json!({ "name": name, "file": format!("test:{name}") });
    names.into_iter().map(file).collect()
}
