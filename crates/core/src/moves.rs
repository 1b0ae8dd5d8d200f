//! The vocabulary of moves: what each kind is called, asks for, and who makes it.
//!
//! One table. Pages, API, command line and workflow tests are made from it, so that a move that is
//! added here is there for everybody.

use duban_calendar::Instant;
use duban_model::Assignee;
use serde_json::{Map, Value as Json, json};

use crate::case::Case;
use crate::command::{Act, Actor};
use crate::decide::{Env, probe};
use crate::ids::ItemKey;
use crate::questions::{Question, Scene, questions};

/// Whose move it is. The case decides; this is what people are told beforehand.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum By {
    /// The item's owner, whoever stands in for them, or whoever handles it for them.
    Owner,
    /// One of the item's reviewers.
    Reviewer,
    /// The supervision office; where the suite names none, the lead.
    Supervision,
    /// The owner or the supervision office.
    OwnerOrSupervision,
    /// A reviewer or the supervision office.
    ReviewerOrSupervision,
    /// A reviewer, the lead or the supervision office.
    Superiors,
}

/// What a move is made on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum On {
    /// One item.
    Item,
    /// One item, or the case with all of them.
    ItemOrCase,
    /// The case.
    Case,
}

/// What kind of content a move asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AskKind {
    /// Text.
    Text,
    /// A whole number from 0 to 100.
    Percent,
    /// A decimal number.
    Number,
    /// An instant, in milliseconds UTC. People give a date and mean its end.
    Date,
    /// A unit, post or person.
    Assignee,
    /// A person.
    Person,
    /// One item of the same case, or a list of several.
    Items,
    /// Yes or no.
    Flag,
    /// The item's form.
    Form,
    /// Files.
    Files,
}

/// One thing that a move asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Ask {
    /// Its name in JSON and on the command line.
    pub field: &'static str,
    /// What it is.
    pub kind: AskKind,
    /// Whether it must be given.
    pub required: bool,
    /// What people read.
    pub zh: &'static str,
    /// The same in English.
    pub en: &'static str,
}

const fn ask(
    field: &'static str,
    kind: AskKind,
    required: bool,
    zh: &'static str,
    en: &'static str,
) -> Ask {
    Ask { field, kind, required, zh, en }
}

const REASON: Ask = ask("reason", AskKind::Text, true, "理由", "Reason");
const REMARK: Ask = ask("text", AskKind::Text, false, "说明", "Remark");
const FILES: Ask = ask("evidence", AskKind::Files, false, "佐证材料", "Evidence");

macro_rules! moves {
    ($($(#[doc = $doc:literal])+ $variant:ident {
        $name:literal, $zh:literal, $en:literal, $by:ident, $on:ident, [$($ask:expr),* $(,)?]
    })*) => {
        /// A kind of move.
        #[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
        #[non_exhaustive]
        pub enum MoveKind {
            $($(#[doc = $doc])+ $variant,)*
        }

        impl MoveKind {
            /// Every kind, in the order in which people are offered them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name in JSON, in programs and on the command line (there with hyphens).
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What people read.
            pub fn zh(self) -> &'static str {
                match self { $(Self::$variant => $zh,)* }
            }

            /// The same in English.
            pub fn en(self) -> &'static str {
                match self { $(Self::$variant => $en,)* }
            }

            /// What it means, in a sentence of English.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+).trim_ascii(),)* }
            }

            /// Whose move it is.
            pub fn by(self) -> By {
                match self { $(Self::$variant => By::$by,)* }
            }

            /// What it is made on.
            pub fn on(self) -> On {
                match self { $(Self::$variant => On::$on,)* }
            }

            /// What it asks for beside the item.
            pub fn asks(self) -> &'static [Ask] {
                match self { $(Self::$variant => const { &[$($ask),*] },)* }
            }
        }

        impl Act {
            /// Which kind of move it is.
            pub fn kind(&self) -> MoveKind {
                match self { $(Self::$variant { .. } => MoveKind::$variant,)* }
            }
        }
    };
}

