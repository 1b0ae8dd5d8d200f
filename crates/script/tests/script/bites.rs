//! Where rhai bites: one test for each bite that `docs/language.md` names.

use crate::support::{compile, eval, eval_with, render};

#[test]
fn a_misspelt_map_key_is_an_error_and_not_empty() {
    assert_eq!(eval("#{ count: 1 }.cuont"), "错误：映射里没有键 cuont");
    assert_eq!(eval("params.limits.dyas"), "错误：映射里没有键 dyas");
}

#[test]
fn nothing_compared_with_a_number_is_an_error_and_not_false() {
    let expected = "错误：不能比较空值和整数：值还没有填；可先判断 == ()";
    assert_eq!(eval("() >= 70"), expected);
    assert_eq!(eval("task.signed_at == ()"), "是");
}

#[test]
fn a_text_compared_with_a_number_is_an_error_and_not_false() {
    assert_eq!(eval("\"七十\" >= 70"), "DB1515 不能比较文本和整数");
    assert_eq!(eval("params.four_lists[0] >= 70"), "错误：不能比较文本和整数");
}

#[test]
fn whole_numbers_divided_give_a_decimal() {
    assert_eq!(eval("35/50*100"), "70");
    assert_eq!(eval_with("rate()", "fn rate() { let x = 35; x /= 50; x * 100 }"), "70");
}

#[test]
fn an_undeclared_form_field_is_found_at_load() {
    let found = compile("form.coverd > 3", "").map(drop).map_err(|it| render(&it));
    assert_eq!(found, Err("DB1506 表单没有字段 coverd（是不是 covered？）".to_owned()));
}

#[test]
fn lists_can_be_summed_up() {
    assert_eq!(eval("[sum([1, 2]), min([1, 2]), max([1, 2]), avg([1, 2])]"), "3、1、2、1.5");
}

#[test]
fn reserved_words_are_ordinary_names() {
    assert_eq!(eval("case.title"), "试验措施");
    assert_eq!(eval("unit.with(\"street\").len()"), "3");
    assert_eq!(eval("#{ default: 1, new: 2, use: 3, match: 4, with: 5 }.match"), "4");
    assert_eq!(eval_with("f()", "fn f() { let default = 3; default }"), "3");
}

#[test]
fn the_scene_is_seen_inside_functions() {
    assert_eq!(
        eval_with("f()", "fn f() { `${case.title} ${unit} ${now}` }"),
        "试验措施 历下区 2022年7月15日"
    );
    let nested = "fn f() { [1].map(|x| due + days(x)) }";
    assert_eq!(eval_with("f()", nested), "2022年7月9日");
    assert_eq!(eval_with("f(5)", "fn f(due) { due }"), "5", "a parameter hides the host's name");
    let captured = "fn f(due) { [1].map(|x| due + x) }";
    assert_eq!(eval_with("f(5)", captured), "6", "also inside closures");
    assert_eq!(eval_with("f()", "fn f() { let unit = 5; unit }"), "5");
}

#[test]
fn a_number_added_to_a_date_names_the_function_that_was_meant() {
    let help = "按自然日写 days(1)，按工作日写 workdays(1)";
    assert_eq!(eval("due + 1"), format!("DB1515 时刻不能直接加减整数（{help}）"));
    let hooks = "fn later(x) { x + 1 }";
    assert_eq!(
        eval_with("later(period.end)", hooks),
        "错误：日期不能直接+1：按自然日写 + days(1)，按工作日写 + workdays(1)"
    );
}

#[test]
fn full_width_punctuation_is_shown_in_half_width() {
    let found = compile("true", "fn f() {\n  约谈（#{ 事由： “一” }）;\n}").map(drop);
    let expected = "DB1501 脚本里有全角标点 （（改为半角：约谈(#{ 事由: \"一\" });）";
    assert_eq!(found.map_err(|it| render(&it)), Err(expected.to_owned()));
}

#[test]
fn the_scene_cannot_be_written() {
    assert!(eval_with("f()", "fn f() { due = now; due }").contains("不能赋值"));
    let found = eval_with("f()", "fn f() { task.due = now; }");
    assert_eq!(found, "错误：任务的 due 只可读，不能赋值");
}
