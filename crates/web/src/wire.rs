//! A move as it stands on the wire: one flat object, told apart by its `kind`.
//!
//! The reader and the schema are both made from [`MoveKind`] and what each kind asks for; neither
//! knows a kind by name. The core's own type is not the wire format: a field that is renamed there
//! stays here what callers know, and what keys of earlier requests hash stays as it was.

use std::fmt;

use duban_calendar::{Date, Instant, end_of};
use duban_core::{Act, Ask, AskKind, CaseId, Evidence, ItemKey, MoveKind, On};
use duban_engine::Engine;
use duban_model::Assignee;
use duban_script::closest;
use duban_store::Store;
use rust_decimal::Decimal;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value as Json, json};
use utoipa::openapi::{Ref, RefOr, Schema};

use crate::problem::Problem;

/// What tells moves apart.
const KIND: &str = "kind";
/// What a move is made on.
const ITEM: &str = "item";
/// The name of the schema of all moves.
const MOVE: &str = "Move";

/// A move that was read. Dates wait for the time zone of the case's suite.
#[derive(Debug)]
pub(crate) struct WireMove {
    kind: MoveKind,
    item: Option<ItemKey>,
    content: Map<String, Json>,
    dates: Vec<(&'static str, Date)>,
}

impl WireMove {
    /// The move as the case takes it. A date means its end in the time zone of the case's suite.
    ///
    /// # Errors
    ///
    /// That there is no such case, where a date asks for it.
    pub(crate) async fn act<S: Store>(
        mut self,
        engine: &Engine<S>,
        case: &CaseId,
    ) -> Result<Act, Problem> {
        if !self.dates.is_empty() {
            let definition = engine.case(case).await?.head().definition.clone();
            let zone = engine.definition(&definition).await?.suite.time_zone;
            for (field, date) in self.dates {
                self.content.insert(field.to_owned(), json!(end_of(date, zone)));
            }
        }
        Act::make(self.kind, self.item.as_ref(), self.content)
            .map_err(|error| Problem::unfit(format!("`{}`: {error}", self.kind.name())))
    }

    fn read(fields: Map<String, Json>) -> Result<Self, String> {
        let kind = kind_of(&fields)?;
        let mut read = Self { kind, item: None, content: Map::new(), dates: Vec::new() };
        for (name, value) in fields {
            if name == KIND {
                continue;
            }
            if name == ITEM && kind.on() != On::Case {
                read.item = item_of(kind, &value)?;
                continue;
            }
            let ask = kind.asks().iter().find(|ask| ask.field == name);
            let ask = ask.ok_or_else(|| unknown(kind, &name))?;
            if value.is_null() && !ask.required {
                continue;
            }
            match content_of(ask, value) {
                Some(Content::Date(date)) => read.dates.push((ask.field, date)),
                Some(Content::Json(value)) => drop(read.content.insert(name, value)),
                None => return Err(format!("{} must be {}", called(kind, ask), expected(ask))),
            }
        }
        if kind.on() == On::Item && read.item.is_none() {
            return Err(format!("`{}` needs `{ITEM}`: the key of a task", kind.name()));
        }
        let is_given = |ask: &&Ask| {
            read.content.contains_key(ask.field)
                || read.dates.iter().any(|(field, _)| *field == ask.field)
        };
        match kind.asks().iter().filter(|ask| ask.required).find(|ask| !is_given(ask)) {
            Some(ask) => Err(format!("{} is missing: {}", called(kind, ask), expected(ask))),
            None => Ok(read),
        }
    }
}

impl<'de> Deserialize<'de> for WireMove {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Fields(fields) = Fields::deserialize(deserializer)?;
        Self::read(fields).map_err(D::Error::custom)
    }
}

/// The fields of an object, each once.
struct Fields(Map<String, Json>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Once;
        impl<'de> Visitor<'de> for Once {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a move, for example {\"kind\": \"sign\", \"item\": \"write\"}")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Map::new();
                while let Some((name, value)) = map.next_entry::<String, Json>()? {
                    if fields.contains_key(&name) {
                        return Err(A::Error::custom(format!("`{name}` stands there twice")));
                    }
                    fields.insert(name, value);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Once)
    }
}

