//! Reads what a task may carry besides its people and dates: extensions, plans, indicators, hooks.

use std::collections::BTreeMap;

use duban_calendar::Date;

use crate::definition::{Better, Extension, Fold, Hook, Indicator, Judged, RollUp};
use crate::read::Reader;
use crate::task_file::Names;
use crate::yaml::Node;

/// Reads `extension:`.
pub(crate) fn read_extension(r: &mut Reader<'_>, node: &Node) -> Option<Extension> {
    let mut keys = r.keys(node)?;
    let extension = Extension {
        max: keys.take("max").and_then(|node| r.count(node, 1)).unwrap_or(1),
        by: keys.expr(r, "by"),
        apply_before: keys.date_expr(r, "apply_before"),
        then: keys.text(r, "do"),
    };
    keys.finish(r);
    Some(extension)
}

/// Reads `plan:`: planned progress in percent, by date.
pub(crate) fn read_plan(r: &mut Reader<'_>, node: &Node) -> Vec<(Date, u8)> {
    let mut plan: Vec<(Date, u8)> = Vec::new();
    for (key, value) in r.map(node) {
        let (Some(date), Some(text)) = (r.date(key), r.text(value)) else { continue };
        let share = text.trim_end_matches('%').parse::<u8>().ok().filter(|share| *share <= 100);
        let Some(share) = share else {
            r.error("DB1015", value, format!("`{text}` 不是 0 到 100 的整数"));
            continue;
        };
        if plan.last().is_some_and(|(last, below)| *last >= date || *below > share) {
            r.error("DB1015", key, "计划要按日期先后写，进度只增不减");
        }
        plan.push((date, share));
    }
    plan
}

/// Reads `indicator:`.
pub(crate) fn read_indicator(
    r: &mut Reader<'_>,
    node: &Node,
    names: &mut Names<'_>,
) -> Option<Indicator> {
    let mut keys = r.keys(node)?;
    let better = [("up", Better::Up), ("down", Better::Down)];
    let judged = [("due", Judged::Due), ("first", Judged::First), ("always", Judged::Always)];
    let indicator = Indicator {
        unit: keys.text(r, "unit").unwrap_or_default(),
        value: keys.expr(r, "value"),
        target: keys.expr(r, "target"),
        better: keys.take("better").and_then(|node| r.choice(node, &better)).unwrap_or(Better::Up),
        judged: keys.take("judged").and_then(|node| r.choice(node, &judged)).unwrap_or(Judged::Due),
        met: keys.expr(r, "met"),
        from: keys.take("from").and_then(|node| read_roll_up(r, node, names)),
    };
    if indicator.value.is_none() && indicator.from.is_none() && keys.key("value").is_none() {
        r.error("DB1012", node, "指标要有 `value` 或 `from`");
    }
    if indicator.target.is_none() && indicator.met.is_none() && keys.key("target").is_none() {
        r.error("DB1012", node, "指标要有 `target` 或 `met`");
    }
    keys.finish(r);
    Some(indicator)
}

fn read_roll_up(r: &mut Reader<'_>, node: &Node, names: &mut Names<'_>) -> Option<RollUp> {
    let mut keys = r.keys(node)?;
    let folds = [
        ("sum", Fold::Sum),
        ("min", Fold::Min),
        ("max", Fold::Max),
        ("avg", Fold::Avg),
        ("count", Fold::Count),
    ];
    let task = keys.require(r, "task").and_then(|node| names.task(r, node));
    let by = keys.expr(r, "by");
    let using = keys.take("use").and_then(|node| r.choice(node, &folds)).unwrap_or(Fold::Sum);
    keys.finish(r);
    Some(RollUp { task: task?, by, using })
}

/// The spelling of every moment that calls a function.
const HOOKS: &[(&str, Hook)] = &[
    ("ready", Hook::Ready),
    ("signed", Hook::Signed),
    ("reported", Hook::Reported),
    ("due_soon", Hook::DueSoon),
    ("overdue", Hook::Overdue),
    ("stalled", Hook::Stalled),
    ("missed", Hook::Missed),
    ("submitted", Hook::Submitted),
    ("returned", Hook::Returned),
    ("done", Hook::Done),
    ("cancelled", Hook::Cancelled),
];

/// Reads `hooks:`: functions by moment.
pub(crate) fn read_hooks(r: &mut Reader<'_>, node: &Node) -> BTreeMap<Hook, String> {
    let entries = r.map(node);
    entries
        .iter()
        .filter_map(|(key, value)| {
            let hook = r.choice(key, HOOKS);
            let run = r.text(value);
            Some((hook?, run?))
        })
        .collect()
}
