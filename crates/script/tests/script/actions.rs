//! Actions: both ways of writing them, and what is refused.

use duban_calendar::Span;
use duban_model::Assignee;
use duban_script::{Action, Limits, Program, ScriptError, SlipColour};

use crate::support::{definition, end, rung, scene};

/// Calls `act` of these scripts for the item in hand.
fn call(body: &str, by_time: bool) -> Result<Vec<Action>, String> {
    let hooks = format!("fn act(task) {{ {body} }}");
    let definition = definition("true", &hooks);
    let program = Program::compile(definition.clone(), Limits::default())
        .map_err(|problems| crate::support::render(&problems))?;
    let mut scene = scene(&definition);
    scene.by_time = by_time;
    program.call("act", &scene, None).map_err(|error| match error {
        ScriptError::Failed { message, .. } => message,
        other => other.to_string(),
    })
}

/// What a body asks for, as text.
#[track_caller]
fn check(body: &str, expected: &str) {
    let found = match call(body, false) {
        Ok(actions) => {
            let texts = actions.iter().map(|action| serde_json::to_string(action).unwrap());
            texts.collect::<Vec<_>>().join("\n").replace('"', "'")
        }
        Err(message) => format!("错误：{message}"),
    };
    assert_eq!(found, expected, "\nbody: {body}");
}

#[test]
#[rustfmt::skip] // Rows line up.
fn every_action_takes_a_map_or_positions() {
    check("remind(#{ to: owner, text: \"请办理\" })", "{'remind':{'to':['post:370102001/书记'],'text':'请办理'}}");
    check("remind([owner, owner.superior])",    "{'remind':{'to':['post:370102001/书记','unit:370102'],'text':null}}");
    check("remind(task.owner, \"请办理\")",     "{'remind':{'to':['post:370102001/书记'],'text':'请办理'}}");
    check("slip(\"red\", unit)",                "{'slip':{'colour':'red','to':['unit:370102'],'text':null}}");
    check("督办单(#{ 颜色: \"黄\", 对象: 承办 })", "{'slip':{'colour':'yellow','to':['post:370102001/书记'],'text':null}}");
    check("notice(unit, \"通报\")",             "{'notice':{'to':['unit:370102'],'text':'通报'}}");
    check("refer(\"拒不整改\")",                "{'refer':{'to':null,'why':'拒不整改'}}");
    check("refer(lead, \"拒不整改\")",          "{'refer':{'to':'unit:370100-zzb','why':'拒不整改'}}");
    check("open_task(#{ title: \"补课\", owner: unit })", "{'open_task':{'title':'补课','owner':'unit:370102','reviewer':null,'due':null,'ladder':null,'why':null}}");
    check("open_case(\"m02\", unit, #{ n: 1 })", "{'open_case':{'workflow':'m02','unit':'370102','form':{'n':1}}}");
    check("assign(unit.post(\"书记\"), \"调整\")", "{'assign':{'to':'post:370102/书记','why':'调整'}}");
    check("cancel(\"重复\")",                   "{'cancel':{'why':'重复'}}");
    check("set(\"seen\", due)",                 "{'set':{'name':'seen','value':'2022-07-08T16:00:00Z'}}");
    check("score(task.unit, -2, \"M23.1\")",    "{'score':{'unit':'370102001','points':-200,'why':'M23.1'}}");
    check("score(task.owner, 1.25, \"好\")",    "{'score':{'unit':'370102001','points':125,'why':'好'}}");
    check("emit(\"done\", #{ at: due.date })",  "{'emit':{'kind':'done','data':{'at':'2022-07-08'}}}");
    check("log(`期限${due}`)",                  "{'log':{'text':'期限2022年7月8日'}}");
    check("log(\"一\"); 记录(\"二\")",          "{'log':{'text':'一'}}\n{'log':{'text':'二'}}");
}

#[test]
fn an_interview_knows_its_usual_terms() {
    let expected = Action::Interview {
        who: Assignee::Post("370102001".into(), "书记".into()),
        by: Assignee::Unit("370102".into()),
        why: "未研究".to_owned(),
        due: end("2022-07-29"),
        rectify_within: Span::Workdays(20),
    };
    assert_eq!(call("interview(#{ why: \"未研究\" })", true), Ok(vec![expected.clone()]));
    assert_eq!(call("约谈(task.owner, \"未研究\")", true), Ok(vec![expected]));
}

