//! Expressions: what they give, in text, and what they say when they cannot.

use crate::support::eval;

#[track_caller]
fn check(expr: &str, expected: &str) {
    assert_eq!(eval(expr), expected, "\nexpression: {expr}");
}

#[test]
#[rustfmt::skip] // Rows line up.
fn dates_and_spans_add_up() {
    check("due",                                "2022年7月8日");
    check("due - workdays(10)",                 "2022年6月24日");
    check("due + days(3)",                      "2022年7月11日");
    check("due + hours(5)",                     "2022年7月9日05时00分");
    check("period.start + workdays(40)",        "2022年3月3日");
    check("period.end - months(1)",             "2022年11月30日");
    check("date(2022, 7, 8) + months(1)",       "2022年8月8日");
    check("date(\"2022-07-08\").weekday",       "5");
    check("workdays(3) + workdays(2)",          "5个工作日");
    check("workdays(3) * 2",                    "6个工作日");
    check("-days(3)",                           "-3天");
    check("due - period.start",                 "188天");
    check("workdays_between(period.start, due)", "123");
    check("is_workday(date(2022, 10, 8))",      "是");
}
