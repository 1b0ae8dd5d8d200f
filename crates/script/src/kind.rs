//! What the checks know of a value before it exists.

use duban_model::{ExprRole, Field, FieldKind, TaskDef};
use serde_json::Value as Json;

use crate::convert::iso_date;
use crate::names::{HostKind, of_kind};

/// The kind of a value, as far as it is known without running.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind<'d> {
    Unknown,
    Nil,
    Bool,
    Int,
    Decimal,
    Text,
    Date,
    At,
    Span,
    /// A span of hours, which dates do not take.
    Hours,
    Window,
    Unit,
    Assignee,
    /// A unit or an assignee.
    Who,
    List,
    Map,
    Case,
    Rung,
    Params,
    /// An item of the task, if it is known.
    Item(Option<&'d TaskDef>),
    Axes(Option<&'d TaskDef>),
    /// A form with its fields, if they are known.
    Form(Option<&'d [Field]>),
    Tasks,
    Foreign,
}

/// Kinds that compare with each other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Class {
    Bool,
    Number,
    Text,
    Time,
    Span,
    Window,
    Who,
}

impl<'d> Kind<'d> {
    /// The type whose properties it has, by the names of [`NAMES`](crate::NAMES).
    pub(crate) fn properties(self) -> &'static [&'static str] {
        match self {
            Self::Item(_) => &["task"],
            Self::Unit => &["unit"],
            Self::Assignee => &["assignee"],
            Self::Who => &["unit", "assignee"],
            Self::Window => &["window"],
            Self::Date => &["date"],
            Self::At => &["instant"],
            Self::Case => &["case"],
            _ => &[],
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Nil => "空值",
            Self::Bool => "真假值",
            Self::Int => "整数",
            Self::Decimal => "小数",
            Self::Text => "文本",
            Self::Date => "日期",
            Self::At => "时刻",
            Self::Span | Self::Hours => "时长",
            Self::Window => "周期",
            Self::Unit => "单位",
            Self::Assignee => "岗位或人员",
            Self::Who => "单位、岗位或人员",
            Self::List => "列表",
            Self::Map => "映射",
            Self::Item(_) => "任务",
            Self::Axes(_) => "条目",
            Self::Form(_) => "表单",
            Self::Case => "事项",
            Self::Rung => "梯级",
            Self::Tasks => "各任务",
            Self::Params => "数据",
            Self::Foreign => "其他事项的任务",
            Self::Unknown => "值",
        }
    }

    /// Which kinds it compares with; `None` where that is not known.
    pub(crate) fn class(self) -> Option<Class> {
        Some(match self {
            Self::Bool => Class::Bool,
            Self::Int | Self::Decimal => Class::Number,
            Self::Text => Class::Text,
            Self::Date | Self::At => Class::Time,
            Self::Span | Self::Hours => Class::Span,
            Self::Window => Class::Window,
            Self::Unit | Self::Assignee | Self::Who => Class::Who,
            _ => return None,
        })
    }

    /// The kind named by a signature of [`NAMES`](crate::NAMES).
    pub(crate) fn signed(signature: &str) -> Self {
        match signature.rsplit("→ ").next().unwrap_or_default() {
            "bool" => Self::Bool,
            "int" => Self::Int,
            "decimal" => Self::Decimal,
            "text" => Self::Text,
            "date" => Self::Date,
            "instant" => Self::At,
            "span" => Self::Span,
            "window" => Self::Window,
            "unit" => Self::Unit,
            "assignee" => Self::Assignee,
            "unit or assignee" => Self::Who,
            "list" | "list of instants" => Self::List,
            _ => Self::Unknown,
        }
    }

    /// The kind of a form's field.
    pub(crate) fn of_field(field: &Field) -> Self {
        match &field.kind {
            FieldKind::Text | FieldKind::Choice(_) | FieldKind::File => Self::Text,
            FieldKind::Number | FieldKind::Money => Self::Decimal,
            FieldKind::Integer => Self::Int,
            FieldKind::Date => Self::Date,
            FieldKind::Bool => Self::Bool,
            FieldKind::Unit => Self::Unit,
            FieldKind::Person => Self::Assignee,
            FieldKind::List | FieldKind::Table(_) => Self::List,
        }
    }

    /// The kind of plain data, as scripts read it.
    pub(crate) fn of_data(json: &Json) -> Self {
        match json {
            Json::Null => Self::Nil,
            Json::Bool(_) => Self::Bool,
            Json::Number(number) if number.is_i64() => Self::Int,
            Json::Number(_) => Self::Decimal,
            Json::String(text) if iso_date(text).is_some() => Self::Date,
            Json::String(_) => Self::Text,
            Json::Array(_) => Self::List,
            Json::Object(_) => Self::Map,
        }
    }

    /// The kind that a function or method of the host answers with.
    pub(crate) fn of_call(name: &str, method: bool) -> Self {
        let kind = if method { HostKind::Method { of: "unit" } } else { HostKind::Function };
        let found = of_kind(kind).find(|host| host.english == name || host.chinese == name);
        match found.map(|host| host.english) {
            Some("indicator" | "min" | "max" | "sum" | "avg") | None => Self::Unknown,
            Some("hours") => Self::Hours,
            Some(_) => found.map_or(Self::Unknown, |host| Self::signed(host.signature)),
        }
    }
}

/// What an expression of a role must give, in Chinese, where this kind plainly does not fit.
pub(crate) fn misfit(role: ExprRole, kind: Kind<'_>) -> Option<&'static str> {
    use ExprRole as R;
    if matches!(kind, Kind::Unknown | Kind::Nil) {
        return None;
    }
    let who = matches!(kind, Kind::Unit | Kind::Assignee | Kind::Who);
    let (fits, wanted) = match role {
        R::Owner
        | R::Reviewer
        | R::Lead
        | R::OpenBy
        | R::Supervision
        | R::Administrator
        | R::RollBy => (who, "单位、岗位或人员"),
        R::With | R::Cases | R::RungTo => {
            (who || kind == Kind::List, "单位、岗位或人员，或它们的列表")
        }
        R::StartBy | R::Due | R::NotBefore | R::ApplyBefore | R::RungAt => {
            (matches!(kind, Kind::Date | Kind::At), "日期或时刻")
        }
        R::When | R::Counts | R::Met => (kind == Kind::Bool, "真假值"),
        R::Grace
        | R::Stall
        | R::ReviewWithin
        | R::ReturnWithin
        | R::ExtensionBy
        | R::RungEvery
        | R::RungFor => (matches!(kind, Kind::Span | Kind::Hours), "时长"),
        R::Axis => (kind == Kind::List, "列表"),
        R::IndicatorValue | R::Target => (matches!(kind, Kind::Int | Kind::Decimal), "数"),
        R::Event => (
            matches!(kind, Kind::Int | Kind::Decimal | Kind::Date | Kind::Text) || who,
            "文字、数、日期、单位或人员",
        ),
        R::NeedWhich => {
            (!matches!(kind, Kind::Bool | Kind::Span | Kind::Hours | Kind::At), "单位或轴的取值")
        }
        R::RungValue => (!matches!(kind, Kind::Item(_) | Kind::Form(_) | Kind::Tasks), "值"),
    };
    (!fits).then_some(wanted)
}
