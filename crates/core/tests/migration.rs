//! Rule 30: a migration says everything and strands nothing.

mod support;

use std::sync::Arc;

use duban_core::{
    Act, CaseStatus, Done, Fact, ItemKey, Message, MigrationReport, Obstacle, Refusal, Status,
    Take, TaskFate, Teller,
};
use duban_script::Program;
use serde_json::json;

use support::*;

fn compiled(workflow: &str) -> Arc<Program> {
    program(workflow, "", "")
}

fn fate<'r>(report: &'r MigrationReport, task: &str) -> &'r TaskFate {
    report.tasks.iter().find(|fate| fate.task.as_str() == task).expect("the task is told")
}

fn changes(report: &MigrationReport, what: Take) -> Vec<(String, String, Done)> {
    let found = report.changes.iter().filter(|change| change.what == what);
    found.map(|change| (change.from.clone(), change.to.clone(), change.done)).collect()
}

fn obstacles(refused: Result<impl std::fmt::Debug, Refusal>) -> Vec<Obstacle> {
    match refused {
        Err(Refusal::Stranded(obstacles)) => obstacles,
        other => panic!("{other:?}"),
    }
}

const FOUND: &str = "
period: year
tasks:
  find:
    title: 发现
    owner: unit.post(\"书记\")
    reviewer: none
    ladder: none
    form: { list: { type: list } }
";

fn found_with(more: &str) -> String {
    format!("{FOUND}{more}")
}

const CHECKS: &str = "  check: { title: 验收, each: { what: 'tasks.find.form.list' }, needs: [find], \
                      owner: unit.post(\"书记\"), reviewer: none, ladder: none }\n";
const CLOSE: &str = "  close: { title: 销项, needs: [review], owner: unit.post(\"书记\"), \
                     reviewer: none, ladder: none }\n";

#[test]
fn rule_30_b2_a_list_that_is_read_from_done_work_makes_its_items() {
    let close = CLOSE.replace("[review]", "[check]");
    let mut office = Office::open(&found_with(&format!("{CHECKS}{close}")));
    office.act("d1", submit_with("find", &json!({ "list": ["灯", "门"] }))).unwrap();
    assert_eq!(office.status("check/灯"), Status::Ready);
    let renamed = CHECKS.replace("  check:", "  review:").replace("验收", "复核");
    let v2 = compiled(&found_with(&format!("{renamed}{CLOSE}")));
    let (report, facts) = office.migrate(v2, &[]).expect("it migrates");
    assert_eq!(fate(&report, "review").opened.len(), 2);
    assert_eq!(fate(&report, "check").cancelled.len(), 2);
    assert!(fate(&report, "check").gone && fate(&report, "review").new);
    for key in ["review/灯", "review/门"] {
        assert_eq!(office.status(key), Status::Ready);
        office.act("d1", submit(key)).unwrap();
    }
    assert_eq!(office.status("close"), Status::Ready);
    // B9: what ends is told by its name.
    let teller = Teller::new(office.env.program.definition(), &office.env.directory);
    let lines: Vec<String> =
        office.log.iter().filter_map(|(event, _)| teller.line(event)).collect();
    let told: Vec<&String> = lines.iter().filter(|line| line.contains("中止")).collect();
    assert_eq!(told.len(), 2, "{lines:?}");
    assert!(told[0].contains("验收（灯）"), "{told:?}");
    assert!(!lines.iter().any(|line| line.contains("交办”")), "{lines:?}");
    assert!(facts.iter().any(|fact| matches!(fact, Fact::ItemCancelled { title: Some(_), .. })));
    assert_eq!(office.item("check/灯").title.as_deref(), Some("验收"));
}

#[test]
fn rule_30_a_list_of_nothing_that_others_wait_for_is_refused() {
    let mut office = Office::open(FOUND);
    office.act("d1", submit_with("find", &json!({ "list": ["灯"] }))).unwrap();
    let wrong = CHECKS.replace("  check:", "  review:").replace("form.list", "form.other");
    let field = FOUND.replace("{ type: list }", "{ type: list }, other: { type: list }");
    let v2 = |empty: &str| {
        let wrong = wrong.replace("needs:", &format!("{empty}needs:"));
        compiled(&format!("{field}{wrong}{CLOSE}"))
    };
    // An open case is needed: a task that waits for nothing keeps it open.
    let more =
        "  more: { title: 另办, owner: unit.post(\"书记\"), reviewer: none, ladder: none }\n";
    let mut open = Office::open(&found_with(more));
    open.act("d1", submit_with("find", &json!({ "list": ["灯"] }))).unwrap();
    let found = obstacles(open.migrate(v2(""), &[]));
    let task = "验收".to_owned();
    assert_eq!(found, [Obstacle::NoItems { task, from: "发现".to_owned() }]);
    assert_eq!(open.count("migrated"), 0);
    open.migrate(v2("empty: skip, "), &[]).expect("the author says that it may be empty");
    // A closed case begins nothing.
    assert_eq!(office.case.head().status, CaseStatus::Closed);
    office.migrate(v2(""), &[]).expect("it migrates");
    assert_eq!(office.case.items().count(), 1);
}

#[test]
fn rule_30_s67_what_was_called_otherwise_is_carried_over() {
    let v1 = "
period: year
tasks:
  plan:
    title: 计划
    each: { street: streets(unit) }
    owner: item.street.post(\"书记\")
    reviewer: none
    ladder: none
    form: { text: { type: text }, rows: { type: table, columns: { n: { type: text } } } }
  next: { title: 后续, each: { street: streets(unit) }, needs: [plan], owner: item.street.post(\"书记\"), reviewer: none, ladder: none }
";
    let v2 = "
period: year
tasks:
  first: { title: 新增, owner: unit.post(\"书记\"), reviewer: none, ladder: none }
  scheme:
    title: 方案
    was: [plan]
    each: { body: { over: streets(unit), was: [street] } }
    owner: item.body.post(\"书记\")
    reviewer: none
    ladder: none
    form: { content: { type: text, was: [text] }, lines: { type: table, was: [rows], columns: { name: { type: text, was: [n] } } } }
  next: { title: 后续, each: { body: { over: streets(unit), was: [street] } }, needs: [first, scheme], owner: item.body.post(\"书记\"), reviewer: none, ladder: none }
  last: { title: 汇总, needs: [scheme], owner: unit.post(\"书记\"), reviewer: none, ladder: none, form: { seen: { type: text } } }
";
    let v1 = v1.replace("streets(unit)", "'[org(\"一街\"), org(\"二街\")]'");
    let v2 = v2.replace("streets(unit)", "'[org(\"一街\"), org(\"二街\")]'");
    let mut office = Office::open(&v1);
    let form = json!({ "text": "三项", "rows": [{ "n": "甲" }] });
    office.act("x1", submit_with("plan/D1", &form)).unwrap();
    assert_eq!(office.status("next/D1"), Status::Ready);
    let (report, _) = office.migrate(compiled(&v2), &[]).expect("it migrates");
    let scheme = fate(&report, "scheme");
    assert_eq!((scheme.was.as_ref().map(|was| was.as_str()), scheme.kept), (Some("plan"), 2));
    assert!(scheme.opened.is_empty() && scheme.cancelled.is_empty());
    assert_eq!(fate(&report, "first").opened, [ItemKey::new("first")]);
    // What is done stays done, under its key, and reads by its new names.
    let done = office.item("plan/D1");
    assert_eq!((done.task.as_str(), done.status), ("scheme", Status::Done));
    assert_eq!(done.form.get("content"), Some(&json!("三项")));
    assert_eq!(done.form.get("lines"), Some(&json!([{ "name": "甲" }])));
    assert!(done.axes.contains_key("body"));
    assert_eq!(office.case.items_of("scheme").count(), 2);
    assert_eq!(office.case.items_of("plan").count(), 0);
    // What has begun stays begun; what waits, waits for what it needs now.
    assert_eq!(
        (office.status("next/D1"), office.status("next/D2")),
        (Status::Ready, Status::Waiting)
    );
    office.act("x2", submit("plan/D2")).unwrap();
    assert_eq!((office.status("next/D2"), office.status("last")), (Status::Waiting, Status::Ready));
    office.act("d1", submit("first")).unwrap();
    assert_eq!(office.status("next/D2"), Status::Ready);
    let teller = Teller::new(office.env.program.definition(), &office.env.directory);
    assert_eq!(teller.key_title(&"plan/D1".into()), "方案（一街）");
    office.assert_replays();
    // And once more: names lead through several versions.
    let v3 = v2.replace("scheme:", "draft:").replace("was: [plan]", "was: [plan, scheme]");
    let v3 = v3.replace("scheme]", "draft]").replace("[plan, draft]", "[plan, scheme]");
    let (report, _) = office.migrate(compiled(&v3), &[]).expect("it migrates");
    assert_eq!(fate(&report, "draft").kept, 2);
    assert_eq!(office.case.items_of("draft").count(), 2);
}

#[test]
fn rule_30_s68_what_has_begun_does_not_wait_for_what_is_put_before_it() {
    let task = |id: &str, needs: &str| {
        format!(
            "  {id}: {{ title: {id}, needs: [{needs}], owner: unit.post(\"书记\"), reviewer: none, \
             ladder: none }}\n"
        )
    };
    let head = "period: year\ntasks:\n";
    let v1 = format!("{head}{}{}{}", task("a", ""), task("b", "a"), task("c", "b"));
    let v2 = format!(
        "{head}{}{}{}{}",
        task("a1", ""),
        task("a2", ""),
        task("b", "a1, a2"),
        task("c", "b, a2")
    );
    let mut office = Office::open(&v1);
    office.act("d1", submit("a")).unwrap();
    office.act("d1", sign("b")).unwrap();
    let (report, _) = office.migrate(compiled(&v2), &[]).expect("it migrates");
    assert_eq!(office.status("b"), Status::Active);
    assert!(fate(&report, "a1").new && fate(&report, "a").gone);
    assert_eq!(office.status("a"), Status::Done, "what is done stays");
    office.act("d1", submit("b")).unwrap();
    assert_eq!(office.status("c"), Status::Waiting);
    office.act("d1", submit("a2")).unwrap();
    assert_eq!(office.status("c"), Status::Ready);
}

#[test]
fn rule_30_s69_an_axis_without_its_old_name_is_refused() {
    let text = |axis: &str| {
        format!(
            "period: year\ntasks:\n  a: {{ title: 甲, each: {{ {axis}: '[org(\"一街\")]' }}, owner: \
             unit.post(\"书记\"), reviewer: none, ladder: none }}\n"
        )
    };
    let mut office = Office::open(&text("street"));
    let found = obstacles(office.migrate(compiled(&text("body")), &[]));
    assert_eq!(found, [Obstacle::Axis { task: "甲".to_owned(), axis: "body".to_owned() }]);
    let refusal = Refusal::Stranded(found);
    assert_eq!(refusal.code(), "DB2035");
    assert!(refusal.zh().contains("was") && refusal.to_string().contains("body"));
    assert_eq!(office.count("migrated"), 0);
    // Done work is in nobody's way.
    office.act("d1", submit("a/D1")).unwrap();
    office.migrate(compiled(&text("body")), &[]).expect("it migrates");
}

const DUTY: &str = "
period: year
tasks:
  a: { title: 例会, every: quarter, owner: unit.post(\"书记\"), reviewer: none, ladder: none }
";

fn windows(office: &Office, task: &str) -> Vec<String> {
    let windows = office.case.items_of(task).filter_map(|item| item.window);
    windows.map(|window| window.key()).collect()
}

#[test]
fn rule_30_s70_s71_a_cadence_begins_where_windows_of_both_begin() {
    // From, to, migrated on, what is owed in the year.
    let cases = [
        ("quarter", "half-year", "2022-02-15", vec!["2022-H2", "2022-Q1", "2022-Q2"]),
        ("quarter", "half-year", "2022-08-15", vec!["2022-Q1", "2022-Q2", "2022-Q3", "2022-Q4"]),
        ("half-year", "quarter", "2022-05-15", vec!["2022-H1", "2022-Q3", "2022-Q4"]),
        ("half-year", "quarter", "2022-08-15", vec!["2022-H1", "2022-H2"]),
        ("month", "quarter", "2022-08-15", {
            vec![
                "2022-01", "2022-02", "2022-03", "2022-04", "2022-05", "2022-06", "2022-07",
                "2022-08", "2022-09", "2022-Q4",
            ]
        }),
    ];
    for (from, to, on, expected) in cases {
        let mut office = Office::open(&DUTY.replace("quarter", from));
        office.advance(at(on, 9));
        let v2 = compiled(&DUTY.replace("quarter", to));
        let (report, _) = office.migrate(v2, &[Take::Cadence]).expect("it migrates");
        assert!(changes(&report, Take::Cadence).iter().all(|change| change.2 == Done::Taken));
        office.advance(end("2022-12-31"));
        let mut owed = windows(&office, "a");
        owed.sort();
        assert_eq!(owed, expected, "{from} to {to} on {on}");
        office.assert_replays();
    }
}

#[test]
fn rule_30_a_cadence_is_kept_unless_it_is_taken_over() {
    let mut office = Office::open(DUTY);
    let (report, _) =
        office.migrate(compiled(&DUTY.replace("quarter", "half-year")), &[]).expect("it migrates");
    let kept = ("每季度".to_owned(), "每半年".to_owned(), Done::Kept);
    assert_eq!(changes(&report, Take::Cadence), [kept]);
    office.advance(end("2022-12-31"));
    assert_eq!(windows(&office, "a").len(), 4);
    // A duty that is owed once from now on, and one that is owed again and again.
    let once = DUTY.replace("every: quarter, ", "");
    let mut office = Office::open(DUTY);
    office.migrate(compiled(&once), &[Take::Cadence]).expect("it migrates");
    office.advance(end("2022-12-31"));
    assert_eq!(windows(&office, "a"), ["2022-Q1"]);
    let mut office = Office::open(&once);
    office.migrate(compiled(DUTY), &[Take::Cadence]).expect("it migrates");
    office.advance(end("2022-12-31"));
    assert_eq!(windows(&office, "a"), ["2022-Q2", "2022-Q3", "2022-Q4"]);
}

fn dated(due: &str) -> String {
    format!(
        "period: year\ntasks:\n  a: {{ title: 方案, owner: unit.post(\"书记\"), due: {due} }}\n"
    )
}

#[test]
fn rule_30_due_dates_are_told_and_kept_unless_they_are_taken_over() {
    let mut office = Office::open(&dated("2022-06-30"));
    let (report, _) = office.migrate(compiled(&dated("2022-09-30")), &[]).expect("it migrates");
    let told = ("2022-06-30".to_owned(), "2022-09-30".to_owned(), Done::Kept);
    assert_eq!(changes(&report, Take::Due), [told]);
    assert_eq!(office.item("a").due(), Some(end("2022-06-30")));

    let mut office = Office::open(&dated("2022-06-30"));
    let v2 = compiled(&dated("2022-09-30"));
    let (report, _) = office.migrate(v2, &[Take::Due]).expect("it migrates");
    assert_eq!(changes(&report, Take::Due)[0].2, Done::Taken);
    let item = office.item("a");
    assert_eq!((item.due(), item.deadlines.len()), (Some(end("2022-09-30")), 2));
    assert!(item.deadlines[1].in_time);
    assert_eq!(item.armed.as_ref().map(|armed| armed.version), Some(2));
    assert!(office.sent(duban_core::Notification::Remind).is_empty());
}

#[test]
fn rule_30_what_a_person_gave_is_no_difference() {
    let extended = dated("2022-06-30").replace("due:", "extension: { max: 1 }, due:");
    let mut office = Office::open(&extended);
    let until = end("2022-07-29");
    office
        .act("d1", Act::AskExtension { item: "a".into(), until, reason: "汛期".to_owned() })
        .unwrap();
    office.act("c1", Act::GrantExtension { item: "a".into() }).unwrap();
    let (report, _) = office
        .migrate(compiled(&extended.replace("方案", "计划")), &Take::ALL)
        .expect("it migrates");
    assert!(report.changes.is_empty(), "{:?}", report.changes);
    assert_eq!(office.item("a").due(), Some(until));
}

#[test]
fn rule_30_s72_a_date_that_is_past_leaves_three_working_days() {
    let mut office = Office::open_with(&dated("2022-06-30"), "", "");
    office.advance(at("2022-05-10", 9));
    let v2 = compiled(&dated("2022-04-29"));
    let (report, _) = office.migrate(v2, &[Take::Due]).expect("it migrates");
    let told = ("2022-06-30".to_owned(), "2022-05-13".to_owned(), Done::Taken);
    assert_eq!(changes(&report, Take::Due), [told]);
    assert!(report.changes.iter().any(|change| change.note.is_some()));
    assert_eq!(office.item("a").due(), Some(end("2022-05-13")));
    office.wake();
    assert_eq!(office.count("overdue"), 0);
    // Never earlier unsaid.
    let told = office.sent(duban_core::Notification::Remind);
    assert!(told.iter().any(|text| text.contains("2022-06-30提前到2022-05-13")), "{told:?}");
    // Nor later than what was in force already.
    let mut office = Office::open(&dated("2022-05-11"));
    office.advance(at("2022-05-10", 9));
    let v2 = compiled(&dated("2022-04-29"));
    office.migrate(v2, &[Take::Due]).expect("it migrates");
    assert_eq!(office.item("a").due(), Some(end("2022-05-11")));
}

#[test]
fn rule_30_a_lateness_is_carried_on_and_not_said_again() {
    let mut office = Office::open(&dated("2022-03-31"));
    office.advance(at("2022-04-02", 9));
    assert_eq!(office.count("overdue"), 1);
    let sent = office.sent(duban_core::Notification::Remind).len();
    office.migrate(compiled(&dated("2022-05-31")), &[Take::Due]).expect("it migrates");
    let item = office.item("a");
    assert_eq!((item.due(), item.judged_due()), (Some(end("2022-05-31")), Some(end("2022-03-31"))));
    office.advance(at("2022-06-20", 9));
    assert_eq!(office.count("overdue"), 1);
    // Of three rungs two had gone out. What leads up to the new date comes, and the last.
    assert_eq!(office.sent(duban_core::Notification::Remind).len(), sent + 2);
}

#[test]
fn rule_30_a_due_date_that_had_failed_is_there_to_be_taken_over() {
    let mut office = Office::open(&dated("'case.form.day'").replace("'", "\""));
    assert_eq!(office.item("a").due(), None);
    let (report, _) =
        office.migrate(compiled(&dated("2022-06-30")), &[Take::Due]).expect("it migrates");
    assert_eq!(changes(&report, Take::Due)[0].0, "");
    assert_eq!(office.item("a").due(), Some(end("2022-06-30")));
    assert!(!office.item("a").armed.as_ref().unwrap().rungs.is_empty());
}

#[test]
fn rule_30_owners_and_reviewers_are_told_and_taken_over() {
    let text = |owner: &str, reviewer: &str| {
        format!(
            "period: year\ntasks:\n  a: {{ title: 方案, owner: unit.post(\"{owner}\"), reviewer: \
             {reviewer}, ladder: none }}\n"
        )
    };
    let (v1, v2) = (text("书记", "lead"), text("组织部长", "org(\"市\").post(\"书记\")"));
    let mut office = Office::open(&v1);
    let (report, _) = office.migrate(compiled(&v2), &[]).expect("it migrates");
    assert_eq!(changes(&report, Take::Owner)[0].2, Done::Kept);
    assert_eq!(changes(&report, Take::Reviewer)[0].2, Done::Kept);
    assert_eq!(office.item("a").holder.as_ref().map(|one| one.as_str()), Some("d1"));

    let mut office = Office::open(&v1);
    let take = [Take::Owner, Take::Reviewer];
    office.migrate(compiled(&v2), &take).expect("it migrates");
    office.act("d2", submit("a")).unwrap();
    office.act("c1", accept("a")).unwrap();

    // Under review nothing is taken from anybody.
    let mut office = Office::open(&v1);
    office.act("d1", submit("a")).unwrap();
    let (report, _) = office.migrate(compiled(&v2), &take).expect("it migrates");
    assert!(report.changes.iter().all(|change| change.done == Done::Kept), "{report:?}");
    assert!(report.changes.iter().all(|change| change.note.is_some()), "{report:?}");
    office.act("b1", accept("a")).unwrap();
}

#[test]
fn rule_30_lists_are_told_and_taken_over() {
    let text = |list: &str| {
        format!(
            "period: year\ntasks:\n  a: {{ title: 方案, each: {{ street: '{list}' }}, owner: \
             item.street.post(\"书记\"), reviewer: none, ladder: none }}\n"
        )
    };
    let (one, both, other) =
        ("[org(\"一街\")]", "[org(\"一街\"), org(\"二街\")]", "[org(\"二街\")]");
    let mut office = Office::open(&text(one));
    let (report, _) = office.migrate(compiled(&text(both)), &[]).expect("it migrates");
    let told = (String::new(), "方案（二街）".to_owned(), Done::Kept);
    assert_eq!(changes(&report, Take::Items), [told]);
    assert_eq!(office.case.items().count(), 1);
    let mut office = Office::open(&text(one));
    let (report, _) = office.migrate(compiled(&text(other)), &[Take::Items]).expect("it migrates");
    assert_eq!((office.status("a/D1"), office.status("a/D2")), (Status::Cancelled, Status::Ready));
    let told = fate(&report, "a");
    assert_eq!((told.opened.len(), told.cancelled.len()), (1, 1));
}

#[test]
fn rule_30_needs_are_known_by_what_they_name_not_by_their_place() {
    let text = |needs: &str| {
        format!(
            "period: year\ntasks:\n  a: {{ title: 甲, owner: unit.post(\"书记\"), reviewer: none, \
             ladder: none }}\n  b: {{ title: 乙, needs: [{needs}], owner: unit.post(\"书记\"), \
             reviewer: none, ladder: none }}\n"
        )
    };
    let asked = |office: &Office| {
        let asked = office.log.iter().filter(|(event, _)| {
            matches!(&event.fact, Fact::MessageSent { message: Message::Watch { .. }, .. })
        });
        asked.count()
    };
    let answer = |office: &mut Office| {
        let number = *office.case.head().asked.keys().next().expect("a need was asked about");
        let from = duban_core::CaseId::new("other");
        let answer = duban_core::Answer {
            number,
            from: from.clone(),
            form: Default::default(),
            says: duban_core::AnswerSays::Done,
        };
        let actor = duban_core::Actor::Case { case: from };
        office.command(actor, duban_core::Signal::Answer(answer)).unwrap();
    };
    // Answered before, asked before, asked now.
    let mut office = Office::open(&text("other/x, a"));
    answer(&mut office);
    office.migrate(compiled(&text("a, other/x")), &[]).expect("it migrates");
    office.act("d1", submit("a")).unwrap();
    assert_eq!((office.status("b"), asked(&office)), (Status::Ready, 1));

    let mut office = Office::open(&text("other/x, a"));
    office.migrate(compiled(&text("a, other/x")), &[]).expect("it migrates");
    office.act("d1", submit("a")).unwrap();
    assert_eq!(office.status("b"), Status::Waiting);
    answer(&mut office);
    assert_eq!((office.status("b"), asked(&office)), (Status::Ready, 1));

    let mut office = Office::open(&text("a"));
    office.migrate(compiled(&text("other/x, a")), &[]).expect("it migrates");
    assert_eq!(asked(&office), 1);
    office.act("d1", submit("a")).unwrap();
    answer(&mut office);
    assert_eq!(office.status("b"), Status::Ready);

    // What is needed no more is waited for no more.
    let mut office = Office::open(&text("other/x"));
    office.migrate(compiled(&text("")), &[]).expect("it migrates");
    assert_eq!(office.status("b"), Status::Ready);
}

#[test]
fn rule_30_what_waits_waits_for_the_item_that_its_need_names_now() {
    let text = |which: &str| {
        format!(
            "period: year\ntasks:\n  a: {{ title: 甲, each: {{ street: '[org(\"一街\"), org(\"二街\")]' \
             }}, owner: item.street.post(\"书记\"), reviewer: none, ladder: none }}\n  b: {{ title: 乙, \
             needs: {{ a: 'org(\"{which}\")' }}, owner: unit.post(\"书记\"), reviewer: none, ladder: \
             none }}\n"
        )
    };
    let mut office = Office::open(&text("一街"));
    office.migrate(compiled(&text("二街")), &[]).expect("it migrates");
    office.act("x1", submit("a/D1")).unwrap();
    assert_eq!(office.status("b"), Status::Waiting);
    office.act("x2", submit("a/D2")).unwrap();
    assert_eq!(office.status("b"), Status::Ready);
}

#[test]
fn rule_30_a_clock_that_stood_still_for_what_is_gone_goes_on() {
    let stopper = "  s: { title: 听证, owner: unit.post(\"组织部长\"), reviewer: none, due: 2022-05-31, \
                   ladder: none, stops_clock: [a] }\n";
    let mut office = Office::open(&format!("{}{stopper}", dated("2022-06-30")));
    assert!(office.item("a").is_held());
    office.migrate(compiled(&dated("2022-06-30")), &[]).expect("it migrates");
    assert!(!office.item("a").is_held());
}

#[test]
fn rule_30_a_task_that_comes_back_begins_again() {
    let a = "  a: { title: 甲, owner: unit.post(\"书记\"), reviewer: none, ladder: none }\n";
    let b = "  b: { title: 乙, owner: unit.post(\"书记\"), reviewer: none, ladder: none }\n";
    let head = "period: year\ntasks:\n";
    let mut office = Office::open(&format!("{head}{a}{b}"));
    office.migrate(compiled(&format!("{head}{a}")), &[]).expect("it migrates");
    assert_eq!(office.status("b"), Status::Cancelled);
    let (report, _) = office.migrate(compiled(&format!("{head}{a}{b}")), &[]).expect("it migrates");
    assert_eq!(office.status("b"), Status::Ready);
    assert_eq!(fate(&report, "b").opened.len(), 1);
}

#[test]
fn rule_30_a_sub_case_of_a_task_that_is_gone_ends() {
    let a = "  a: { title: 甲, owner: unit.post(\"书记\"), reviewer: none, ladder: none }\n";
    for (key, kept) in [("", false), (", on_cancel: keep", true)] {
        let sub = format!("  s: {{ title: 子事项, workflow: other{key} }}\n");
        let mut office = Office::open(&format!("period: year\ntasks:\n{a}{sub}"));
        let (_, facts) = office
            .migrate(compiled(&format!("period: year\ntasks:\n{a}")), &[])
            .expect("it migrates");
        let left = facts.iter().find_map(|fact| match fact {
            Fact::SubCaseLeft { keeps, .. } => Some(*keeps),
            _ => None,
        });
        assert_eq!(left, Some(kept));
    }
}

#[test]
fn rule_30_plans_go_on_from_their_next_date() {
    let text = |plan: &str| {
        format!(
            "period: year\ntasks:\n  a: {{ title: 甲, owner: unit.post(\"书记\"), reviewer: none, \
             ladder: none, plan: {{ {plan} }} }}\n"
        )
    };
    let mut office = Office::open(&text("2022-03-31: 30, 2022-06-30: 60"));
    office.advance(at("2022-04-10", 9));
    let v2 = compiled(&text("2022-01-31: 10, 2022-02-28: 20, 2022-03-31: 30, 2022-05-31: 70"));
    office.migrate(v2, &[]).expect("it migrates");
    office.advance(at("2022-06-10", 9));
    assert_eq!(office.count("plan_checked"), 2);
    assert_eq!(office.item("a").planned, 70);
}

#[test]
fn rule_30_the_definition_before_must_be_given() {
    let mut office = Office::open(&dated("2022-06-30"));
    let v2 = compiled(&dated("2022-09-30"));
    let definition = v2.definition().hash.clone();
    office.env.program = v2;
    let migrate = duban_core::Operation::Migrate { definition, take: Vec::new() };
    let refused = office.command(duban_core::Actor::operator("测试"), migrate);
    assert!(matches!(refused, Err(Refusal::OtherDefinition { .. })), "{refused:?}");
}

fn with_owner(owner: &str, due: &str) -> String {
    format!(
        "
period: year
tasks:
  plan: {{ title: 方案, owner: {owner}, reviewer: org(\"组织部\").post(\"部长\"), review_within: workdays(3), due: {due}, extension: {{ max: 2, by: months(6) }} }}
"
    )
}

#[test]
fn rule_30_whoever_a_migration_gives_a_late_task_has_time_for_it() {
    for (day, due) in [("2022-04-07", "2022-04-12"), ("2022-03-31", "2022-04-06")] {
        let mut office = Office::open(&with_owner("unit.post(\"组织部长\")", "2022-03-31"));
        office.advance(at(day, 9));
        let said = office.count("overdue");
        let after = compiled(&with_owner("org(\"D1\").post(\"书记\")", "2022-03-31"));
        office.migrate(after, &[Take::Owner]).expect("migrated");
        assert_eq!(office.item("plan").due(), Some(end(due)), "{day}");
        office.advance(end(due));
        assert_eq!(office.count("overdue"), said);
        office.act("x1", submit("plan")).expect("submitted");
        office.act("b1", accept("plan")).expect("accepted");
        assert_eq!(office.item("plan").on_time, Some(true), "{day}");
    }
}

#[test]
fn rule_30_a_window_that_was_judged_stays_with_whoever_it_was_judged_of() {
    let duty = |owner: &str| {
        format!(
            "
period: year
tasks:
  plan: {{ title: 月报, every: month, owner: {owner}, reviewer: none, ladder: none }}
"
        )
    };
    let mut office = Office::open(&duty("unit.post(\"组织部长\")"));
    office.advance(at("2022-02-10", 9));
    assert_eq!(office.item("plan@2022-01").window_met, Some(false));
    let after = compiled(&duty("org(\"D1\").post(\"书记\")"));
    office.migrate(after, &[Take::Owner]).expect("migrated");
    let owner = |key: &str| office.item(key).owner.clone().expect("an owner").to_string();
    assert_eq!(owner("plan@2022-01"), "post:D/组织部长");
    assert_eq!(owner("plan@2022-02"), "post:D1/书记");
}

#[test]
fn rule_30_a_late_task_is_reminded_before_the_date_that_is_taken_over() {
    let (early, later) = ("2022-03-31", "2022-05-31");
    let mut office = Office::open(&with_owner("unit.post(\"组织部长\")", early));
    office.advance(at("2022-04-07", 9));
    let before = office.fired().len();
    let after = compiled(&with_owner("unit.post(\"组织部长\")", later));
    office.migrate(after, &[Take::Due]).expect("migrated");
    office.advance(at("2022-05-27", 9));
    let fired = office.fired();
    assert_eq!(fired[before..], [(0, "2022-05-26".to_owned())], "three working days before it");
    office.advance(at("2022-06-20", 9));
    // The first rung after the date went out when it was late; the lateness goes on.
    assert_eq!(office.fired()[before + 1..], [(2, "2022-06-08".to_owned())]);
}

#[test]
fn rule_30_an_open_request_that_comes_to_another_reviewer_gives_them_time() {
    let reviewed = |by: &str| {
        with_owner("unit.post(\"组织部长\")", "2022-03-31").replace("post(\"部长\")", by)
    };
    let mut office = Office::open(&reviewed("post(\"部长\")"));
    office.advance(at("2022-03-28", 9));
    let (until, reason) = (end("2022-04-29"), "协调".to_owned());
    office.act("d2", Act::AskExtension { item: "plan".into(), until, reason }).expect("asked");
    let asked = |office: &Office| office.item("plan").asked.clone().expect("asked");
    for (day, due) in [("2022-03-30", "2022-04-02"), ("2022-04-13", "2022-04-18")] {
        office.advance(at(day, 9));
        let by = if day < "2022-04-01" { "post(\"干事\")" } else { "post(\"部长\")" };
        office.migrate(compiled(&reviewed(by)), &[Take::Reviewer]).expect("migrated");
        assert_eq!(asked(&office).due, Some(end(due)), "{day}");
        assert!(!asked(&office).overdue, "{day}");
    }
    assert_eq!(office.count("answer_overdue"), 1, "the first one's");
    office.advance(at("2022-04-19", 9));
    assert_eq!(office.count("answer_overdue"), 2);
}

#[test]
fn rule_35_lines_keep_the_titles_of_their_time() {
    let titled = |plan: &str, report: &str| {
        format!(
            "
period: year
tasks:
  plan: {{ title: {plan}, owner: unit.post(\"组织部长\"), reviewer: none, due: 2022-03-31 }}
{report}"
        )
    };
    let report =
        "  report: { title: 月报, owner: unit.post(\"书记\"), reviewer: none, due: 2022-06-30 }\n";
    let mut office = Office::open(&titled("方案", report));
    office.act("d2", sign("plan")).expect("signed");
    office.act("d1", sign("report")).expect("signed");
    // Called otherwise, then again otherwise under another name; the other is gone.
    office.migrate(compiled(&titled("工作方案", report)), &[]).expect("migrated");
    office.act("d2", support::report("plan")).expect("reported");
    let renamed = titled("总体方案", "").replace("  plan:", "  whole:");
    let renamed = renamed.replace("title: 总体方案", "title: 总体方案, was: plan");
    office.migrate(compiled(&renamed), &[]).expect("migrated");
    office.act("d2", submit("plan")).expect("submitted");
    let definition = Arc::clone(office.env.program.definition());
    let teller = Teller::new(&definition, &office.env.directory).of_case(office.case.head());
    let titles: Vec<String> = office
        .log
        .iter()
        .filter(|(event, _)| matches!(event.fact.kind(), "signed" | "reported" | "submitted"))
        .filter_map(|(event, _)| teller.title_then(event))
        .collect();
    assert_eq!(titles, ["方案", "月报", "工作方案", "总体方案"]);
    let first = office.log.iter().find(|(event, _)| event.fact.kind() == "signed");
    let line = first.and_then(|(event, _)| teller.line(event)).expect("a line");
    assert!(line.contains("“方案”"), "{line}");
    office.assert_replays();
}

#[test]
fn rule_30_a_name_that_a_task_had_before_may_be_its_name_again() {
    let tasks = |name: &str, was: &str| {
        format!(
            "
period: year
tasks:
  {name}: {{ title: 方案, {was}each: {{ street: 'unit.below(\"street\")' }}, owner: item.street.post(\"书记\"), reviewer: none, ladder: none }}
  b: {{ title: 汇总, needs: [{name}], owner: unit.post(\"书记\"), reviewer: none, ladder: none }}
"
        )
    };
    let mut office = Office::open(&tasks("a", ""));
    office.act("x1", submit("a/D1")).expect("submitted");
    office.migrate(compiled(&tasks("a2", "was: a, ")), &[]).expect("renamed");
    let (report, _) = office.migrate(compiled(&tasks("a", "")), &[]).expect("named as before");
    assert!(report.tasks.iter().all(|fate| fate.cancelled.is_empty()), "{report:?}");
    assert_eq!(office.status("a/D1"), Status::Done);
    office.act("x2", submit("a/D2")).expect("submitted");
    assert_eq!(office.status("b"), Status::Ready);
}
