//! The codes of the problems that this crate finds.

/// Every problem code of this crate, what it means, and what to do about it.
///
/// ```
/// assert!(duban_script::CODES.iter().any(|(code, ..)| *code == "DB1506"));
/// ```
pub const CODES: &[(&str, &str, &str)] = &[
    (
        "DB1501",
        "an expression or script is not rhai",
        "Correct the place shown; full-width punctuation is named with its half-width form.",
    ),
    (
        "DB1502",
        "a hook, rung or automatic task names a function that no script has with that many parameters",
        "Write `fn NAME(task)`, or `fn NAME(task, rung)` for a rung.",
    ),
    (
        "DB1503",
        "an unknown variable",
        "Use one of the names in language.md; the closest is suggested.",
    ),
    (
        "DB1504",
        "an unknown function",
        "Use one of the names in language.md, or write it in hooks.rhai.",
    ),
    (
        "DB1505",
        "`tasks.NAME` names no task of the workflow",
        "Correct the name; tasks of other workflows are read as `tasks[\"workflow/task\"]`.",
    ),
    (
        "DB1506",
        "a form field that the form does not declare",
        "Declare it under `form:`, or correct the name.",
    ),
    (
        "DB1507",
        "`org(\"…\")` names no unit of the directory, or several",
        "Correct the name, or write the code.",
    ),
    (
        "DB1508",
        "a post that no unit has (warning)",
        "Correct the name, or add the post to the directory.",
    ),
    (
        "DB1509",
        "a function is called with a number of arguments that it does not take",
        "Write as many as the message says.",
    ),
    (
        "DB1510",
        "a property that the value does not have",
        "Use one of the properties in language.md; the closest is suggested.",
    ),
    (
        "DB1511",
        "`item.NAME` names no axis of the task's `each`",
        "Correct the name, or add the axis.",
    ),
    (
        "DB1512",
        "`params.NAME` is in the params of neither the workflow nor the suite",
        "Add it under `params:`, or correct the name.",
    ),
    (
        "DB1513",
        "an expression gives another kind of value than its key needs",
        "Write what the message asks for, for example `workdays(3)` where a span is needed.",
    ),
    (
        "DB1514",
        "an expression calls an action",
        "Expressions only decide: call the action in a function that a hook or rung names.",
    ),
    (
        "DB1515",
        "a comparison or sum that can only fail, such as a date plus a number or plus hours",
        "Compare like with like; add `days(1)` or `workdays(1)` to a date, hours to an instant.",
    ),
    ("DB1516", "a script file holds a statement outside a function", "Put it into a `fn`."),
    ("DB1517", "a script defines a function that the host has already", "Give it another name."),
    ("DB1518", "a level that the suite does not have", "Use a name under `levels:` of suite.yaml."),
    (
        "DB1519",
        "a script assigns by index, which is not measured against the limits",
        "Write `x.set(index, value)`.",
    ),
    (
        "DB1520",
        "a date that does not exist, is written in another form, or has a time of day behind it",
        "Write 2026-12-31; put spaces around the signs of a sum.",
    ),
    (
        "DB1521",
        "an expression that can only fail, whenever it is evaluated: a span of no whole number or beyond the years, an empty due date, a loop without end",
        "Correct the number written; the message says what fails.",
    ),
    (
        "DB1522",
        "a span that is no duration where its key needs one (a negative one is a warning where it means none)",
        "Write a positive one, for example `workdays(5)`; a rung that fires once has `at`.",
    ),
    (
        "DB1523",
        "a window read in a task that is no duty (a warning where a condition may prevent it)",
        "Read `period`, or give the task `every`.",
    ),
    (
        "DB1524",
        "a colour that no supervision slip has (a warning in a ladder, whose function may know it)",
        "Write `blue`, `yellow` or `red`.",
    ),
    (
        "DB1530",
        "a workflow opens itself, straight or in a circle (warning)",
        "Take one of the openings out, or add a condition that fails at some time.",
    ),
];
