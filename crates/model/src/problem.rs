//! What is wrong with an author's files: every problem of every file, each at its place.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::definition::Place;
use crate::wording::shortened;

/// How bad a problem is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The suite cannot be used.
    Error,
    /// It can, but the author probably meant something else.
    Warning,
}

/// One problem, in words for the author.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
pub struct Problem {
    /// Where: file, line, column.
    pub place: Place,
    /// How bad.
    pub severity: Severity,
    /// Stable code, for example `DB1003`; `docs/errors.md` explains each.
    pub code: String,
    /// What is wrong, in Chinese.
    pub message: String,
    /// What was probably meant, or how to put it right, in Chinese.
    pub help: Option<String>,
}

impl fmt::Display for Problem {
    /// `file:line:col: 错误 DB1003: message（help）`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { file, line, column, .. } = &self.place;
        let severity = match self.severity {
            Severity::Error => "错误",
            Severity::Warning => "警告",
        };
        write!(f, "{file}:{line}:{column}: {severity} {}: {}", self.code, self.message)?;
        match &self.help {
            Some(help) => write!(f, "（{help}）"),
            None => Ok(()),
        }
    }
}

impl Problem {
    /// A problem that makes the suite unusable.
    pub fn error(code: &str, place: &Place, message: impl Into<String>) -> Self {
        Self {
            place: place.clone(),
            severity: Severity::Error,
            code: code.to_owned(),
            message: shortened(&message.into()),
            help: None,
        }
    }

    /// A problem worth a look.
    pub fn warning(code: &str, place: &Place, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, place, message) }
    }

    /// Adds what was probably meant.
    #[must_use]
    pub fn with_help(self, help: impl Into<String>) -> Self {
        Self { help: Some(shortened(&help.into())), ..self }
    }
}

