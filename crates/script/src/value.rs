//! What an expression can yield, free of rhai types.

use std::collections::BTreeMap;

use duban_calendar::{Date, Instant, Span, Tz, Window, end_of};
use duban_model::{Assignee, UnitId};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// A value that an expression yields, or that an axis holds.
///
/// ```
/// use duban_calendar::{Tz, end_of};
/// use duban_script::Value;
///
/// let day = "2022-07-08".parse().map_err(|_| "no date")?;
/// let value = Value::Date(day);
/// assert_eq!(value.to_instant(Tz::Asia__Shanghai), Some(end_of(day, Tz::Asia__Shanghai)));
/// assert_eq!(value.to_key().as_deref(), Some("2022-07-08"));
/// assert_eq!((value.to_decimal(), value.type_name()), (None, "日期"));
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// Nothing.
    Nil,
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A decimal number.
    Decimal(Decimal),
    /// A text.
    Text(String),
    /// A civil date.
    Date(Date),
    /// An instant.
    At(Instant),
    /// A span of time.
    Span(Span),
    /// A unit.
    Unit(UnitId),
    /// A post or a person.
    Assignee(Assignee),
    /// A window.
    Window(Window),
    /// Several values.
    List(Vec<Self>),
    /// Named values.
    Map(BTreeMap<String, Self>),
}

impl Value {
    /// What the value is called in messages, in Chinese.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Nil => "空值",
            Self::Bool(_) => "真假值",
            Self::Int(_) => "整数",
            Self::Decimal(_) => "小数",
            Self::Text(_) => "文本",
            Self::Date(_) => "日期",
            Self::At(_) => "时刻",
            Self::Span(_) => "时长",
            Self::Unit(_) => "单位",
            Self::Assignee(_) => "岗位或人员",
            Self::Window(_) => "周期",
            Self::List(_) => "列表",
            Self::Map(_) => "映射",
        }
    }

    /// As an instant: a date means its end in the time zone.
    pub fn to_instant(&self, tz: Tz) -> Option<Instant> {
        match self {
            Self::At(at) => Some(*at),
            Self::Date(date) => Some(end_of(*date, tz)),
            _ => None,
        }
    }

    /// As someone who owes or reviews.
    pub fn to_assignee(&self) -> Option<Assignee> {
        match self {
            Self::Unit(unit) => Some(Assignee::Unit(unit.clone())),
            Self::Assignee(assignee) => Some(assignee.clone()),
            _ => None,
        }
    }

    /// As several of those: one value, or a list of them.
    pub fn to_assignees(&self) -> Option<Vec<Assignee>> {
        match self {
            Self::Nil => Some(Vec::new()),
            Self::List(values) => values.iter().map(Self::to_assignee).collect(),
            one => one.to_assignee().map(|assignee| vec![assignee]),
        }
    }

    /// As a number.
    pub fn to_decimal(&self) -> Option<Decimal> {
        match self {
            Self::Int(number) => Some(Decimal::from(*number)),
            Self::Decimal(number) => Some(*number),
            _ => None,
        }
    }

    /// The stable text of an axis value: a unit's code, a text, a number, a date. `None` for
    /// what cannot name an item.
    pub fn to_key(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.clone()),
            Self::Int(number) => Some(number.to_string()),
            Self::Decimal(number) => Some(number.normalize().to_string()),
            Self::Unit(unit) => Some(unit.to_string()),
            Self::Assignee(assignee) => Some(assignee.to_string()),
            Self::Date(date) => Some(date.to_string()),
            _ => None,
        }
    }
}
