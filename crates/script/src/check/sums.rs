//! Comparisons and sums that can only fail.

use rhai::{FnCallExpr, Position, Token};

use super::Checker;
use crate::kind::{Class, Kind};

impl Checker<'_> {
    /// Notes a comparison, sum or difference of kinds that do not go together.
    pub(super) fn operator(&mut self, call: &FnCallExpr, position: Position) {
        let (Some(token), [left, right]) = (&call.op_token, call.args.as_slice()) else { return };
        let whole = right;
        let (left, right) = (self.kind(left), self.kind(right));
        self.countable(token, left, whole);
        let Some((message, help)) = misfit(token, left, right) else { return };
        self.problem("DB1515", position, 0, message, help);
    }
}

/// What is wrong, and the remedy where there is one.
fn misfit(token: &Token, left: Kind<'_>, right: Kind<'_>) -> Option<(String, Option<String>)> {
    use Token::{
        EqualsTo, GreaterThan, GreaterThanEqualsTo, LessThan, LessThanEqualsTo, Minus, NotEqualsTo,
        Plus,
    };
    match token {
        EqualsTo | NotEqualsTo | LessThan | LessThanEqualsTo | GreaterThan
        | GreaterThanEqualsTo => {
            let different = left.class()? != right.class()?;
            let message = || format!("不能比较{}和{}", left.name(), right.name());
            different.then(|| (message(), None))
        }
        Plus | Minus => sum(matches!(token, Plus), left, right),
        _ => None,
    }
}

fn sum(plus: bool, left: Kind<'_>, right: Kind<'_>) -> Option<(String, Option<String>)> {
    let (a, b) = (left.class()?, right.class()?);
    let sign = if plus { "加" } else { "减" };
    let told = |help: &str| {
        let help = Some(help).filter(|help| !help.is_empty()).map(str::to_owned);
        Some((format!("{}不能{sign}{}", left.name(), right.name()), help))
    };
    match (a, b) {
        (Class::Time, Class::Number) => {
            let message = format!("{}不能直接加减{}", left.name(), right.name());
            Some((message, Some("按自然日写 days(1)，按工作日写 workdays(1)".to_owned())))
        }
        (Class::Time, Class::Span) if left == Kind::Date && right == Kind::Hours => {
            let message = format!("日期不能{sign}小时");
            Some((
                message,
                Some("小时从时刻算起，例如 now + hours(24)；日期加 days 或 workdays".to_owned()),
            ))
        }
        (Class::Time | Class::Span, Class::Span) | (Class::Number, Class::Number) => None,
        (Class::Time, Class::Time) if !plus => None,
        (Class::Text, _) if plus => None,
        (Class::Span, Class::Time) if plus => told("时长写在后面：2026-12-20 + workdays(3)"),
        (Class::Window, Class::Span) => told("写成 period.start 或 period.end"),
        (Class::Number, Class::Span) => told("从日期算起，例如 2026-12-20 + workdays(3)"),
        _ => told(""),
    }
}
