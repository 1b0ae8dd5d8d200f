//! What can be seen wrong in one task alone.

use duban_calendar::WindowKind;

use crate::definition::{Join, Reviewer, TaskDef, TaskKind};
use crate::problem::Problem;
use crate::read::{Keys, Reader};
use crate::reviewer_file::reviewers;
use crate::task_file::TaskContext;

/// Keys that mean nothing without another.
pub(crate) fn check_companions(
    r: &mut Reader<'_>,
    keys: &Keys<'_>,
    task: &TaskDef,
    context: &TaskContext<'_>,
) {
    let duty = keys.key("every").is_some();
    let companions = [
        ("counts", duty, "every"),
        ("event", task.counts.is_some(), "counts"),
        ("at_least", duty, "every"),
        ("grace", duty, "every"),
        ("key", keys.key("each").is_some(), "each"),
        ("empty", keys.key("each").is_some(), "each"),
        ("follow", keys.key("each").is_some(), "each"),
        ("join", keys.key("needs").is_some(), "needs"),
        ("on_cancel", keys.key("workflow").is_some(), "workflow"),
        ("roll", keys.key("due").is_some(), "due"),
        ("review_within", task.reviewer != Reviewer::None, "reviewer"),
        ("on_refuse", task.reviewer != Reviewer::None, "reviewer"),
        ("once", context.period.is_some(), "period（写在措施上）"),
        ("every", context.period.is_some(), "period（写在措施上）"),
    ];
    for (key, there, companion) in companions {
        if let Some(node) = keys.key(key).filter(|_| !there) {
            r.error("DB1217", node, format!("`{key}` 要与 `{companion}` 同用"));
        }
    }
    check_join(r, keys, task);
    if let (Some(every), Some(period)) = (task.every, context.period)
        && length(every) >= length(period)
    {
        let node = keys.key("every").unwrap_or(keys.node);
        let message = format!("`every: {every}` 要比 `period: {period}` 短");
        r.error_help("DB1208", node, message, "每个周期只做一次的，不写 every，用 due");
    }
}

/// More than there are could only mean all, and says that somebody counted wrong.
fn check_join(r: &mut Reader<'_>, keys: &Keys<'_>, task: &TaskDef) {
    let (Join::AtLeast(number), Some(node)) = (task.join, keys.key("join")) else { return };
    let there = task.needs.len();
    if keys.key("needs").is_some() && usize::try_from(number).is_ok_and(|number| number > there) {
        let message = format!("`join: {number}` 多于前置任务的个数（{there}）");
        r.error_help("DB1015", node, message, "全部都要的，写 join: all");
    }
}

fn length(kind: WindowKind) -> u32 {
    match kind {
        WindowKind::Year => 365,
        WindowKind::HalfYear => 181,
        WindowKind::Quarter => 90,
        WindowKind::Month => 28,
        WindowKind::Week => 7,
    }
}

/// Who must, and who must not, be named.
pub(crate) fn check_people(r: &mut Reader<'_>, keys: &Keys<'_>, task: &TaskDef) {
    let node = keys.key("owner").unwrap_or(keys.node);
    match task.kind {
        TaskKind::Human if keys.key("owner").is_none() => {
            let place = &task.place;
            let message = format!("任务 `{}` 没有承办（owner）", task.id);
            let help = "写上 owner；由脚本完成的写 run，由另一个事项完成的写 workflow";
            r.problems.push(Problem::error("DB1211", place, message).with_help(help));
        }
        TaskKind::Automatic { .. } if keys.key("owner").is_some() => {
            r.error("DB1212", node, "由脚本完成的任务（run）没有承办，去掉 owner");
        }
        TaskKind::Automatic { .. } if task.reviewer != Reviewer::None => {
            r.error("DB1212", node, "由脚本完成的任务（run）没有审核，去掉 reviewer");
        }
        _ => {}
    }
    let Some(owner) = &task.owner else { return };
    let same = reviewers(&task.reviewer).find(|expr| expr.squeezed() == owner.squeezed());
    if let Some(same) = same {
        let message = format!("承办和审核是同一个：`{}`", same.source);
        r.problems.push(
            Problem::error("DB1210", &same.place, message)
                .with_help("自己的事不能自己审；不写 reviewer 就是承办的上级"),
        );
    }
}