#[test]
#[rustfmt::skip] // Rows line up.
fn mistakes_are_named() {
    check("remind(#{ two: owner })",            "错误：remind 没有 two；是不是 to？");
    check("约谈(#{ 事油: \"一\" })",            "错误：interview 没有 事油；是不是 事由？");
    check("remind(\"历下区\")",                 "错误：这里需要单位、岗位或人员，写的是文本；按名称取单位请写 org(\"历下区\")");
    check("interview(#{ who: owner })",         "错误：interview 缺少 why");
    check("interview(#{ who: lead.superior, why: \"一\" })", "错误：interview 缺少 by：济南市 没有上级");
    check("interview(#{ why: \"一\", rectify_within: 20 })", "错误：这里需要时长，写成 workdays(20) 或 days(20)");
    check("slip(\"绿\", unit)",                 "错误：督办单没有颜色 绿，只有 blue、yellow、red");
    check("score(unit, 0.001, \"一\")",         "错误：points 需要数，至多两位小数");
    check("score(form.tags, 1, \"一\")",        "错误：这里需要单位，写的是列表");
    check("set(\"x\", task)",                   "错误：任务不能保存");
    check("remind(task)",                       "错误：脚本里没有函数 remind(task…)；remind 的第一个参数应是单位、岗位或人员");
    check("extend(\"明天\", \"一\")",           "错误：这里需要日期或时刻，写的是文本");
}

#[test]
fn time_neither_extends_nor_cancels() {
    let extension = "extend(due + days(5), \"请求\")";
    let due = Action::Extend { due: end("2022-07-13"), why: "请求".to_owned() };
    assert_eq!(call(extension, false), Ok(vec![due]));
    assert_eq!(call(extension, true), Err("到点触发的脚本不能延期，须由人决定".to_owned()));
    let cancelled = call("中止(\"重复\")", true);
    assert_eq!(cancelled, Err("到点触发的脚本不能中止，须由人决定".to_owned()));
}

#[test]
fn what_was_asked_before_a_failure_is_dropped() {
    assert_eq!(call("log(\"一\"); log(1 / 0)", false), Err("除数是零".to_owned()));
}

#[test]
fn an_expression_cannot_act_not_even_through_a_function() {
    let found = crate::support::eval("log(\"一\")");
    assert_eq!(found, "DB1514 表达式只作判断，不能调用动作 log（写进脚本函数，由钩子或梯级调用）");
    let found = crate::support::eval_with("sly()", "fn sly() { log(\"一\") }");
    assert_eq!(found, "错误：表达式只作判断，不能采取动作；请写在脚本函数里");
}

#[test]
fn actions_and_functions_of_one_name_are_told_apart_by_their_arguments() {
    let hooks = "
        fn remind(task, rung) { log(`own ${rung.index}`); }
        fn act(task, rung) {
            remind(task, rung);
            remind(task.owner, \"text\");
            press(task, rung);
        }";
    let definition = definition("true", hooks);
    let program = Program::compile(definition.clone(), Limits::default()).unwrap();
    let (scene, rung) = (scene(&definition), rung());
    let actions = program.call("act", &scene, Some(&rung)).unwrap();
    assert_eq!(actions[0], Action::Log { text: "own 3".to_owned() });
    assert!(matches!(&actions[1], Action::Remind { text: Some(text), .. } if text == "text"));
    assert!(matches!(actions[2], Action::Slip { colour: SlipColour::Red, .. }));
    // The suite's own function takes the place of the library's, also by its Chinese name.
    let own = vec![Action::Log { text: "own 3".to_owned() }];
    assert_eq!(program.call("remind", &scene, Some(&rung)), Ok(own.clone()));
    assert_eq!(program.call("催办", &scene, Some(&rung)), Ok(own));
    assert_eq!(
        program.call("remund", &scene, None),
        Err(ScriptError::NoFunction("remund".to_owned()))
    );
}
