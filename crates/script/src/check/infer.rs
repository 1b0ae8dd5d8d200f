//! The kinds of values, followed through chains; what a chain names and does not exist.

use std::collections::BTreeSet;

use rhai::{Expr as Code, FnCallExpr, Position, Token};

use super::Checker;
use crate::chain::{Chain, Link};
use crate::kind::Kind;
use crate::names::{HostKind, of_kind};
use crate::sandbox::variable_named;

/// The most names that a remedy lists.
const LISTED_MAX: usize = 12;

/// The remedy where no name is near: those that there are, and what to do besides.
pub(super) fn listed<'a>(
    what: &str,
    names: impl Iterator<Item = &'a str>,
    besides: &str,
) -> String {
    let mut names: Vec<&str> = names.collect();
    names.dedup();
    let more = if names.len() > LISTED_MAX { "等" } else { "" };
    names.truncate(LISTED_MAX);
    if names.is_empty() {
        return format!("这里没有{what}；{besides}");
    }
    format!("可用的{what}：{}{more}；{besides}", names.join("、"))
}

impl<'d> Checker<'d> {
    /// The kind of an expression.
    pub(super) fn kind(&mut self, expr: &Code) -> Kind<'d> {
        match expr {
            Code::BoolConstant(..) | Code::And(..) | Code::Or(..) => Kind::Bool,
            Code::IntegerConstant(..) => Kind::Int,
            Code::StringConstant(..) | Code::CharConstant(..) | Code::InterpolatedString(..) => {
                Kind::Text
            }
            Code::DynamicConstant(value, _) if value.as_decimal().is_ok() => Kind::Decimal,
            Code::Array(..) => Kind::List,
            Code::Map(..) => Kind::Map,
            Code::Unit(_) => Kind::Nil,
            Code::Variable(variable, ..) if self.is_local(expr) => {
                let parameter = variable_named(&variable.1).filter(|_| self.receives_task);
                match parameter {
                    Some("task") => Kind::Item(None),
                    Some("rung") => Kind::Rung,
                    _ => Kind::Unknown,
                }
            }
            Code::Variable(variable, ..) => self.variable_kind(&variable.1),
            Code::FnCall(call, _) => self.call_kind(call),
            Code::Dot(..) | Code::Index(..) => self.chain(&Chain::of(expr), false),
            _ => Kind::Unknown,
        }
    }

    fn variable_kind(&self, name: &str) -> Kind<'d> {
        let Some(english) = variable_named(name) else { return Kind::Unknown };
        match english {
            "task" => Kind::Item(self.task),
            "item" => Kind::Axes(self.task),
            "form" => Kind::Form(self.task.map(|task| task.form.as_slice())),
            "tasks" => Kind::Tasks,
            "case" => Kind::Case,
            "params" => Kind::Params,
            "interview" => Kind::Item(None),
            "rung" => Kind::Rung,
            _ => {
                let mut variables = of_kind(HostKind::Variable);
                let found = variables.find(|host| host.english == english);
                found.map_or(Kind::Unknown, |host| Kind::signed(host.signature))
            }
        }
    }

    pub(super) fn call_kind(&mut self, call: &FnCallExpr) -> Kind<'d> {
        let Some(token) = &call.op_token else {
            let own = self.known.in_scripts(&call.name);
            return if own { Kind::Unknown } else { Kind::of_call(&call.name, false) };
        };
        let mut kinds = call.args.iter().map(|operand| self.kind(operand));
        match (token, kinds.next(), kinds.next()) {
            (Token::Plus, Some(Kind::Text), _) => Kind::Text,
            (
                Token::Plus | Token::Minus,
                Some(kind @ (Kind::Date | Kind::At)),
                Some(Kind::Span | Kind::Hours),
            ) => kind,
            (Token::Plus | Token::Minus, Some(Kind::List), _) => Kind::List,
            (Token::Minus, Some(Kind::Date | Kind::At), Some(Kind::Date | Kind::At)) => Kind::Span,
            (
                Token::Plus | Token::Minus,
                Some(kind @ (Kind::Span | Kind::Hours)),
                Some(Kind::Span | Kind::Hours),
            )
            | (Token::Multiply, Some(kind @ (Kind::Span | Kind::Hours)), Some(Kind::Int))
            | (Token::Multiply, Some(Kind::Int), Some(kind @ (Kind::Span | Kind::Hours))) => kind,
            (Token::Plus | Token::Minus | Token::Multiply, Some(Kind::Int), Some(Kind::Int)) => {
                Kind::Int
            }
            (
                Token::Plus | Token::Minus | Token::Multiply | Token::Divide,
                Some(Kind::Int | Kind::Decimal),
                Some(Kind::Int | Kind::Decimal),
            ) => Kind::Decimal,
            (
                Token::Minus | Token::UnaryMinus,
                Some(kind @ (Kind::Int | Kind::Decimal | Kind::Span | Kind::Hours)),
                None,
            ) => kind,
            (Token::UnaryMinus, ..) => Kind::Unknown,
            (Token::Plus | Token::Minus | Token::Multiply | Token::Divide | Token::Modulo, ..) => {
                Kind::Unknown
            }
            (Token::PowerOf, ..) => Kind::Unknown,
            // Comparisons, `in`, `!`.
            _ => Kind::Bool,
        }
    }

    /// Follows a chain of properties, methods and indexes; with `note`, reports what is unknown.
    pub(super) fn chain(&mut self, chain: &Chain<'_>, note: bool) -> Kind<'d> {
        let mut kind = self.kind(chain.root);
        for link in &chain.links {
            kind = match link {
                Link::Property(name, position) => self.property(kind, name, *position, note),
                Link::Method(call) => match kind {
                    Kind::Unit | Kind::Assignee | Kind::Who => Kind::of_call(&call.name, true),
                    _ => Kind::Unknown,
                },
                Link::Index(Code::StringConstant(name, position)) => match kind {
                    Kind::Tasks | Kind::Axes(_) | Kind::Form(_) | Kind::Params => {
                        self.property(kind, name, *position, note)
                    }
                    _ => Kind::Unknown,
                },
                Link::Index(_) => Kind::Unknown,
            };
            if chain.optional && kind == Kind::Nil {
                return Kind::Unknown;
            }
        }
        kind
    }

    fn property(&mut self, kind: Kind<'d>, name: &str, position: Position, note: bool) -> Kind<'d> {
        let before = self.found.len();
        let kind = self.property_of(kind, name, position);
        if !note {
            self.found.truncate(before);
        }
        kind
    }

    fn property_of(&mut self, kind: Kind<'d>, name: &str, position: Position) -> Kind<'d> {
        let length = name.chars().count();
        match kind {
            Kind::Tasks if name.contains('/') => {
                self.task_named(name, position);
                Kind::Foreign
            }
            Kind::Tasks => Kind::Item(self.task_named(name, position)),
            Kind::Form(Some(fields)) => {
                let found = fields.iter().find(|field| field.name == name);
                if found.is_none() {
                    let known = fields.iter().map(|field| field.name.as_str());
                    let help = Self::suggested(name, known);
                    self.problem("DB1506", position, length, format!("表单没有字段 {name}"), help);
                }
                found.map_or(Kind::Unknown, Kind::of_field)
            }
            Kind::Axes(Some(task)) => {
                if !task.each.iter().any(|axis| axis.name == name) {
                    let axes = || task.each.iter().map(|axis| &*axis.name);
                    let help = Self::suggested(name, axes())
                        .unwrap_or_else(|| listed("轴", axes(), "在 each 里加上这个轴"));
                    self.problem(
                        "DB1511",
                        position,
                        length,
                        format!("条目没有轴 {name}"),
                        Some(help),
                    );
                }
                Kind::Unknown
            }
            Kind::Params => {
                let (suite, own) =
                    (&self.definition.suite.params, &self.definition.workflow.params);
                let found = own.get(name).or_else(|| suite.get(name));
                if found.is_none() {
                    let known: BTreeSet<&str> =
                        suite.keys().chain(own.keys()).map(String::as_str).collect();
                    let known = || known.iter().copied();
                    let help = Self::suggested(name, known())
                        .unwrap_or_else(|| listed("参数", known(), "在 params 里加上"));
                    self.problem(
                        "DB1512",
                        position,
                        length,
                        format!("参数里没有 {name}"),
                        Some(help),
                    );
                }
                found.map_or(Kind::Unknown, Kind::of_data)
            }
            kind if kind.properties().is_empty() => Kind::Unknown,
            kind => self.host_property(kind, name, position),
        }
    }

    fn host_property(&mut self, kind: Kind<'d>, name: &str, position: Position) -> Kind<'d> {
        let properties = || {
            let types = kind.properties().iter();
            types.flat_map(|of| of_kind(HostKind::Property { of }))
        };
        let Some(found) = properties().find(|host| host.english == name || host.chinese == name)
        else {
            let known = properties().flat_map(|host| [host.english, host.chinese]);
            let help = Self::suggested(name, known).unwrap_or_else(|| {
                listed("属性", properties().map(|host| host.english), "改用其中一个")
            });
            let message = format!("{}没有属性 {name}", kind.name());
            self.problem("DB1510", position, name.chars().count(), message, Some(help));
            return Kind::Unknown;
        };
        match (kind, found.english) {
            (Kind::Item(task), "form") => Kind::Form(task.map(|task| task.form.as_slice())),
            (Kind::Item(task), "item") => Kind::Axes(task),
            (Kind::Case, "form") => {
                let open = self.definition.workflow.open.as_ref();
                Kind::Form(open.map(|open| open.form.as_slice()))
            }
            // A person's unit or superior, or a root's, may be missing.
            (_, _) => Kind::signed(found.signature),
        }
    }
}