moves! {
    /// The owner acknowledges the task.
    Sign { "sign", "签收", "Sign for", Owner, Item, [] }
    /// The owner reports progress; that signs for the task too.
    Report { "report", "反馈进展", "Report", Owner, Item, [
        ask("text", AskKind::Text, true, "进展情况", "What was done"),
        ask("percent", AskKind::Percent, false, "进度（%）", "Progress in percent"),
        ask("value", AskKind::Number, false, "指标值", "The indicator's value"),
        FILES,
    ] }
    /// The owner asks for the task to be closed; for a duty: hands in an entry.
    Submit { "submit", "申请办结", "Submit", Owner, Item, [
        ask("form", AskKind::Form, true, "表单", "Form"), FILES,
    ] }
    /// The owner takes back a submission that nobody has reviewed.
    Withdraw { "withdraw", "撤回申请", "Withdraw", Owner, Item, [] }
    /// A reviewer agrees; the last one closes the item.
    Accept { "accept", "同意办结", "Accept", Reviewer, Item, [
        REMARK,
        ask("seat", AskKind::Assignee, false, "代表哪一席", "For which seat"),
    ] }
    /// A reviewer returns the item, or done ones upstream of it; in a quorum: does not agree.
    Return { "return", "退回", "Return", Reviewer, Item, [
        REASON,
        ask("upstream", AskKind::Items, false, "退回到", "Which items upstream"),
        ask("due", AskKind::Date, false, "新的期限", "A new due date"),
    ] }
    /// The owner asks for a later due date.
    AskExtension { "ask_extension", "申请延期", "Ask for an extension", Owner, Item, [
        ask("until", AskKind::Date, true, "延期至", "Until"), REASON,
    ] }
    /// A reviewer grants the extension asked for.
    GrantExtension { "grant_extension", "同意延期", "Grant the extension", Reviewer, Item, [] }
    /// A reviewer refuses the extension asked for.
    RefuseExtension { "refuse_extension", "不同意延期", "Refuse the extension", Reviewer, Item, [
        REASON,
    ] }
    /// Whoever waits urges those on whom it waits; once a day.
    Urge { "urge", "催办", "Urge", Superiors, Item, [REMARK] }
    /// The item passes to another owner.
    Transfer { "transfer", "转办", "Transfer", OwnerOrSupervision, Item, [
        ask("to", AskKind::Assignee, true, "转给", "To whom"), REASON,
    ] }
    /// The owner lets someone handle the item and stays answerable; without a person the
    /// delegation ends.
    Delegate { "delegate", "委托", "Delegate", Owner, Item, [
        ask("to", AskKind::Person, false, "委托给", "To whom"),
        ask("reason", AskKind::Text, false, "说明", "Remark"),
    ] }
    /// One more countersigner.
    AddCountersigner { "add_countersigner", "加签", "Add a countersigner", ReviewerOrSupervision, Item, [
        ask("who", AskKind::Assignee, true, "会签单位或人员", "Who"),
        ask("before", AskKind::Assignee, false, "排在谁之前", "Before whom"),
    ] }
    /// One countersigner less; once a round has begun by the supervision office alone.
    RemoveCountersigner { "remove_countersigner", "减签", "Take a countersigner off",
        ReviewerOrSupervision, Item, [
        ask("who", AskKind::Assignee, true, "会签单位或人员", "Who"), REASON,
    ] }
    /// Work stops for a while.
    Suspend { "suspend", "挂起", "Suspend", OwnerOrSupervision, ItemOrCase, [
        REASON,
        ask("until", AskKind::Date, false, "挂起至", "Until"),
        ask("stops_clock", AskKind::Flag, false, "停止计时", "The clock stands still"),
    ] }
    /// The owner asks the supervision office to suspend the item.
    AskSuspension { "ask_suspension", "申请挂起", "Ask for a suspension", Owner, Item, [
        REASON, ask("until", AskKind::Date, false, "挂起至", "Until"),
    ] }
    /// The supervision office suspends as asked.
    GrantSuspension { "grant_suspension", "同意挂起", "Suspend as asked", Supervision, Item, [] }
    /// The supervision office does not suspend as asked.
    RefuseSuspension { "refuse_suspension", "不同意挂起", "Refuse the suspension", Supervision, Item, [
        REASON,
    ] }
    /// Work goes on.
    Resume { "resume", "恢复", "Resume", OwnerOrSupervision, ItemOrCase, [] }
    /// The supervision office drops the item.
    Skip { "skip", "跳过", "Skip", Supervision, Item, [REASON] }
    /// The supervision office ends the item, or the case.
    Cancel { "cancel", "中止", "Cancel", Supervision, ItemOrCase, [REASON] }
    /// The supervision office reopens a done item after looking back.
    Reopen { "reopen", "回头看，重新办理", "Reopen", Supervision, Item, [
        REASON, ask("due", AskKind::Date, false, "新的期限", "A new due date"),
    ] }
    /// The supervision office strikes an interview, or a closed case, off.
    StrikeOff { "strike_off", "销号", "Strike off", Supervision, ItemOrCase, [REMARK] }
    /// The supervision office agrees that a due date moves to an earlier day, as a newly loaded
    /// calendar would have it.
    ConsentEarlier { "consent_earlier", "同意期限提前", "Agree to the earlier date", Supervision, Item, [] }
    /// The supervision office sets a due date.
    SetDue { "set_due", "确定期限", "Set the due date", Supervision, Item, [
        ask("due", AskKind::Date, true, "期限", "The due date"), REASON,
    ] }
    /// The supervision office gives the item to an owner, whoever had it.
    Assign { "assign", "指派", "Assign", Supervision, Item, [
        ask("to", AskKind::Assignee, true, "承办单位或人员", "The owner"), REASON,
    ] }
    /// The supervision office has what failed evaluated again; on the case: lists of tasks that
    /// failed or held nothing.
    Retry { "retry", "重新计算", "Try again", Supervision, ItemOrCase, [
        ask("reason", AskKind::Text, false, "说明", "Remark"),
    ] }
    /// The supervision office adds an item of a task to the running case.
    AddItem { "add_item", "增列任务", "Add an item", Supervision, Case, [
        ask("task", AskKind::Text, true, "任务", "The task"),
        ask("which", AskKind::Text, true, "对象（各轴的值，以 / 相连）", "Which: the axes' values, joined by /"),
        REASON,
    ] }
    /// The supervision office hands an item of a unit that is gone to the unit that took its
    /// place; the item that this unit has of the same task is excused.
    HandToSuccessor { "hand_to_successor", "移交承接单位", "Hand to the successor", Supervision, Item, [
        REASON,
        ask("to", AskKind::Assignee, false, "承接单位或岗位", "The unit or post that took its place"),
    ] }
    /// The supervision office has an item finished as it is that the axes would drop.
    FinishAsItIs { "finish_as_it_is", "照旧办结", "Finish as it is", Supervision, Item, [REASON] }
}

