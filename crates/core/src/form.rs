//! Forms: what people fill in, checked against the declared fields.

use duban_calendar::{CivilDate, Date};
use duban_model::{Directory, Field, FieldKind, PersonId, UnitId, says_nothing};
use rust_decimal::Decimal;
use serde_json::{Map, Value as Json};

use crate::refusal::{FieldProblem, Refusal, Why};

/// The most rows of a table, and entries of a list.
pub(crate) const ROWS_MAX: usize = 5_000;
/// The most characters of one text.
pub(crate) const TEXT_CHARS_MAX: usize = 20_000;

/// The one character that no text may hold: a database's own functions take it for the end of the
/// text, and search and export would lose what stands behind it.
const NUL: char = '\0';
const NUL_ZH: &str = "含有空字符（U+0000），请删去";

/// Whether a text can be kept as it is.
///
/// # Errors
///
/// [`Refusal::OutOfRange`] where it holds U+0000.
pub(crate) fn check_readable(what: &'static str, text: &str) -> Result<(), Refusal> {
    if text.contains(NUL) {
        let range = Why::new("a text without U+0000", "不含空字符（U+0000）的文本");
        return Err(Refusal::OutOfRange { what, range });
    }
    Ok(())
}

/// Checks a form and returns it in its stored shape: decimals as text, dates as `YYYY-MM-DD`.
/// `today` is the suite's civil day: what has happened cannot lie after it.
///
/// # Errors
///
/// [`Refusal::BadForm`] with every field that does not fit.
pub(crate) fn check(
    fields: &[Field],
    form: &Map<String, Json>,
    directory: &Directory,
    today: Date,
) -> Result<Map<String, Json>, Refusal> {
    let mut check = Check { directory, today, problems: Vec::new() };
    let stored = check.map("", fields, form);
    if check.problems.is_empty() { Ok(stored) } else { Err(Refusal::BadForm(check.problems)) }
}

struct Check<'d> {
    directory: &'d Directory,
    today: Date,
    problems: Vec<FieldProblem>,
}