fn kind_of(fields: &Map<String, Json>) -> Result<MoveKind, String> {
    let names = || MoveKind::ALL.iter().map(|kind| kind.name());
    let all = || names().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match fields.get(KIND) {
        Some(Json::String(name)) => MoveKind::named(name).ok_or_else(|| {
            let near = closest(name, names()).map(|near| format!("; did you mean `{near}`?"));
            let shown: String = name.chars().take(64).collect();
            format!("no move is called `{shown}`{} There are {}", near.unwrap_or_default(), all())
        }),
        Some(_) => Err(format!("`{KIND}` must be a text, one of {}", all())),
        // As it was written before moves had a kind.
        None => match fields.keys().next().and_then(|name| MoveKind::named(name)) {
            Some(kind) if fields.len() == 1 => Err(format!(
                "`{KIND}` is missing: write {{\"{KIND}\": \"{0}\", …}} in place of {{\"{0}\": {{…}}}}",
                kind.name()
            )),
            _ => Err(format!("`{KIND}` is missing: the kind of move, one of {}", all())),
        },
    }
}

fn item_of(kind: MoveKind, value: &Json) -> Result<Option<ItemKey>, String> {
    match value {
        Json::String(key) => Ok(Some(ItemKey::new(key))),
        Json::Null if kind.is_for_case() => Ok(None),
        _ => Err(format!("`{ITEM}` of `{}` must be a text: the key of a task", kind.name())),
    }
}

fn unknown(kind: MoveKind, name: &str) -> String {
    let item = (kind.on() != On::Case).then_some(ITEM);
    let known: Vec<&str> =
        item.into_iter().chain(kind.asks().iter().map(|ask| ask.field)).collect();
    let near = closest(name, known.iter().copied());
    let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    let shown: String = name.chars().take(64).collect();
    let known: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
    format!("`{}` has no field `{shown}`{near} It has {}", kind.name(), known.join(", "))
}

fn called(kind: MoveKind, ask: &Ask) -> String {
    format!("`{}`（{}）of `{}`", ask.field, ask.zh, kind.name())
}

/// What a field may hold, for messages and for the schema.
fn expected(ask: &Ask) -> &'static str {
    match ask.kind {
        AskKind::Text => "a text",
        AskKind::Percent => "a whole number from 0 to 100",
        AskKind::Number => "a decimal number, or a text that is one",
        AskKind::Date => {
            "a date like 2022-06-30, which means its end in the time zone of the suite, or a \
             moment like 2022-06-30T16:00:00Z (RFC 3339)"
        }
        AskKind::Assignee => "`unit:CODE`, `post:CODE/NAME` or `person:ID`",
        AskKind::Person => "a person's id",
        AskKind::Items => "the key of a task, or a list of keys",
        AskKind::Flag => "true or false",
        AskKind::Form => "an object with the form's fields",
        AskKind::Files => {
            "a list of {\"name\", \"file\"}: what the task calls it, and its address as the \
             upload gave it"
        }
    }
}

enum Content {
    Json(Json),
    Date(Date),
}