impl MoveKind {
    /// The kind of a name in JSON.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// Whether it may be made on the case as a whole.
    pub fn is_for_case(self) -> bool {
        matches!(self.on(), On::ItemOrCase | On::Case)
    }
}

impl Act {
    /// A move of a kind with its content; `item` is `None` for a move on the case.
    ///
    /// ```
    /// # use duban_core::{Act, ItemKey, MoveKind};
    /// let key = ItemKey::new("write");
    /// let content = serde_json::json!({ "reason": "缺附件" });
    /// let act = Act::make(MoveKind::Return, Some(&key), content.as_object().cloned().unwrap());
    /// assert_eq!(act.unwrap().kind(), MoveKind::Return);
    /// ```
    ///
    /// # Errors
    ///
    /// What the reader says of a field that is unknown, missing or of another kind.
    pub fn make(
        kind: MoveKind,
        item: Option<&ItemKey>,
        mut content: Map<String, Json>,
    ) -> Result<Self, serde_json::Error> {
        if let Some(item) = item {
            content.insert("item".to_owned(), json!(item));
        }
        serde_json::from_value(json!({ kind.name(): content }))
    }

    /// The item that it is made on; `None`: the case.
    pub fn item(&self) -> Option<ItemKey> {
        let written = serde_json::to_value(self).expect("invariant: acts are plain data");
        let content = written.as_object().and_then(|act| act.values().next());
        let item = content.and_then(|content| content.get("item")?.as_str());
        item.map(ItemKey::new)
    }
}

/// A move that may be made now, and as whom.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AvailableMove {
    /// Which.
    pub kind: MoveKind,
    /// The first of the actors asked about who may make it.
    pub actor: Actor,
    /// What it asks for now.
    pub questions: Vec<Question>,
}

/// The moves that a case would take now, on an item (`None`: on the case), from one of `actors`,
/// with content that fits.
///
/// Nothing happens and no script runs. The case must not have earlier moments waiting.
pub fn available_moves(
    case: &Case,
    item: Option<&ItemKey>,
    actors: &[Actor],
    env: &Env,
) -> Vec<AvailableMove> {
    let fits = |kind: MoveKind| match item {
        Some(_) => kind.on() != On::Case,
        None => kind.is_for_case(),
    };
    let kinds = MoveKind::ALL.iter().copied().filter(|kind| fits(*kind));
    kinds
        .filter_map(|kind| actors.iter().find_map(|actor| offered(case, kind, item, actor, env)))
        .collect()
}

/// The move as it is offered to an actor, if the case would take it from them.
fn offered(
    case: &Case,
    kind: MoveKind,
    item: Option<&ItemKey>,
    actor: &Actor,
    env: &Env,
) -> Option<AvailableMove> {
    let content = example(case, kind, item, actor, env.now)?;
    let act = Act::make(kind, item, content.clone()).ok()?;
    match probe(case, actor, &act, env) {
        Ok(()) => {}
        Err(refusal) if refusal.is_about_content() => {}
        Err(_) => return None,
    }
    let found = item.and_then(|key| case.item(key)).map(AsRef::as_ref);
    let questions = questions(&Scene { case, item: found, actor, env }, kind, &content);
    let is_hopeless = questions.iter().any(Question::is_hopeless);
    (!is_hopeless).then(|| AvailableMove { kind, actor: actor.clone(), questions })
}

/// Content that says nothing, to ask whether a move could be made.
fn example(
    case: &Case,
    kind: MoveKind,
    item: Option<&ItemKey>,
    actor: &Actor,
    now: Instant,
) -> Option<Map<String, Json>> {
    let found = item.and_then(|key| case.item(key));
    let Actor::Person { person, .. } = actor else { return None };
    let due = found.and_then(|item| item.due()).unwrap_or(now).max(now);
    let mut content = Map::new();
    for ask in kind.asks().iter().filter(|ask| ask.required) {
        let value = match ask.kind {
            AskKind::Text => json!("？"),
            AskKind::Percent | AskKind::Number => json!("0"),
            AskKind::Date => json!(due.plus_millis(1)),
            AskKind::Assignee => json!(Assignee::Person(person.clone())),
            AskKind::Person => json!(person),
            AskKind::Items => json!([item?]),
            AskKind::Flag => json!(false),
            AskKind::Form => json!({}),
            AskKind::Files => json!([]),
        };
        content.insert(ask.field.to_owned(), value);
    }
    Some(content)
}
