//! Spans that can only fail: made of what is no whole number, or too long to be counted.

use duban_calendar::SPAN_UNITS_MAX;
use duban_model::{Place, Problem};
use rhai::{Expr as Code, FnCallExpr, Token};

use super::Checker;
use crate::kind::Kind;
use crate::names::{HostKind, english};

impl Checker<'_> {
    /// Notes `workdays(3.5)` and `days("3")`: spans are made of whole numbers.
    pub(super) fn span(&mut self, call: &FnCallExpr) {
        let (Some(name), [units]) = (maker(call), call.args.as_slice()) else { return };
        let kind = self.kind(units);
        let fits = match kind {
            Kind::Int | Kind::Unknown => true,
            Kind::Nil | Kind::List | Kind::Map => false,
            _ => kind.class().is_none(),
        };
        if fits {
            return;
        }
        let message = format!("{name} 要整数，写的是{}", kind.name());
        let help = match kind {
            Kind::Decimal => format!("写整数，例如 {name}(4)；小数先取整：x.round().to_int()"),
            Kind::Text => format!("数字不加引号，写成 {name}(3)"),
            _ => format!("写成 {name}(3)"),
        };
        let problem = Problem::error("DB1521", &Place::default(), message).with_help(help);
        self.doubt(units.start_position(), 0, problem);
    }

    /// Notes `due + days(99999)`: no date is so far away.
    pub(super) fn countable(&mut self, token: &Token, left: Kind<'_>, right: &Code) {
        let (Token::Plus | Token::Minus, Kind::Date | Kind::At, Code::FnCall(call, position)) =
            (token, left, right)
        else {
            return;
        };
        let (Some(name), [Code::IntegerConstant(units, _)]) = (maker(call), call.args.as_slice())
        else {
            return;
        };
        if units.unsigned_abs() > SPAN_UNITS_MAX.unsigned_abs() {
            let message = format!("时长 {name}({units}) 太长，推算不出日期");
            let help = format!("时长至多 {SPAN_UNITS_MAX}；用更大的单位，例如 months(6)");
            let problem = Problem::error("DB1521", &Place::default(), message).with_help(help);
            self.doubt(*position, call.name.chars().count(), problem);
        }
    }
}

/// The English name of a function that makes spans.
fn maker(call: &FnCallExpr) -> Option<&'static str> {
    let name = english(HostKind::Function, &call.name)?;
    matches!(name, "days" | "workdays" | "months" | "hours").then_some(name)
}