/// Every code of this crate, what it means, and what to do about it. `duban-script` has the codes
/// from DB1500 on.
pub const CODES: &[(&str, &str, &str)] = &[
    (
        "DB1001",
        "the file is not YAML",
        "Correct the line; quote an expression that holds `, : # ? { [ !`.",
    ),
    (
        "DB1002",
        "a YAML tag, anchor or alias",
        "Quote the value; repeat what an alias would have repeated, or use a preset.",
    ),
    ("DB1003", "a key stands twice in one map", "Keep one of them."),
    ("DB1004", "a file holds several YAML documents", "Remove `---`, or use several files."),
    (
        "DB1005",
        "lists and maps are nested too deeply",
        "Flatten them; the message names the limit.",
    ),
    ("DB1006", "a file or folder is too large", "Split it; the message names the limit."),
    (
        "DB1007",
        "a key has no value, or a blank title",
        "Write one, or remove the key; quote a value that begins with `!`, `#`, `>` or `|`.",
    ),
    (
        "DB1008",
        "full-width punctuation in an expression or as a separator",
        "Use the half-width form that is shown.",
    ),
    (
        "DB1009",
        "a bracket or a quotation mark without its counterpart",
        "Close it; quote an expression that YAML cuts at a comma.",
    ),
    (
        "DB1010",
        "a key that looks like part of an expression",
        "Quote the expression before it, which was cut at a comma.",
    ),
    (
        "DB1011",
        "an unknown key",
        "Use the key that is suggested, or put plain data under `params`.",
    ),
    ("DB1012", "a key is missing", "Add it."),
    ("DB1013", "a value of the wrong type", "Write what the message asks for."),
    ("DB1014", "a word that is none of the choices", "Use one of those listed."),
    ("DB1015", "a date or number out of range", "Write dates as 2022-12-31; check the number."),
    ("DB1016", "the suite has no suite.yaml", "Add it."),
    ("DB1017", "an empty file", "Fill or remove it."),
    (
        "DB1018",
        "a file in an encoding that is not read",
        "Save it as UTF-8; GB18030, and UTF-16 with its mark, are read too.",
    ),
    (
        "DB1019",
        "the suite's id cannot be one",
        "Use letters, digits, `-` and `_`, a letter or digit first, at most 64 characters.",
    ),
    ("DB1101", "an unknown time zone", "Use an IANA name, for example Asia/Shanghai."),
    ("DB1102", "an unknown working-day calendar", "Use one that the host has loaded."),
    (
        "DB1104",
        "no workflow carries an obligation (warning)",
        "Give the task that carries it a `basis`.",
    ),
    (
        "DB1105",
        "a basis that is no obligation of the suite (warning)",
        "Correct the row, or list the obligation.",
    ),
    ("DB1106", "two workflows of one id", "Rename one."),
    ("DB1107", "two obligations of one row", "Keep one."),
    ("DB1108", "an unknown preset", "Write it under `presets` in suite.yaml, or correct the name."),
    ("DB1109", "presets extend each other in a circle", "Break the circle."),
    (
        "DB1110",
        "a script that no workflow uses (warning)",
        "Name it after a workflow's id, or move its functions to hooks.rhai.",
    ),
    (
        "DB1201",
        "a name that scripts could not read",
        "Use letters, digits and underscores, and no reserved word.",
    ),
    ("DB1202", "two tasks of one id", "Rename one."),
    ("DB1203", "an unknown task", "Correct the name."),
    ("DB1204", "an unknown workflow", "Correct the id."),
    (
        "DB1205",
        "tasks wait for each other",
        "Remove one of the `needs` of the circle that is printed.",
    ),
    (
        "DB1206",
        "tasks of several workflows wait for each other",
        "Remove one of the `needs` of the circle that is printed.",
    ),
    ("DB1207", "a task that can never be ready", "Break the circle before it."),
    (
        "DB1208",
        "a duty whose window is not shorter than the period",
        "Use a shorter `every`, or `due` in its place.",
    ),
    ("DB1209", "an unknown ladder", "Write it under `ladders`, or correct the name."),
    (
        "DB1210",
        "owner and reviewer are the same",
        "Leave `reviewer` out to have the owner's superior.",
    ),
    ("DB1211", "a task without an owner", "Add `owner`, or `run`, or `workflow`."),
    ("DB1212", "an automatic task with an owner or a reviewer", "Remove them."),
    ("DB1213", "a name stands twice in one list", "Keep one."),
    ("DB1214", "a pattern that is no regular expression", "Correct it."),
    ("DB1215", "a due date before that of a task that comes first", "Correct one of the dates."),
    ("DB1216", "`assumed` names a key that the task does not have", "Remove it from the list."),
    ("DB1217", "a key that means nothing without another", "Add the other, or remove it."),
    (
        "DB1218",
        "a rung that never fires, or has two triggers",
        "Write one of the triggers that are listed.",
    ),
    ("DB1219", "keys that exclude each other", "Keep one."),
    (
        "DB1220",
        "a task named where it cannot stand",
        "`on_refuse` names a task that comes before and that no script does; no task names itself.",
    ),
    ("DB1221", "a due date on a day off (warning)", "Choose a working day, or `roll: forward`."),
    (
        "DB1222",
        "rungs of a ladder that only their time tells apart (warning)",
        "Give each an `id`, by which a new version finds it again.",
    ),
    ("DB1223", "tasks stop each other's clocks", "Remove one `stops_clock` of the circle."),
    (
        "DB1224",
        "a task stops the clocks of others and has no due date",
        "Give it a `due`, or remove `stops_clock`.",
    ),
    (
        "DB1225",
        "a task stops the clock of another of the same owner (warning)",
        "Let somebody else own one of them, or remove `stops_clock`.",
    ),
    (
        "DB1226",
        "a form field whose `min` is greater than its `max`",
        "Exchange them, or remove one.",
    ),
    (
        "DB1230",
        "a quorum that can never be reached",
        "Ask for as many agreements as there are seats, at most, and for no more refusals than still leave them possible.",
    ),
    (
        "DB1231",
        "a return that may mean several items (warning)",
        "The reviewer says which; give both tasks the same axes where each has one of its own.",
    ),
    ("DB1301", "a code of the directory is used twice", "Change one."),
    ("DB1302", "a unit or person that is not in the directory", "Add it or correct the code."),
    ("DB1303", "superiors go round in a circle", "Break the circle."),
    ("DB1304", "a level that the suite does not name", "Use one of `levels`, or add it there."),
    (
        "DB1305",
        "a table or a column is missing",
        "Name sheets and columns as directory.md says; where only a part is there, merge.",
    ),
    ("DB1306", "a cell that must not be empty", "Fill it."),
    (
        "DB1307",
        "a cell that cannot be read",
        "Write dates as 2026-01-31; format long numbers as text; mend formulas that fail.",
    ),
    ("DB1308", "a table reaches a limit", "Split it; the message names the limit."),
    ("DB1309", "a file that is no table", "Save it as .xlsx, or as CSV in UTF-8 or GB18030."),
    ("DB1310", "a name that several units or people have", "Write the code."),
    (
        "DB1311",
        "a sheet or a column that is not known (warning)",
        "It is passed over; check its name if it should not be.",
    ),
    ("DB1312", "an absence that cannot be", "Choose another stand-in or other dates."),
    (
        "DB1313",
        "an id or a name of the directory that cannot be one",
        "Codes and ids: letters, digits, `-`, `_`, `.` and `@`, a letter or digit first, 64 characters. Names: no control characters, 200 characters.",
    ),
    (
        "DB1314",
        "a unit that lies too deep",
        "At most 64 units stand above each other, the unit and its root among them \
         (`unit_depth_max`): check the superiors, take steps between out.",
    ),
    (
        "DB1401",
        "a day of a calendar that is no date or range",
        "Write 2022-01-31 or 2022-01-31..2022-02-06.",
    ),
    ("DB1402", "a calendar that contradicts itself", "Check it against the notice."),
    (
        "DB1403",
        "a row of a calendar's table that cannot be read",
        "Write a date, 休 or 班, and the holiday's name.",
    ),
];