impl Check<'_> {
    fn problem(&mut self, field: &str, message: impl Into<String>) {
        self.problems.push(FieldProblem { field: field.to_owned(), message: message.into() });
    }

    fn map(
        &mut self,
        prefix: &str,
        fields: &[Field],
        form: &Map<String, Json>,
    ) -> Map<String, Json> {
        let mut stored = Map::new();
        for name in form.keys() {
            if !fields.iter().any(|field| field.name == *name) {
                self.problem(&format!("{prefix}{name}"), "没有这个字段");
            }
        }
        for field in fields {
            let path = format!("{prefix}{}", field.name);
            let given = form.get(&field.name).filter(|value| !is_blank(value));
            match given {
                None if field.required => self.problem(&path, format!("“{}”必填", field.title)),
                None => {}
                Some(given) => {
                    if let Some(value) = self.value(&path, field, given) {
                        stored.insert(field.name.clone(), value);
                    }
                }
            }
        }
        stored
    }

    fn value(&mut self, path: &str, field: &Field, given: &Json) -> Option<Json> {
        match &field.kind {
            FieldKind::Text | FieldKind::File => self.text(path, field, given),
            FieldKind::Number | FieldKind::Money => self.number(path, field, given),
            FieldKind::Integer => self.integer(path, field, given),
            FieldKind::Date => self.date(path, field, given),
            FieldKind::Bool if given.is_boolean() => Some(given.clone()),
            FieldKind::Bool => self.wrong(path, "应为 true 或 false"),
            FieldKind::Choice(choices) => match given.as_str() {
                Some(choice) if choices.iter().any(|one| one == choice) => Some(given.clone()),
                _ => self.wrong(path, &format!("应为其中之一：{}", choices.join("、"))),
            },
            FieldKind::Unit => self.unit(path, given),
            FieldKind::Person => self.person(path, given),
            FieldKind::List => self.list(path, field, given),
            FieldKind::Table(columns) => self.table(path, field, columns, given),
        }
    }

    fn wrong(&mut self, path: &str, message: &str) -> Option<Json> {
        self.problem(path, message);
        None
    }

    fn text(&mut self, path: &str, field: &Field, given: &Json) -> Option<Json> {
        let Some(text) = given.as_str() else { return self.wrong(path, "应为文本") };
        if text.contains(NUL) {
            return self.wrong(path, NUL_ZH);
        }
        let length = text.chars().count();
        if length > TEXT_CHARS_MAX {
            return self.wrong(path, &format!("超过上限 text_chars_max（{TEXT_CHARS_MAX} 字）"));
        }
        self.length(path, field, length, "字");
        if let Some(pattern) = &field.pattern
            && !matches_whole(pattern, text)
        {
            return self.wrong(path, &format!("不符合格式 {pattern}"));
        }
        Some(given.clone())
    }

    fn length(&mut self, path: &str, field: &Field, length: usize, unit: &str) {
        let bound = |value: &Option<Json>| value.as_ref().and_then(Json::as_u64);
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        if let Some(min) = bound(&field.min)
            && length < min
        {
            self.problem(path, format!("至少 {min} {unit}"));
        }
        if let Some(max) = bound(&field.max)
            && length > max
        {
            self.problem(path, format!("最多 {max} {unit}"));
        }
    }

    fn number(&mut self, path: &str, field: &Field, given: &Json) -> Option<Json> {
        let Some(number) = decimal(given) else { return self.wrong(path, "应为数字") };
        if field.kind == FieldKind::Money && number.normalize().scale() > 2 {
            return self.wrong(path, "金额最多两位小数");
        }
        self.range(path, field, number);
        Some(Json::String(number.normalize().to_string()))
    }

    fn integer(&mut self, path: &str, field: &Field, given: &Json) -> Option<Json> {
        let number = decimal(given).filter(Decimal::is_integer);
        let whole = number.and_then(|number| i64::try_from(number).ok());
        let (Some(number), Some(whole)) = (number, whole) else {
            return self.wrong(path, "应为整数");
        };
        self.range(path, field, number);
        Some(Json::from(whole))
    }

    fn range(&mut self, path: &str, field: &Field, number: Decimal) {
        if let Some(min) = field.min.as_ref().and_then(decimal)
            && number < min
        {
            self.problem(path, format!("不得小于 {min}"));
        }
        if let Some(max) = field.max.as_ref().and_then(decimal)
            && number > max
        {
            self.problem(path, format!("不得大于 {max}"));
        }
    }

    fn date(&mut self, path: &str, field: &Field, given: &Json) -> Option<Json> {
        let Some(date) = date(given) else {
            return self.wrong(path, "应为 1900 至 2200 年的日期，如 2022-06-30");
        };
        if let Some(min) = field.min.as_ref().and_then(self::date)
            && date < min
        {
            self.problem(path, format!("不得早于 {min}"));
        }
        if let Some(max) = field.max.as_ref().and_then(self::date)
            && date > max
        {
            self.problem(path, format!("不得晚于 {max}"));
        }
        if field.past == Some(true) && date > self.today {
            let today = self.today;
            self.problem(path, format!("须为已经发生的日期，不得晚于今天（{today}）"));
        }
        Some(Json::String(date.to_string()))
    }

    fn unit(&mut self, path: &str, given: &Json) -> Option<Json> {
        let text = given.as_str().unwrap_or_default();
        let id = UnitId::new(text);
        if self.directory.unit(&id).is_some() {
            return Some(Json::String(id.to_string()));
        }
        let mut named = self.directory.units_named(text);
        match (named.next(), named.next()) {
            (Some(unit), None) => Some(Json::String(unit.id.to_string())),
            (Some(_), Some(_)) => self.wrong(path, &format!("有多个单位叫“{text}”，请填写编码")),
            (None, _) => self.wrong(path, &format!("通讯录中没有单位“{text}”")),
        }
    }

    fn person(&mut self, path: &str, given: &Json) -> Option<Json> {
        let id = PersonId::new(given.as_str().unwrap_or_default());
        match self.directory.person(&id) {
            Some(person) => Some(Json::String(person.id.to_string())),
            None => self.wrong(path, &format!("通讯录中没有人员“{id}”")),
        }
    }

    fn list(&mut self, path: &str, field: &Field, given: &Json) -> Option<Json> {
        let Some(values) = given.as_array() else { return self.wrong(path, "应为列表") };
        if values.len() > ROWS_MAX {
            return self.wrong(path, &format!("超过上限 rows_max（{ROWS_MAX} 项）"));
        }
        if !values.iter().all(Json::is_string) {
            return self.wrong(path, "列表各项应为文本");
        }
        if values.iter().filter_map(Json::as_str).any(|text| text.contains(NUL)) {
            return self.wrong(path, NUL_ZH);
        }
        self.length(path, field, values.len(), "项");
        Some(given.clone())
    }

    fn table(
        &mut self,
        path: &str,
        field: &Field,
        columns: &[Field],
        given: &Json,
    ) -> Option<Json> {
        let Some(rows) = given.as_array() else {
            return self.wrong(path, "应为表格（行的列表）");
        };
        if rows.len() > ROWS_MAX {
            return self.wrong(path, &format!("超过上限 rows_max（{ROWS_MAX} 行）"));
        }
        self.length(path, field, rows.len(), "行");
        let mut stored = Vec::with_capacity(rows.len());
        for (index, row) in rows.iter().enumerate() {
            match row.as_object() {
                Some(row) => {
                    let prefix = format!("{path}[{}].", index + 1);
                    stored.push(Json::Object(self.map(&prefix, columns, row)));
                }
                None => self.problem(&format!("{path}[{}]", index + 1), "应为一行（列名到值）"),
            }
        }
        Some(Json::Array(stored))
    }
}

