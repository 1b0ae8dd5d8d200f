//! Variables.

use super::{HostKind, HostName, entry};

pub(super) const NAMES: &[HostName] = &[
    entry(("task", "任务"), HostKind::Variable, "task → task", ("当前任务", "the task in hand")),
    entry(("case", "事项"), HostKind::Variable, "case → case", ("当前督办事项", "the case")),
    entry(
        ("unit", "单位"),
        HostKind::Variable,
        "unit → unit",
        ("事项所属单位", "the unit the case is opened for"),
    ),
    entry(
        ("item", "条目"),
        HostKind::Variable,
        "item.NAME",
        ("当前条目各轴的取值", "values of the axes of `each`"),
    ),
    entry(
        ("owner", "承办"),
        HostKind::Variable,
        "owner → unit or assignee",
        ("当前任务的承办单位、岗位或人员", "who owes the task in hand"),
    ),
    entry(
        ("reviewer", "审核"),
        HostKind::Variable,
        "reviewer → unit or assignee",
        (
            "当前任务的审核方（依次审核时为第一位）",
            "who accepts the task in hand; the first where there are several",
        ),
    ),
    entry(
        ("window", "周期窗口"),
        HostKind::Variable,
        "window → window",
        ("周期性职责的当前窗口", "the window in hand of a duty"),
    ),
    entry(
        ("period", "期间"),
        HostKind::Variable,
        "period → window",
        ("事项覆盖的期间", "what the case covers"),
    ),
    entry(
        ("target", "目标"),
        HostKind::Variable,
        "target → window",
        ("文件的目标年度", "the target year of the suite"),
    ),
    entry(
        ("now", "现在"),
        HostKind::Variable,
        "now → instant",
        (
            "记录事件的时刻，新的期限从它算起",
            "when the event is recorded; new obligations count from it",
        ),
    ),
    entry(
        ("moment", "时刻"),
        HostKind::Variable,
        "moment → instant",
        (
            "所判断的时刻，晚到的唤醒会早于 now",
            "the moment judged; earlier than `now` when a wake-up came late",
        ),
    ),
    entry(
        ("due", "期限"),
        HostKind::Variable,
        "due → instant",
        ("当前任务的办理期限", "the due date in hand"),
    ),
    entry(
        ("params", "参数"),
        HostKind::Variable,
        "params.NAME",
        ("文件和措施的参数", "plain data of suite and workflow"),
    ),
    entry(
        ("tasks", "各任务"),
        HostKind::Variable,
        "tasks.NAME → task",
        (
            "本事项的各任务，与当前条目对应的那一项",
            "tasks of the case: the item that matches the one in hand",
        ),
    ),
    entry(
        ("form", "表单"),
        HostKind::Variable,
        "form.NAME",
        ("当前任务提交的表单", "data submitted with the task in hand"),
    ),
    entry(
        ("lead", "牵头"),
        HostKind::Variable,
        "lead → unit or assignee",
        ("牵头单位", "the leading unit"),
    ),
    entry(
        ("with", "配合"),
        HostKind::Variable,
        "with → list",
        ("配合单位", "the cooperating units"),
    ),
    entry(
        ("interview", "约谈事项"),
        HostKind::Variable,
        "interview → task",
        ("本事项最近一次约谈", "the latest interview of the case"),
    ),
    entry(
        ("rung", "梯级"),
        HostKind::Variable,
        "rung → rung",
        ("正在执行的督办梯级", "the rung whose function is called"),
    ),
    entry(
        ("overdue_workdays", "逾期工作日"),
        HostKind::Variable,
        "overdue_workdays → int",
        ("当前任务逾期的工作日数，未逾期为零", "working days overdue of the task in hand, or 0"),
    ),
    entry(
        ("remaining_workdays", "剩余工作日"),
        HostKind::Variable,
        "remaining_workdays → int",
        ("距当前任务期限的工作日数，逾期为零", "working days left to the task in hand, or 0"),
    ),
];