/// What a field holds, as the core reads it; `None`: it is of another kind. Whether a date
/// lies in the years that there are, the case decides.
fn content_of(ask: &Ask, value: Json) -> Option<Content> {
    let value = match (ask.kind, value) {
        (AskKind::Text | AskKind::Person, Json::String(text)) => json!(text),
        (AskKind::Percent, Json::Number(number)) => {
            json!(number.as_u64().filter(|percent| *percent <= 100)?)
        }
        (AskKind::Number, Json::Number(number)) => {
            let text = number.to_string();
            json!(Decimal::from_str_exact(&text).or_else(|_| Decimal::from_scientific(&text)).ok()?)
        }
        (AskKind::Number, Json::String(text)) => json!(decimal(&text)?),
        (AskKind::Date, Json::String(text)) => match text.parse::<Instant>() {
            Ok(at) => json!(at),
            Err(_) => return date(&text).map(Content::Date),
        },
        (AskKind::Assignee, Json::String(text)) => json!(text.parse::<Assignee>().ok()?),
        (AskKind::Items, Json::String(key)) => json!([key]),
        (AskKind::Items, Json::Array(keys)) if keys.iter().all(Json::is_string) => json!(keys),
        (AskKind::Flag, Json::Bool(flag)) => json!(flag),
        (AskKind::Form, Json::Object(form)) => Json::Object(form),
        (AskKind::Files, Json::Array(files)) => {
            json!(files.iter().map(file).collect::<Option<Vec<_>>>()?)
        }
        (
            AskKind::Text
            | AskKind::Percent
            | AskKind::Number
            | AskKind::Date
            | AskKind::Assignee
            | AskKind::Person
            | AskKind::Items
            | AskKind::Flag
            | AskKind::Form
            | AskKind::Files,
            _,
        ) => return None,
    };
    Some(Content::Json(value))
}

/// A decimal as the schema writes it; Rust's own reader takes more.
fn decimal(text: &str) -> Option<Decimal> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, "0"));
    let digits = [whole.strip_prefix('-').unwrap_or(whole), rest];
    let is_plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    digits.into_iter().all(is_plain).then(|| Decimal::from_str_exact(text).ok())?
}

/// A date in its only form. The years that there are, the case's door knows.
fn date(text: &str) -> Option<Date> {
    (text.len() == "2022-06-30".len()).then(|| text.parse().ok())?
}

fn file(value: &Json) -> Option<Evidence> {
    let file = value.as_object().filter(|file| file.len() == 2)?;
    let text = |name: &str| file.get(name)?.as_str().map(ToOwned::to_owned);
    Some(Evidence { name: text("name")?, file: text("file")? })
}

/// The reference that stands where a move does.
pub(crate) fn reference() -> RefOr<Schema> {
    RefOr::Ref(Ref::from_schema_name(MOVE))
}

/// The schemas of all moves: one for each kind, and [`MOVE`] for one of them.
pub(crate) fn schemas() -> Map<String, Json> {
    let place = |kind: MoveKind| format!("#/components/schemas/{}", schema_name(kind));
    let all = || MoveKind::ALL.iter().copied();
    let mut schemas: Map<String, Json> =
        all().map(|kind| (schema_name(kind), schema(kind))).collect();
    let mapping: Map<String, Json> =
        all().map(|kind| (kind.name().to_owned(), json!(place(kind)))).collect();
    let choice = json!({
        "description": "A move of a person; `kind` says which.",
        "oneOf": all().map(|kind| json!({ "$ref": place(kind) })).collect::<Vec<_>>(),
        "discriminator": { "propertyName": KIND, "mapping": mapping },
    });
    schemas.insert(MOVE.to_owned(), choice);
    schemas
}

/// `ask_extension`: `AskExtensionMove`.
fn schema_name(kind: MoveKind) -> String {
    let capital = |word: &str| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_ascii_uppercase() + rest
    };
    kind.name().split('_').map(capital).chain([MOVE.to_owned()]).collect()
}

