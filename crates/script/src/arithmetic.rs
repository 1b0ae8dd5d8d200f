//! `+ - * / % **`: dates and spans, exact numbers, texts and lists.
//!
//! Whole numbers divided give a decimal, overflow and division by zero are errors, and adding a
//! bare number to a date names the function that was meant.

use duban_calendar::{CalendarError, Date, Instant, Span};
use rhai::{Array, Dynamic};
use rust_decimal::Decimal;

use crate::compare::contains;
use crate::frame::{Fallible, Frame, fail};
use crate::object::View;
use crate::text;

/// What is said of a date beyond the years that a calendar knows.
pub(crate) const BEYOND: &str = "结果超出 1900 年至 2200 年";

/// The arithmetic operators.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Operator {
    Add,
    Sub,
    Mul,
    Div,
    Rem,
    Pow,
}

impl Operator {
    pub(crate) const ALL: [Self; 6] =
        [Self::Add, Self::Sub, Self::Mul, Self::Div, Self::Rem, Self::Pow];

    pub(crate) const fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
            Self::Rem => "%",
            Self::Pow => "**",
        }
    }

    pub(crate) const fn assignment(self) -> &'static str {
        match self {
            Self::Add => "+=",
            Self::Sub => "-=",
            Self::Mul => "*=",
            Self::Div => "/=",
            Self::Rem => "%=",
            Self::Pow => "**=",
        }
    }
}

/// Calculates `left operator right`.
pub(crate) fn calculate(
    frame: &Frame,
    operator: Operator,
    left: &Dynamic,
    right: &Dynamic,
) -> Fallible {
    use Operator::{Add, Mul, Sub};
    let (a, b) = (View::of(left), View::of(right));
    match (operator, &a, &b) {
        (_, View::Int(a), View::Int(b)) => integers(operator, *a, *b),
        (_, View::Int(a), View::Decimal(b)) => decimals(operator, Decimal::from(*a), *b),
        (_, View::Decimal(a), View::Int(b)) => decimals(operator, *a, Decimal::from(*b)),
        (_, View::Decimal(a), View::Decimal(b)) => decimals(operator, *a, *b),
        (Add, View::At(at), View::Span(span)) => later(frame, *at, *span).map(Dynamic::from),
        (Sub, View::At(at), View::Span(span)) => {
            later(frame, *at, span.negate()).map(Dynamic::from)
        }
        (Add, View::Date(date), View::Span(span)) => day_later(frame, *date, *span),
        (Sub, View::Date(date), View::Span(span)) => day_later(frame, *date, span.negate()),
        (Sub, View::Date(_) | View::At(_), View::Date(_) | View::At(_)) => {
            Ok(Dynamic::from(between(frame, &a, &b)))
        }
        (Add | Sub, View::Span(a), View::Span(b)) => spans(operator, *a, *b),
        (Mul, View::Span(span), View::Int(times)) | (Mul, View::Int(times), View::Span(span)) => {
            scaled(*span, *times)
        }
        (Add, View::Text(text), other) if !matches!(other, View::Nil) => {
            Ok(format!("{text}{}", text::any(frame, right)).into())
        }
        (Add, View::List, _) => Ok(joined(left, right, matches!(b, View::List))),
        (Sub, View::List, View::List) => without(frame, left, right),
        (Add, View::Map, View::Map) => mixed(left, right),
        _ => Err(refused(operator, &a, &b)),
    }
}

/// `-x`.
pub(crate) fn negate(value: &Dynamic) -> Fallible {
    match View::of(value) {
        View::Int(number) => number.checked_neg().map(Into::into).ok_or_else(|| fail("整数过大")),
        View::Decimal(number) => Ok(Dynamic::from_decimal(-number)),
        View::Span(span) => Ok(Dynamic::from(span.negate())),
        other => Err(fail(format!("{}不能取负", other.name()))),
    }
}

/// An instant moved by a span; days end at their end.
pub(crate) fn later(frame: &Frame, at: Instant, span: Span) -> Fallible<Instant> {
    let moved = frame.calendar().add_instant(at, span, frame.tz());
    moved.map(|(at, _)| at).map_err(|error| fail(calendar_error(&error)))
}

fn day_later(frame: &Frame, date: Date, span: Span) -> Fallible {
    let moved = frame.calendar().add(date, span);
    moved.map(|found| Dynamic::from(found.date)).map_err(|error| fail(calendar_error(&error)))
}

fn calendar_error(error: &CalendarError) -> String {
    match error {
        CalendarError::HoursNeedInstant { span } => {
            format!("日期不能加{}：小时要从时刻算起，例如 now + hours(24)", span.zh())
        }
        CalendarError::SpanTooLong { span } => format!("时长太长：{}", span.zh()),
        CalendarError::ResultOutOfBounds { .. } | CalendarError::DateOutOfBounds { .. } => {
            BEYOND.to_owned()
        }
        other => other.to_string(),
    }
}

