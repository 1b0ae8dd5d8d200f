//! Functions and methods that answer.

use super::{HostKind, HostName, entry};

pub(super) const NAMES: &[HostName] = &[
    entry(("days", "天"), HostKind::Function, "days(n) → span", ("n 个自然日", "n natural days")),
    entry(
        ("workdays", "工作日"),
        HostKind::Function,
        "workdays(n) → span",
        ("n 个工作日", "n working days"),
    ),
    entry(("months", "月"), HostKind::Function, "months(n) → span", ("n 个月", "n months")),
    entry(
        ("hours", "小时"),
        HostKind::Function,
        "hours(n) → span",
        ("n 小时，只能加在时刻上", "n hours, counted from an instant"),
    ),
    entry(
        ("date", "日期"),
        HostKind::Function,
        "date(year, month, day) → date; date(\"2022-07-08\") → date",
        ("某年某月某日", "a civil date"),
    ),
    entry(
        ("org", "机构"),
        HostKind::Function,
        "org(\"name or code\") → unit",
        ("按名称或代码取单位", "the unit of that name or code"),
    ),
    entry(
        ("units", "各单位"),
        HostKind::Function,
        "units(level) → list; units(level, tag) → list",
        ("某一层级（带某标签）的全部单位", "all units of a level, with a tag"),
    ),
    entry(
        ("districts", "各区县"),
        HostKind::Function,
        "districts() → list; districts(tag) → list",
        ("全部区县", "all units of the level `district`"),
    ),
    entry(
        ("workdays_between", "工作日数"),
        HostKind::Function,
        "workdays_between(a, b) → int",
        ("a 之后到 b 为止的工作日数", "working days after a up to b"),
    ),
    entry(
        ("is_workday", "是工作日"),
        HostKind::Function,
        "is_workday(date) → bool",
        ("是不是工作日", "whether a date is a working day"),
    ),
    entry(
        ("history", "历史"),
        HostKind::Function,
        "history(kind) → list of instants",
        (
            "当前任务发生过的某类动作的时刻，由早到晚",
            "moments of that kind in the history of the task in hand",
        ),
    ),
    entry(
        ("indicator", "指标"),
        HostKind::Function,
        "indicator(task) → decimal or ()",
        (
            "本事项某任务的指标值，未报为空",
            "the value of the indicator of a task; () while unreported",
        ),
    ),
    entry(
        ("min", "最小"),
        HostKind::Function,
        "min(list); min(a, b, …)",
        ("最小或最早的", "the least or earliest"),
    ),
    entry(
        ("max", "最大"),
        HostKind::Function,
        "max(list); max(a, b, …)",
        ("最大或最晚的", "the greatest or latest"),
    ),
    entry(("sum", "合计"), HostKind::Function, "sum(list) → number", ("合计", "the sum")),
    entry(
        ("avg", "平均"),
        HostKind::Function,
        "avg(list) → decimal",
        ("平均数，空列表为空", "the mean; () of an empty list"),
    ),
    entry(("count", "个数"), HostKind::Function, "count(list) → int", ("个数", "how many")),
    entry(
        ("post", "岗位"),
        HostKind::Method { of: "unit" },
        "unit.post(name) → assignee",
        ("单位的某个岗位", "a post of the unit"),
    ),
    entry(
        ("below", "下辖"),
        HostKind::Method { of: "unit" },
        "unit.below(level) → list",
        ("下辖某一层级的全部单位", "all units of a level anywhere below"),
    ),
    entry(
        ("with", "及下辖"),
        HostKind::Method { of: "unit" },
        "unit.with(level) → list",
        ("本单位和下辖某一层级的全部单位", "the unit and all units of a level below"),
    ),
    entry(
        ("is_within", "属于"),
        HostKind::Method { of: "unit" },
        "unit.is_within(other) → bool",
        ("是不是某单位本身或在其之下", "whether it is the other unit or lies below it"),
    ),
];