fn schema(kind: MoveKind) -> Json {
    let (mut fields, mut required) = (Map::new(), vec![KIND]);
    fields.insert(KIND.to_owned(), json!({ "type": "string", "enum": [kind.name()] }));
    let item = match kind.on() {
        On::Item => {
            required.push(ITEM);
            Some(json!({ "type": "string", "description": "The key of the task." }))
        }
        On::ItemOrCase => Some(json!({
            "type": ["string", "null"],
            "description": "The key of the task; left out: the case as a whole."
        })),
        On::Case => None,
    };
    fields.extend(item.map(|item| (ITEM.to_owned(), item)));
    for ask in kind.asks() {
        let Json::Object(mut field) = field(ask.kind) else { continue };
        if ask.required {
            required.push(ask.field);
        } else if let Some(kinds) = field.get_mut("type") {
            *kinds = match kinds.take() {
                Json::Array(mut kinds) => {
                    kinds.push("null".into());
                    kinds.into()
                }
                one => json!([one, "null"]),
            };
        }
        let told = format!("{} {}: {}.", ask.zh, ask.en, expected(ask));
        field.insert("description".to_owned(), told.into());
        fields.insert(ask.field.to_owned(), field.into());
    }
    json!({
        "type": "object",
        "title": format!("{} {}", kind.zh(), kind.en()),
        "description": kind.meaning(),
        "properties": fields,
        "required": required,
        "additionalProperties": false,
        "example": example(kind),
    })
}

fn field(kind: AskKind) -> Json {
    match kind {
        AskKind::Text | AskKind::Person => json!({ "type": "string" }),
        AskKind::Percent => json!({ "type": "integer", "minimum": 0, "maximum": 100 }),
        AskKind::Number => {
            json!({ "type": ["number", "string"], "pattern": "^-?[0-9]+(\\.[0-9]+)?$" })
        }
        AskKind::Date => {
            json!({ "type": "string", "anyOf": [{ "format": "date" }, { "format": "date-time" }] })
        }
        AskKind::Assignee => {
            json!({ "type": "string", "pattern": "^(unit:.+|post:.*/.*|person:.+)$" })
        }
        AskKind::Items => json!({ "type": ["string", "array"], "items": { "type": "string" } }),
        AskKind::Flag => json!({ "type": "boolean" }),
        AskKind::Form => json!({ "type": "object" }),
        AskKind::Files => json!({ "type": "array", "items": {
            "type": "object",
            "properties": { "name": { "type": "string" }, "file": { "type": "string" } },
            "required": ["name", "file"],
            "additionalProperties": false,
        } }),
    }
}

