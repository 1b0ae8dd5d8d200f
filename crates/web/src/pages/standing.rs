//! How an item stands: who has signed and whose turn it is, what waits for an answer, and what
//! holds its clock until when.

use duban_calendar::Instant;
use duban_core::{Case, CaseSuspension, Hold, HoldCause, Item, Manner, Status, Teller};
use duban_model::Assignee;

/// One who reviews.
pub(crate) struct SignerLine {
    pub(crate) name: String,
    pub(crate) state: &'static str,
    /// A class for the look: `ok`, `no`, `turn` or `later`.
    pub(crate) class: &'static str,
    /// By when, or what they hold against it.
    pub(crate) note: String,
}

/// One cause that stops work on an item, or its clock.
pub(crate) struct CauseLine {
    pub(crate) what: String,
    pub(crate) since: String,
    /// When it ends, or by whom.
    pub(crate) end: String,
    pub(crate) clock: &'static str,
}

/// How an item stands.
pub(crate) struct Standing {
    /// How several decide; empty where one does.
    pub(crate) manner: String,
    pub(crate) signers: Vec<SignerLine>,
    /// What was asked for and not answered.
    pub(crate) requests: Vec<String>,
    pub(crate) causes: Vec<CauseLine>,
    /// That the case is suspended.
    pub(crate) case: Option<String>,
}

impl Standing {
    pub(crate) fn of(case: &Case, item: &Item, teller: &Teller<'_>) -> Self {
        let suspended = case.head().suspended.as_deref();
        Self {
            manner: manner(item),
            signers: item.review.members.iter().map(|who| signer(item, who, teller)).collect(),
            requests: requests(item, teller),
            causes: item.holds.iter().map(|hold| cause(hold, suspended, teller)).collect(),
            case: suspended.map(|suspended| suspension(suspended, teller)),
        }
    }
}

/// What a suspended case says of itself.
pub(crate) fn suspension(suspended: &CaseSuspension, teller: &Teller<'_>) -> String {
    let until = suspended.until.map(|until| format!("，至 {} 恢复", teller.date(until)));
    let until = until.unwrap_or_else(|| "，未定恢复日期".to_owned());
    format!("本事项自 {} 起挂起{until}：{}", teller.date(suspended.since), suspended.reason)
}

fn manner(item: &Item) -> String {
    let members = item.review.members.len();
    if members < 2 {
        return String::new();
    }
    match item.review.manner {
        Manner::All => format!("{members} 方会签，须全部同意"),
        Manner::Any => format!("{members} 方中任一方同意即可"),
        Manner::Steps => format!("{members} 方依次会签"),
        Manner::Quorum { at_least, refusals } => {
            format!("{members} 方会签，{at_least} 方同意即办结，{refusals} 方不同意即退回")
        }
    }
}

fn signer(item: &Item, who: &Assignee, teller: &Teller<'_>) -> SignerLine {
    let review = &item.review;
    let is_round = item.status == Status::Submitted;
    let name = teller.name(who);
    let refused = review.refused.iter().find(|one| one.member == *who);
    if let Some(refused) = refused {
        let to: Vec<String> = refused.upstream.iter().map(|key| teller.key_title(key)).collect();
        let to = if to.is_empty() {
            String::new()
        } else {
            format!("（退回到{}）", to.join("、"))
        };
        let note = format!("{}{to}", refused.reason);
        return SignerLine { name, state: "不同意", class: "no", note };
    }
    if review.agreed.contains(who) {
        return SignerLine { name, state: "已同意", class: "ok", note: String::new() };
    }
    if is_round && review.pending().contains(&who) {
        let by = review.due_of(who).map(|due| format!("须在 {} 前答复", teller.date(due)));
        let (state, note) = ("待审核", by.unwrap_or_default());
        return SignerLine { name, state, class: "turn", note };
    }
    let state = if is_round { "未轮到" } else { "申请办结后审核" };
    SignerLine { name, state, class: "later", note: String::new() }
}

fn requests(item: &Item, teller: &Teller<'_>) -> Vec<String> {
    let extension = item.asked.as_ref().map(|asked| {
        let by = asked.due.map(|due| format!("（须在 {} 前答复）", teller.date(due)));
        let until = teller.date(asked.until);
        format!("申请延期至 {until}：{}{}", asked.reason, by.unwrap_or_default())
    });
    let suspension = item.asked_suspension.as_ref().map(|asked| {
        let until = asked.until.map(|until| format!("至 {}", teller.date(until)));
        format!("申请挂起{}：{}（待督查机构答复）", until.unwrap_or_default(), asked.reason)
    });
    extension.into_iter().chain(suspension).collect()
}

fn cause(hold: &Hold, suspended: Option<&CaseSuspension>, teller: &Teller<'_>) -> CauseLine {
    let end = |until: Option<Instant>, otherwise: &str| {
        until.map_or_else(|| otherwise.to_owned(), |until| format!("至 {}", teller.date(until)))
    };
    let (what, end) = match &hold.cause {
        HoldCause::Suspended(reason) | HoldCause::Order(reason) => {
            (format!("督查机构挂起：{reason}"), end(hold.until, "由督查机构恢复"))
        }
        HoldCause::Own(reason) => {
            (format!("承办人挂起：{reason}"), end(hold.until, "由承办人恢复"))
        }
        HoldCause::Item(key) => {
            (format!("等“{}”办结", teller.key_title(key)), "该任务办结时".to_owned())
        }
        HoldCause::Case(reason) => {
            let until = suspended.and_then(|suspended| suspended.until);
            (format!("事项挂起：{reason}"), end(until, "事项恢复时"))
        }
        HoldCause::Above(reason) => {
            (format!("随上级事项或上期事项挂起：{reason}"), "该事项恢复时".to_owned())
        }
    };
    let clock = if hold.remaining.is_some() { "停止计时" } else { "照常计时" };
    CauseLine { what, since: teller.date(hold.since), end, clock }
}
