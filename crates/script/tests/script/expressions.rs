//! Expressions: what they give, in text, and what they say when they cannot.

use crate::support::{eval, value};
use duban_model::Assignee;
use duban_script::Value;

#[track_caller]
fn check(expr: &str, expected: &str) {
    assert_eq!(eval(expr), expected, "\nexpression: {expr}");
}

#[test]
#[rustfmt::skip] // Rows line up.
fn dates_and_spans_add_up() {
    check("due",                                 "2022年7月8日");
    check("due - workdays(10)",                  "2022年6月24日");
    check("due + days(3)",                       "2022年7月11日");
    check("due + hours(5)",                      "2022年7月9日5时00分");
    check("now + hours(-1)",                     "2022年7月15日23时00分");
    check("period.start + workdays(40)",         "2022年3月3日");
    check("period.end - months(1)",              "2022年11月30日");
    check("date(2022, 7, 8) + months(1)",        "2022年8月8日");
    check("date(\"2022-07-08\").weekday",        "5");
    check("workdays(3) + workdays(2)",           "5个工作日");
    check("workdays(3) * 2",                     "6个工作日");
    check("-days(3)",                            "-3天");
    check("due - period.start",                  "188天");
    check("workdays_between(period.start, due)", "128");
    check("is_workday(date(2022, 10, 8))",       "是");
    check("due.date",                            "2022年7月8日");
    check("now.hour",                            "0");
    check("target.end",                          "2022年12月31日");
    check("params.latest",                       "2022年10月31日");
}

#[test]
#[rustfmt::skip] // Rows line up.
fn times_that_cannot_be_counted_say_why() {
    check("period.start + as_it_is(hours(1))",   "错误：日期不能加1小时：小时要从时刻算起，例如 now + hours(24)");
    check("days(1) + workdays(1)",        "错误：1天和1个工作日的单位不同，不能相加减");
    check("days(1) < workdays(1)",        "错误：不能比较1天和1个工作日：单位不同");
    check("date(2022, 2, as_it_is(30))",         "错误：2022年2月30日不是日期");
    check("date(as_it_is(\"明天\"))",              "错误：明天 不是日期；写成 2022-07-08");
    check("now + days(99999)",            "错误：时长太长：99999天");
    check("workdays(9223372036854775807) * 2", "错误：时长太长");
    check("date(2199, 12, 31) + months(20)", "错误：结果超出 1900 年至 2200 年");
    check("date(as_it_is(22), 1, 1)",    "错误：结果超出 1900 年至 2200 年");
    check("date(as_it_is(\"1899-12-31\"))", "错误：结果超出 1900 年至 2200 年");
    check("date(as_it_is(2201), 1, 1)",  "错误：结果超出 1900 年至 2200 年");
    check("days(\"3\")",                  "错误：这里需要整数，写的是文本");
}

#[test]
#[rustfmt::skip] // Rows line up.
fn numbers_are_exact() {
    check("35 / 50 * 100",                       "70");
    check("100 * form.covered / form.total",     "70");
    check("7 / 2",                               "3.5");
    check("7 % 4",                               "3");
    check("2 ** 10",                             "1024");
    check("0.1 + 0.2",                           "0.3");
    check("form.money * 2",                      "2401");
    check("(10 / 3).round(2)",                   "3.33");
    check("1 / 0",                               "错误：除数是零");
    check("1 % 0",                               "错误：除数是零");
    check("9223372036854775807 + 1",             "错误：计算结果过大");
    check("\"第\" + 3 + \"期\"",                 "第3期");
    check("3 + as_it_is(\"期\")",                 "错误：整数 + 文本 没有意义");
    check("\"期\" - as_it_is(\"期\")",             "错误：文本 - 文本 没有意义");
    check("\"期\" * 3",                         "错误：文本 * 整数 没有意义");
    check("1 + as_it_is(task.signed_at)",        "错误：整数 + 空值 没有意义：值还没有填；可用 ?? 给出缺省值，或先判断 == ()");
    check("task.signed_at ?? due",               "2022年7月8日");
    check("2 ** 99",                             "错误：计算结果过大");
    check("-(-9223372036854775807 - 1)",         "错误：整数过大");
}