fn is_blank(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::String(text) => says_nothing(text),
        // A list of nothing but blank texts; an empty one has been given as such.
        Json::Array(all) => {
            let is_blank = |one: &Json| one.as_str().is_some_and(says_nothing);
            !all.is_empty() && all.iter().all(is_blank)
        }
        Json::Bool(_) | Json::Number(_) | Json::Object(_) => false,
    }
}

fn decimal(value: &Json) -> Option<Decimal> {
    match value {
        Json::Number(number) => number.to_string().parse().ok(),
        Json::String(text) => text.trim().parse().ok(),
        Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => None,
    }
}

fn date(value: &Json) -> Option<Date> {
    value.as_str()?.trim().parse::<CivilDate>().ok().map(CivilDate::date)
}

/// Whether a pattern matches a whole text. A pattern that is no regular expression was refused
/// when the definition was loaded, and matches nothing here.
fn matches_whole(pattern: &str, text: &str) -> bool {
    duban_model::whole_pattern(pattern).is_ok_and(|regex| regex.is_match(text))
}

fn field(name: &str, title: &str, kind: FieldKind, required: bool) -> Field {
    Field {
        was: Vec::new(),
        name: name.to_owned(),
        title: title.to_owned(),
        kind,
        required,
        min: None,
        max: None,
        pattern: None,
        past: None,
    }
}

/// What the record of an interview holds (约谈记录).
pub(crate) fn interview_fields() -> Vec<Field> {
    vec![
        Field { past: Some(true), ..field("held_on", "约谈日期", FieldKind::Date, true) },
        field("place", "约谈地点", FieldKind::Text, false),
        field("attendees", "参加人员", FieldKind::Text, false),
        field("problems", "指出的问题", FieldKind::Text, false),
        field("explanation", "被约谈人说明", FieldKind::Text, false),
        field("requirements", "整改要求", FieldKind::Text, true),
    ]
}

/// What a rectification or an opened task comes to.
pub(crate) fn result_fields() -> Vec<Field> {
    vec![field("result", "办理结果", FieldKind::Text, true)]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn checked(field: Field, given: &Json) -> Result<Map<String, Json>, Refusal> {
        let form = Map::from_iter([("a".to_owned(), given.clone())]);
        let today = CivilDate::date("2022-06-30".parse().unwrap());
        check(&[field], &form, &Directory::default(), today)
    }

    #[test]
    fn what_is_required_is_seen() {
        for text in ["", " ", "\u{3000}", "\u{200b}", "\u{feff}\u{2060}", "\u{7f}", "\u{3164}"] {
            let table = FieldKind::Table(vec![field("b", "乙", FieldKind::Text, true)]);
            for (kind, given) in [
                (FieldKind::Text, json!(text)),
                (FieldKind::File, json!(text)),
                (FieldKind::List, json!([text, text])),
                (table, json!([{ "b": text }])),
            ] {
                let refusal = checked(field("a", "甲", kind.clone(), true), &given).unwrap_err();
                assert!(refusal.zh().contains("必填"), "{text:?} {kind:?}: {}", refusal.zh());
            }
            let stored = checked(field("a", "甲", FieldKind::Text, false), &json!(text)).unwrap();
            assert!(stored.is_empty(), "{text:?}");
        }
        let given = json!("\u{200b}办结");
        let stored = checked(field("a", "甲", FieldKind::Text, true), &given).unwrap();
        assert_eq!(stored["a"], given);
        assert!(checked(field("a", "甲", FieldKind::List, true), &json!([])).is_ok());
    }

    #[test]
    fn no_text_holds_the_end_of_a_text() {
        for (kind, given) in [
            (FieldKind::Text, json!("办\0结")),
            (FieldKind::File, json!("a\0.pdf")),
            (FieldKind::List, json!(["一", "二\0"])),
        ] {
            let refusal = checked(field("a", "甲", kind, false), &given).unwrap_err();
            assert!(refusal.zh().contains("U+0000"), "{}", refusal.zh());
        }
    }
}