fn between(frame: &Frame, left: &View, right: &View) -> Span {
    let date = |view: &View| match view {
        View::Date(date) => *date,
        View::At(at) => frame.date_of(*at),
        _ => Date::MIN,
    };
    Span::Days((date(left) - date(right)).num_days())
}

fn integers(operator: Operator, a: i64, b: i64) -> Fallible {
    let found = match operator {
        Operator::Add => a.checked_add(b),
        Operator::Sub => a.checked_sub(b),
        Operator::Mul => a.checked_mul(b),
        Operator::Div => return decimals(operator, a.into(), b.into()),
        Operator::Rem if b == 0 => return Err(fail("除数是零")),
        Operator::Rem => a.checked_rem(b),
        Operator::Pow => u32::try_from(b).ok().and_then(|b| a.checked_pow(b)),
    };
    found.map(Into::into).ok_or_else(|| fail("计算结果过大"))
}

fn decimals(operator: Operator, a: Decimal, b: Decimal) -> Fallible {
    let zero = b.is_zero() && matches!(operator, Operator::Div | Operator::Rem);
    if zero {
        return Err(fail("除数是零"));
    }
    let found = match operator {
        Operator::Add => a.checked_add(b),
        Operator::Sub => a.checked_sub(b),
        Operator::Mul => a.checked_mul(b),
        Operator::Div => a.checked_div(b).map(|found| found.normalize()),
        Operator::Rem => a.checked_rem(b),
        Operator::Pow => return Err(fail("小数不能乘方")),
    };
    found.map(Dynamic::from_decimal).ok_or_else(|| fail("计算结果过大"))
}

fn spans(operator: Operator, a: Span, b: Span) -> Fallible {
    let b = if operator == Operator::Sub { b.negate() } else { b };
    let found = match (a, b) {
        (Span::Workdays(a), Span::Workdays(b)) => a.checked_add(b).map(Span::Workdays),
        (Span::Days(a), Span::Days(b)) => a.checked_add(b).map(Span::Days),
        (Span::Months(a), Span::Months(b)) => a.checked_add(b).map(Span::Months),
        (Span::Hours(a), Span::Hours(b)) => a.checked_add(b).map(Span::Hours),
        _ => return Err(fail(format!("{}和{}的单位不同，不能相加减", a.zh(), b.zh()))),
    };
    found.map(Dynamic::from).ok_or_else(|| fail("时长太长"))
}

fn scaled(span: Span, times: i64) -> Fallible {
    let units = span.units().checked_mul(times).ok_or_else(|| fail("时长太长"))?;
    Ok(Dynamic::from(match span {
        Span::Workdays(_) => Span::Workdays(units),
        Span::Days(_) => Span::Days(units),
        Span::Months(_) => Span::Months(units),
        Span::Hours(_) => Span::Hours(units),
    }))
}

fn elements(value: &Dynamic) -> Array {
    value.as_array_ref().map(|values| values.clone()).unwrap_or_default()
}

fn joined(left: &Dynamic, right: &Dynamic, both: bool) -> Dynamic {
    let mut values = elements(left);
    if both {
        values.extend(elements(right));
    } else {
        values.push(right.clone());
    }
    values.into()
}

fn without(frame: &Frame, left: &Dynamic, right: &Dynamic) -> Fallible {
    let mut kept = Array::new();
    for value in elements(left) {
        if !contains(frame, right, &value)? {
            kept.push(value);
        }
    }
    Ok(kept.into())
}

fn mixed(left: &Dynamic, right: &Dynamic) -> Fallible {
    let (Ok(left), Ok(right)) = (left.as_map_ref(), right.as_map_ref()) else {
        return Err(fail("映射不可读"));
    };
    let mut all = left.clone();
    all.extend(right.iter().map(|(name, value)| (name.clone(), value.clone())));
    Ok(all.into())
}

fn refused(operator: Operator, left: &View, right: &View) -> Box<rhai::EvalAltResult> {
    let symbol = operator.symbol();
    let message = format!("{} {symbol} {} 没有意义", left.name(), right.name());
    fail(match (operator, left, right) {
        (Operator::Add | Operator::Sub, View::Date(_) | View::At(_), View::Int(n)) => format!(
            "{}不能直接{symbol}{n}：按自然日写 {symbol} days({n})，按工作日写 {symbol} workdays({n})",
            left.name()
        ),
        (_, View::Nil, _) | (_, _, View::Nil) => {
            format!("{message}：值还没有填；可用 ?? 给出缺省值，或先判断 == ()")
        }
        _ => message,
    })
}