#[test]
#[rustfmt::skip] // Rows line up.
fn what_compares_and_what_does_not() {
    check("due > now",                           "否");
    check("due <= period.end",                   "是");
    check("due == date(2022, 7, 8)",             "是");
    check("now.date in window",                  "否");
    check("due in period",                       "是");
    check("2 < 2.5",                             "是");
    check("1 == 1.0",                            "是");
    check("\"甲\" == \"甲\"",                    "是");
    check("task.owner == item.body.post(\"书记\")", "是");
    check("unit == org(\"历下区\")",             "是");
    check("reviewer == unit",                    "是");
    check("item.body in unit.children",          "是");
    check("\"甲\" in form.tags",                 "是");
    check("\"丙\" !in form.tags",                "是");
    check("\"研\" in form.topic",                "是");
    check("[1, 2] == [1, 2]",                    "是");
    check("#{a: 1} == #{a: 2}",                  "否");
    check("task.signed_at == ()",                "是");
    check("() != 5",                             "是");
    check("window < window.next",                "是");
    check("true && \"a\" == \"a\"",              "是");
    check("[due, \"a\"] == [due, 3]",            "错误：不能比较文本和整数");
    check("[unit, 3].contains(3)",               "错误：不能比较单位和整数");
    check("params.share > as_it_is(task.title)", "错误：不能比较小数和文本");
    check("task.signed_at < now",                "错误：不能比较空值和时刻：值还没有填；可先判断 == ()");
    check("params.share == as_it_is(unit)",      "错误：不能比较小数和单位");
    check("3 in 5",                              "错误：不能判断整数是否在整数之中");
}

#[test]
#[rustfmt::skip] // Rows line up.
fn units_posts_and_people() {
    check("unit",                                "历下区");
    check("unit.code",                           "370102");
    check("unit.level",                          "district");
    check("unit.superior",                       "济南市");
    check("unit.superior.superior == ()",        "是");
    check("unit.children",                       "解放路街道、千佛山街道");
    check("unit.below(\"community\")",           "后坡社区、官庄村");
    check("unit.below(\"社区\")",                "后坡社区、官庄村");
    check("unit.with(\"street\")",               "历下区、解放路街道、千佛山街道");
    check("unit.streets",                        "解放路街道、千佛山街道");
    check("unit.tags",                           "中心城区");
    check("unit.post(\"书记\")",                 "历下区 书记");
    check("unit.post(\"书记\").superior",        "济南市");
    check("unit.post(\"书记\").post",            "书记");
    check("form.by",                             "王明");
    check("form.by.unit",                        "历下区");
    check("owner.unit",                          "解放路街道");
    check("item.body.is_within(unit)",           "是");
    check("org(\"370102001001\")",               "后坡社区");
    check("org(\"市委组织部\")",                 "市委组织部");
    check("units(\"district\")",                 "历下区、市中区");
    check("units(\"区县\", \"中心城区\")",       "历下区");
    check("districts()",                         "历下区、市中区");
    check("districts(\"中心城区\")",             "历下区");
    check("districts() - [unit]",                "市中区");
    check("[unit] + districts().children",       "错误：列表没有属性 children");
    check("org(\"历下\")",                       "错误：机构名录里没有 历下；是不是 历下区？");
    check("org(\"官庄村\")", "错误：有 2 个单位叫 官庄村，请写代码：370103001（市中区）、370102002001（千佛山街道）");
    check("unit.post(\"局长\")",                 "错误：历下区没有岗位 局长；有：书记、组织部长");
    check("unit.below(\"乡\")",                  "错误：没有层级 乡");
    check("units(\"distrct\")",                  "错误：没有层级 distrct；是不是 district？");
}

#[test]
#[rustfmt::skip] // Rows line up.
fn forms_hold_what_their_fields_declare() {
    check("form.held_on + days(1)",              "2022年5月5日");
    check("form.held_on in window",              "是");
    check("form.covered + 1",                    "36");
    check("form.share * 100",                    "70");
    check("form.where.superior",                 "济南市");
    check("form.done",                           "是");
    check("form.tags.len()",                     "2");
    check("form.rows[1].count",                  "4");
    check("sum(form.rows.map(|row| row.count))", "7");
    check("case.form.received",                  "2022年1月4日");
    check("case.vars.seen",                      "3");
    check("case.vars.other == ()",               "是");
    check("tasks.list.form.covered",             "9");
    check("tasks[\"list\"].form.covered",        "9");
    check("tasks.list.all.len()",                "2");
    check("sum(tasks.list.all.map(|it| it.form.covered))", "14");
    check("tasks.list.all.filter(|it| it.form.covered < form.covered).len()", "2");
    check("tasks[\"m02/setup\"].form.count",     "12");
    check("tasks[\"m02/setup\"].form.held_on",   "2022年5月4日");
    check("tasks[\"m02/other\"] == ()",          "是");
    check("tasks.list.all[1].item.row.name",     "一期");
    check("tasks.list.all[1].item.row.nme",      "错误：映射里没有键 nme");
    check("tasks.list.all[1].item.rwo",          "错误：条目没有轴 rwo；是不是 row？");
    check("indicator(\"list\")",                 "9");
    check("form.rows[0].cout",                   "错误：映射里没有键 cout");
    check("form.rows[9].count",                  "错误：列表有 2 个元素，取不到第 9 个（从 0 数起）");
    check("task.all[0].form.typo",               "错误：表单没有字段 typo");
    check("tasks[\"m02/setup\"].from",           "错误：其他事项的任务只能读 .form，没有 from");
    check("params.limits.dys",                   "错误：映射里没有键 dys");
}