/// A move with everything that its kind asks for.
fn example(kind: MoveKind) -> Json {
    let mut example = Map::from_iter([(KIND.to_owned(), json!(kind.name()))]);
    if kind.on() != On::Case {
        example.insert(ITEM.to_owned(), json!("write"));
    }
    for ask in kind.asks() {
        let value = match ask.kind {
            AskKind::Text => json!("等待上级批复"),
            AskKind::Percent => json!(60),
            AskKind::Number => json!(98.5),
            AskKind::Date => json!("2022-06-30"),
            AskKind::Assignee => json!("post:D/书记"),
            AskKind::Person => json!("li"),
            AskKind::Items => json!(["draft"]),
            AskKind::Flag => json!(true),
            AskKind::Form => json!({ "topic": "半年总结" }),
            AskKind::Files => json!([{ "name": "总结", "file": format!("sha256:{:064}", 0) }]),
        };
        example.insert(ask.field.to_owned(), value);
    }
    example.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &Json) -> Result<WireMove, serde_json::Error> {
        serde_json::from_str(&value.to_string())
    }

    fn told(value: &Json) -> String {
        read(value).map(|read| format!("{read:?}")).unwrap_err().to_string()
    }

    /// Whether a value has one of the types that a schema names.
    fn is_of(schema: &Json, value: &Json) -> bool {
        let kind = match value {
            Json::Null => "null",
            Json::Bool(_) => "boolean",
            Json::Number(number) if number.is_u64() => "integer",
            Json::Number(_) => "number",
            Json::String(_) => "string",
            Json::Array(_) => "array",
            Json::Object(_) => "object",
        };
        match &schema["type"] {
            Json::Array(kinds) => kinds.iter().any(|one| one == kind),
            one => one == kind,
        }
    }

    #[test]
    fn every_kind_of_the_table_is_read_as_its_schema_says() {
        let schemas = schemas();
        for kind in MoveKind::ALL.iter().copied() {
            let schema = &schemas[&schema_name(kind)];
            let whole = schema["example"].clone();
            for (name, value) in whole.as_object().unwrap() {
                assert!(is_of(&schema["properties"][name], value), "{whole} {name}");
            }
            let made = read(&whole).unwrap();
            let mut content = made.content.clone();
            let zone = duban_calendar::Tz::Asia__Shanghai;
            content
                .extend(made.dates.iter().map(|(f, d)| ((*f).to_owned(), json!(end_of(*d, zone)))));
            assert_eq!(content.len(), kind.asks().len(), "{whole}");
            let act = Act::make(kind, made.item.as_ref(), content).unwrap();
            assert_eq!((act.kind(), act.item()), (kind, made.item));

            for (name, value) in schema["properties"].as_object().unwrap() {
                let mut other = whole.clone();
                let is_required = schema["required"].as_array().unwrap().contains(&json!(name));
                other.as_object_mut().unwrap().remove(name);
                assert_eq!(read(&other).is_err(), is_required, "{other}");
                if is_required {
                    assert!(told(&other).contains(&format!("`{name}`")), "{}", told(&other));
                }
                other[name] = Json::Null;
                assert_eq!(read(&other).is_ok(), is_of(value, &Json::Null), "{other}");
                // No field is of this kind.
                other[name] = json!(-0.5e-300);
                if !is_of(value, &other[name]) {
                    assert!(told(&other).contains(&format!("`{name}`")), "{}", told(&other));
                }
            }
            let mut more = whole.clone();
            more["surplus"] = json!(1);
            let told = told(&more);
            assert!(told.contains("`surplus`") && told.contains(kind.name()), "{told}");
        }
    }

    #[test]
    fn what_is_no_move_is_told_with_the_nearest_name() {
        let cases = [
            (json!({ "kind": "sgin", "item": "a" }), "did you mean `sign`?"),
            (json!({ "kind": "report", "item": "a", "txt": "一" }), "did you mean `text`?"),
            (json!({ "sign": { "item": "a" } }), "write {\"kind\": \"sign\", …}"),
            (json!({ "item": "a" }), "`kind` is missing"),
            (json!({ "kind": 1 }), "`kind` must be a text"),
            (json!({ "kind": "report", "item": "a", "text": "一", "percent": 101 }), "0 to 100"),
            (json!({ "kind": "sign", "item": null }), "`item` of `sign`"),
            (json!({ "kind": "return", "item": "a", "reason": "一", "due": 1 }), "新的期限"),
            (
                json!({ "kind": "return", "item": "a", "reason": "一", "due": "2022-02-30" }),
                "2022-06-30",
            ),
            (
                json!({ "kind": "return", "item": "a", "reason": "一", "due": "2022-6-3" }),
                "2022-06-30",
            ),
            (json!({ "kind": "report", "item": "a", "text": "一", "value": "1_0" }), "decimal"),
            (json!({ "kind": "report", "item": "a", "text": "一", "value": "1." }), "decimal"),
            (
                json!({ "kind": "report", "item": "a", "text": "一", "evidence": [{ "name": "a", "file": "b", "c": 1 }] }),
                "evidence",
            ),
            (
                json!({ "kind": "transfer", "item": "a", "reason": "一", "to": "李四" }),
                "post:CODE/NAME",
            ),
            (json!("sign"), "expected a move"),
        ];
        for (value, part) in cases {
            assert!(told(&value).contains(part), "{value}: {}", told(&value));
        }
        let twice = "{\"kind\": \"sign\", \"item\": \"a\", \"item\": \"b\"}";
        let error = serde_json::from_str::<WireMove>(twice).unwrap_err().to_string();
        assert!(error.contains("`item` stands there twice"), "{error}");
        for (value, read_as) in
            [(json!(98.5), "98.5"), (json!("-0.10"), "-0.10"), (json!(1e3), "1000.0")]
        {
            let report = json!({ "kind": "report", "item": "a", "text": "一", "value": value });
            assert_eq!(read(&report).unwrap().content["value"], read_as);
        }
    }
}