#[test]
#[rustfmt::skip] // Rows line up.
fn tasks_tell_how_they_stand() {
    check("task",                                "专题研究城市基层党建工作");
    check("task.status",                         "active");
    check("task.overdue_workdays",               "3");
    check("overdue_workdays",                    "3");
    check("task.remaining_workdays",             "0");
    check("task.progress - task.planned",        "-20");
    check("task.stalled",                        "是");
    check("task.item.list",                      "资源");
    check("history(\"remind\").len()",           "2");
    check("history(\"催办\")",                   "2022年6月24日、2022年7月5日");
    check("interview == ()",                     "是");
    check("rung == ()",                          "是");
    check("window.name",                         "2022年上半年");
    check("window.next.key",                     "2022-H2");
    check("lead",                                "市委组织部");
    check("with",                                "市中区");
    check("case.with",                           "市中区");
    let text = value("`${item.list}：${task.due}`");
    assert_eq!(text, Ok(Value::Text("资源：2022年7月8日".to_owned())));
}

#[test]
#[rustfmt::skip] // Rows line up.
fn lists_are_summed_up() {
    check("min(due, now)",                       "2022年7月8日");
    check("max(due, period.end)",                "2022年12月31日");
    check("min([3, 1.5, 2])",                    "1.5");
    check("max(1, 2, 3, 4)",                     "4");
    check("sum([1, 2.5])",                       "3.5");
    check("avg([1, 2])",                         "1.5");
    check("avg([]) == ()",                       "是");
    check("count(unit.children)",                "2");
    check("[3, 1, 2].filter(|x| x > 1)",         "3、2");
    check("sum([1, \"二\"])",                    "错误：列表里有文本，不能合计");
    check("sum(5)",                              "错误：sum(…) 需要列表，写的是整数");
    check("min(1, \"一\")",                      "错误：不能比较文本和整数");
}

#[test]
#[rustfmt::skip] // Rows line up.
fn clerks_may_write_chinese() {
    check("期限 - 工作日(10)",                   "2022年6月24日");
    check("任务.标题",                           "专题研究城市基层党建工作");
    check("承办.上级",                           "历下区");
    check("单位.街道",                           "解放路街道、千佛山街道");
    check("逾期工作日 > 2",                      "是");
    check("单位.岗位(\"书记\")",                 "历下区 书记");
    check("单位.及下辖(\"街道\")",               "历下区、解放路街道、千佛山街道");
    check("期间.结束",                           "2022年12月31日");
    check("各任务.list.表单.covered",            "9");
    check("事项.标题",                           "试验措施");
    check("机构(\"市中区\").名称",               "市中区");
    check("最大(日期(2022, 1, 1), 期间.开始)",   "2022年1月1日");
    check("工作日数(期间.开始, 期限)",           "128");
}

#[test]
fn values_leave_the_sandbox_typed() {
    assert_eq!(value("due"), Ok(Value::At(crate::support::end("2022-07-08"))));
    assert_eq!(value("period.end"), Ok(Value::Date(crate::support::date("2022-12-31"))));
    assert_eq!(value("unit"), Ok(Value::Unit("370102".into())));
    let secretary = Assignee::Post("370102".into(), "书记".into());
    assert_eq!(value("unit.post(\"书记\")"), Ok(Value::Assignee(secretary)));
    assert_eq!(value("[1, ()]"), Ok(Value::List(vec![Value::Int(1), Value::Nil])));
    assert_eq!(value("task").map_err(|it| it.contains("got 任务")), Err(true));
}

#[test]
fn multi_line_expressions_may_branch() {
    check("if form.covered > 30 { due } else { now }", "2022年7月8日");
    assert_eq!(
        value("{ let x = 3; x += 2; x /= 2; x }"),
        Ok(Value::Decimal("2.5".parse().unwrap()))
    );
}
