//! Every move of the table is offered by pages and API where the case would take it, with what it
//! asks for; what was sent is read back, and what is wrong with it stands beside its field.

use std::collections::BTreeSet;

use duban::core::{AvailableMove, MoveKind};
use duban::model::{Directory, Post, Unit};
use duban::{Act, Actor, CaseId, ItemKey, OpenSpec, library, load_suite};
use duban_web::Scope;
use reqwest::Method;
use reqwest::multipart::Form;
use serde_json::{Value, json};

use crate::support::{Office, WORKFLOW};

const MOVES: &str = "
id: moves
title: 办理种种
lead: org(\"市委办\")
cases: units(\"district\")
tasks:
  first:
    title: 起草
    owner: unit.post(\"书记\")
    reviewer: unit.superior
    due: 2022-06-30
    extension: { max: 1, by: months(1) }
    form: { rate: { type: number, title: 比率 } }
    indicator: { unit: \"%\", value: form.rate, target: 90 }
  sum:
    title: 汇总
    needs: [first]
    owner: unit.post(\"书记\")
    reviewer: { all: ['org(\"市委办\").post(\"主任\")', 'org(\"督查室\").post(\"主任\")'] }
    due: 2022-07-15
  far: { title: 远期, owner: unit.post(\"书记\"), due: 2050-01-20 + workdays(8) }
  soon: { title: 提前, owner: unit.post(\"书记\"), due: 2051-01-10 + workdays(8) }
  odd:
    title: 待补
    owner: unit.post(\"书记\")
    due: 'if org(\"新局\").name == \"新局\" { date(2022, 6, 30) } else { date(2022, 7, 1) }'
  part:
    title: 分头落实
    each: { part: unit.below(\"district\") }
    empty: skip
    owner: item.part.post(\"书记\")
    reviewer: unit.post(\"书记\")
    due: 2022-08-31
";

/// Two parts of the district; the second goes, and the first takes its place.
const PARTS: [&str; 2] = ["D1", "D2"];

/// Who looks: the owner, the reviewer above, the supervision office, the owner's stand-in.
const LOOKERS: [&str; 4] = ["li", "zhang", "sun", "qian"];

async fn office() -> (Office, CaseId) {
    let office = Office::new().await;
    let mut sources = Office::sources(WORKFLOW);
    sources.insert("moves.yaml".to_owned(), MOVES.to_owned());
    let mut data = office.engine.directory().data().clone();
    // The bureau goes before the case is opened.
    for (id, name, superior) in
        [(PARTS[0], "东片", "D"), (PARTS[1], "西片", "D"), ("N", "新局", "C")]
    {
        data.units.push(Unit {
            id: id.into(),
            name: name.to_owned(),
            level: "district".to_owned(),
            superior: Some(superior.into()),
            tags: Vec::new(),
            since: None,
            predecessors: Vec::new(),
        });
        let holders = vec!["wu".into()];
        data.posts.push(Post { unit: id.into(), name: "书记".to_owned(), holders });
    }
    office.engine.set_directory(Directory::new(data).unwrap()).await.unwrap();
    let loaded = load_suite("points", &sources, &library());
    let problems: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
    let suite = loaded.suite.unwrap_or_else(|| panic!("{problems:?}"));
    office.engine.publish(&suite).await.unwrap();
    remove(&office, "N", None).await;
    let people = LOOKERS.map(|person| (person, person));
    office.accounts(&people).await;
    let spec = OpenSpec::new("points", "moves", "D");
    let case = office.engine.open(spec, Actor::operator("OA"), None).await.unwrap().case;
    (office, case)
}

/// What happens one after the other: who makes which move on which item (none: the case), or the
/// calendar of a year is announced, or a part of the district goes.
const STEPS: &[(&str, &str, &str, &str)] = &[
    ("", "", "", ""),
    ("li", "ask_extension", "first", r#"{"reason": "忙", "until": 1657900800000}"#),
    ("zhang", "refuse_extension", "first", r#"{"reason": "不必"}"#),
    ("li", "ask_suspension", "first", r#"{"reason": "等文件"}"#),
    ("sun", "grant_suspension", "first", "{}"),
    ("sun", "resume", "first", "{}"),
    ("li", "submit", "first", r#"{"form": {"rate": "95"}}"#),
    ("zhang", "accept", "first", "{}"),
    ("li", "submit", "sum", r#"{"form": {}}"#),
    ("zhang", "accept", "sum", "{}"),
    (
        "calendar",
        r#"{ "year": 2050, "notice": "一号", "on": [], "off": [{ "date": "2050-10-01", "name": "国庆节" }] }"#,
        "",
        "",
    ),
    (
        "calendar",
        r#"{ "year": 2051, "notice": "二号", "on": [{ "date": "2051-01-14", "name": "补班" }], "off": [{ "date": "2051-10-01", "name": "国庆节" }] }"#,
        "",
        "",
    ),
    ("wu", "sign", "part/D2", "{}"),
    ("directory", "", "", ""),
    ("sun", "suspend", "", r#"{"reason": "停工"}"#),
    ("sun", "resume", "", "{}"),
    ("sun", "accept", "sum", "{}"),
    ("sun", "skip", "far", r#"{"reason": "不办了"}"#),
    ("sun", "skip", "soon", r#"{"reason": "不办了"}"#),
    ("sun", "skip", "odd", r#"{"reason": "不办了"}"#),
    ("sun", "skip", "part/D1", r#"{"reason": "不办了"}"#),
    ("sun", "skip", "part/D2", r#"{"reason": "不办了"}"#),
];

/// What a form sends: names and texts.
type Fields<'f> = &'f [(&'f str, &'f str)];

async fn step(
    office: &Office,
    case: &CaseId,
    (person, kind, item, content): (&str, &str, &str, &str),
) {
    if person == "calendar" {
        announce(office, serde_json::from_str(kind).unwrap()).await;
    } else if person == "directory" {
        remove(office, PARTS[1], Some(PARTS[0])).await;
    } else if !person.is_empty() {
        let kind = MoveKind::named(kind).unwrap();
        let content: Value = serde_json::from_str(content).unwrap();
        let key = (!item.is_empty()).then(|| ItemKey::new(item));
        let act = Act::make(kind, key.as_ref(), content.as_object().cloned().unwrap()).unwrap();
        let made = office.engine.act(case, Actor::person(person), act, None).await;
        made.unwrap_or_else(|error| panic!("{person} {kind:?} {item}: {error}"));
    }
}

/// A unit goes; another may take its place.
async fn remove(office: &Office, gone: &str, successor: Option<&str>) {
    let mut data = office.engine.directory().data().clone();
    data.units.retain(|unit| unit.id.as_str() != gone);
    data.posts.retain(|post| post.unit.as_str() != gone);
    for unit in data.units.iter_mut().filter(|unit| Some(unit.id.as_str()) == successor) {
        unit.predecessors.push(gone.into());
    }
    office.engine.set_directory(Directory::new(data).unwrap()).await.unwrap();
    office.engine.settled().await.unwrap();
}

/// Adds a year to the calendar.
async fn announce(office: &Office, year: Value) {
    let path = "/api/v1/calendars/cn";
    let read = office.call(Scope::Read, Method::GET, path).send().await.unwrap();
    let tag = read.headers()["etag"].clone();
    let mut calendar: Value = read.json().await.unwrap();
    calendar["years"].as_array_mut().unwrap().push(year);
    let put = office.call(Scope::Admin, Method::PUT, path).header("If-Match", &tag);
    let done = put.json(&calendar).send().await.unwrap();
    assert_eq!(done.status(), 200, "{}", done.text().await.unwrap());
    office.engine.settled().await.unwrap();
}

/// The forms of a page: the kind of each, and its part of the page.
fn forms(page: &str) -> Vec<(&str, &str)> {
    let parts = page.split("id=\"move-").skip(1);
    parts.map(|part| part.split_once("</form>").unwrap().0.split_once('"').unwrap()).collect()
}

/// Who may do what on one item, by the case; `None`: on the case.
async fn by_the_case(
    office: &Office,
    case: &CaseId,
    item: Option<&str>,
    person: &str,
) -> Vec<AvailableMove> {
    let mut actors = vec![Actor::person(person)];
    if person == "qian" {
        actors.push(Actor::Person { person: "qian".into(), on_behalf_of: Some("li".into()) });
    }
    office.engine.available_moves(case, item.map(ItemKey::new), actors).await.unwrap()
}

#[tokio::test]
async fn every_move_of_the_table_is_offered_where_the_case_would_take_it() {
    let (office, case) = office().await;
    let mut cookies = Vec::new();
    for login in LOOKERS {
        cookies.push((login, office.sign_in(login).await));
    }
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for one in STEPS {
        step(&office, &case, *one).await;
        for (person, cookie) in &cookies {
            for item in [
                None,
                Some("first"),
                Some("sum"),
                Some("far"),
                Some("soon"),
                Some("odd"),
                Some("part/D2"),
            ] {
                let path = match item {
                    Some(item) => format!("/cases/{case}/task?item={}", item.replace('/', "%2F")),
                    None => format!("/cases/{case}"),
                };
                let expected = by_the_case(&office, &case, item, person).await;
                let names: Vec<&str> = expected.iter().map(|one| one.kind.name()).collect();
                let (_, page) = office.look(cookie, &path).await;
                let forms = forms(&page);
                let shown: Vec<&str> = forms.iter().map(|(kind, _)| *kind).collect();
                assert_eq!(shown, names, "{one:?}: {path} for {person}");
                for (offer, (_, form)) in expected.iter().zip(&forms) {
                    for question in &offer.questions {
                        let id = format!("id=\"{}-{}\"", offer.kind.name(), question.ask.field);
                        assert!(form.contains(&id), "{id} in {form}");
                    }
                    assert!(form.contains(offer.kind.zh()), "{form}");
                }
                seen.extend(names.iter().copied());
                let part = item.map(|item| format!("/tasks/{}", item.replace('/', "%2F")));
                let part = part.unwrap_or_default();
                let path = format!("/api/v1/cases/{case}{part}?person={person}");
                let told = office.get(&path).await;
                let told = told["moves"].as_array().unwrap();
                let kinds: Vec<&str> =
                    told.iter().map(|one| one["kind"].as_str().unwrap()).collect();
                assert_eq!(kinds, names, "{one:?}: {path}");
                for (offer, told) in expected.iter().zip(told) {
                    assert_eq!(
                        (&told["zh"], &told["en"]),
                        (&json!(offer.kind.zh()), &json!(offer.kind.en()))
                    );
                    let asks = told["asks"].as_array().unwrap().iter();
                    let fields: Vec<&str> =
                        asks.map(|ask| ask["field"].as_str().unwrap()).collect();
                    let expected: Vec<&str> =
                        offer.questions.iter().map(|one| one.ask.field).collect();
                    assert_eq!(fields, expected, "{told}");
                }
            }
        }
    }
    let missing: Vec<&str> =
        MoveKind::ALL.iter().map(|kind| kind.name()).filter(|name| !seen.contains(name)).collect();
    assert!(missing.is_empty(), "give STEPS a situation in which these are offered: {missing:?}");
}

/// Sends a form of a task, or of the case; the answer's status and page.
async fn send(office: &Office, cookie: &str, path: &str, fields: &[(&str, &str)]) -> (u16, String) {
    let mut form = Form::new();
    for (name, value) in fields {
        form = form.text((*name).to_owned(), (*value).to_owned());
    }
    let request = office.bare(Method::POST, path).header("cookie", cookie).multipart(form);
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test]
async fn what_was_sent_becomes_the_move_by_the_kind_of_each_question() {
    let (office, case) = office().await;
    let task = format!("/cases/{case}/task?item=first");
    let whole = format!("/cases/{case}");
    let sent: [(&str, &str, Fields<'_>); 11] = [
        ("li", &task, &[("move", "report"), ("text", "一"), ("percent", "40%"), ("value", "88.5")]),
        ("li", &task, &[("move", "delegate"), ("to", "王五")]),
        ("li", &task, &[("move", "delegate"), ("to", "")]),
        ("li", &task, &[("move", "ask_suspension"), ("reason", "等"), ("until", "2022-06-10")]),
        ("sun", &task, &[("move", "refuse_suspension"), ("reason", "不必")]),
        ("sun", &task, &[("move", "suspend"), ("reason", "等"), ("stops_clock", "false")]),
        ("sun", &task, &[("move", "resume")]),
        (
            "sun",
            &task,
            &[("move", "add_countersigner"), ("who", "督查室　主任"), ("before", "unit:C")],
        ),
        (
            "sun",
            &task,
            &[("move", "remove_countersigner"), ("who", "unit:C"), ("reason", "不必会签")],
        ),
        ("sun", &whole, &[("move", "suspend"), ("reason", "停工"), ("until", "2022-06-20")]),
        ("sun", &whole, &[("move", "resume")]),
    ];
    for (person, path, fields) in sent {
        let cookie = office.sign_in(person).await;
        let (status, page) = send(&office, &cookie, path, fields).await;
        assert_eq!(status, 303, "{fields:?}: {page}");
    }
    let now = office.engine.case(&case).await.unwrap();
    let item = now.item(&"first".into()).unwrap();
    assert_eq!((item.progress, item.value.unwrap().to_string().as_str()), (40, "88.5"));
    assert_eq!(item.handler, None);
    let members: Vec<String> = item.review.members.iter().map(ToString::to_string).collect();
    assert_eq!(members, ["post:S/主任"]);
    let told: Vec<String> = office
        .engine
        .events(&case, 0, 500)
        .await
        .unwrap()
        .into_iter()
        .map(|row| row.text)
        .collect();
    // A date means its end in the suite's time zone.
    let end = |date: &str| {
        let end: duban::Instant = format!("{date}T16:00:00Z").parse().unwrap();
        end.millis().to_string()
    };
    assert!(
        told.iter()
            .any(|text| text.contains("suspension_asked") && text.contains(&end("2022-06-10")))
    );
    assert!(
        told.iter()
            .any(|text| text.contains("case_suspended") && text.contains(&end("2022-06-20")))
    );
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "most of it is a table")]
async fn what_is_wrong_stands_beside_its_field_and_nothing_sent_is_lost() {
    let (office, case) = office().await;
    let task = format!("/cases/{case}/task?item=first");
    let whole = format!("/cases/{case}");
    let kept = "还没写完的理由";
    let bad: [(&str, &str, &str, Fields<'_>, &str, &str); 9] = [
        ("li", &task, "report", &[("text", ""), ("percent", "40")], "text", "请填写"),
        ("li", &task, "report", &[("text", kept), ("percent", "一半")], "percent", "0 到 100"),
        ("li", &task, "report", &[("text", kept), ("value", "很多")], "value", "应为数字"),
        (
            "li",
            &task,
            "ask_extension",
            &[("reason", kept), ("until", "22-6-30")],
            "until",
            "2022-06-30",
        ),
        (
            "li",
            &task,
            "ask_extension",
            &[("reason", kept), ("until", "2022-06-15")],
            "until",
            "须晚于现期限 2022-06-30",
        ),
        (
            "li",
            &task,
            "ask_extension",
            &[("reason", kept), ("until", "2022-12-31")],
            "until",
            "最晚可延至",
        ),
        (
            "li",
            &task,
            "transfer",
            &[("reason", kept), ("to", "不存在的单位")],
            "to",
            "找不到唯一的",
        ),
        ("sun", &task, "add_countersigner", &[("who", "市委办")], "who", "已在会签名单中"),
        (
            "sun",
            &whole,
            "suspend",
            &[("reason", kept), ("until", "2022-05-01")],
            "until",
            "应为将来的时间",
        ),
    ];
    for (person, path, kind, fields, field, expected) in bad {
        let cookie = office.sign_in(person).await;
        let fields = [&[("move", kind)], fields].concat();
        let (status, page) = send(&office, &cookie, path, &fields).await;
        assert!((400..500).contains(&status), "{kind} {field}: {status}");
        let (_, form) = forms(&page).into_iter().find(|(name, _)| *name == kind).unwrap();
        let beside = form.split_once(&format!("id=\"{kind}-{field}-err\">")).map(|(_, rest)| rest);
        let beside = beside.unwrap_or_else(|| panic!("nothing beside {field}: {form}"));
        assert!(beside.split_once('<').unwrap().0.contains(expected), "{beside}");
        // The summary leads there, by the field's Chinese name.
        let ask =
            MoveKind::named(kind).unwrap().asks().iter().find(|ask| ask.field == field).unwrap();
        let line = format!("<a href=\"#{kind}-{field}\">“{}”：", ask.zh);
        assert!(page.contains("role=\"alert\"") && page.contains(&line), "{line}: {page}");
        for (name, value) in
            fields.iter().filter(|(name, value)| *name != "move" && !value.is_empty())
        {
            assert!(form.contains(value), "{name}: {value} is lost in {form}");
        }
    }
    let before = office.engine.case(&case).await.unwrap().head().version;
    // A move that nobody may make here is told above the forms.
    let li = office.sign_in("li").await;
    for (path, kind) in [(&task, "dance"), (&task, "accept"), (&whole, "sign"), (&whole, "suspend")]
    {
        let (status, page) = send(&office, &li, path, &[("move", kind), ("reason", kept)]).await;
        assert!((400..500).contains(&status) && page.contains("role=\"alert\""), "{kind}: {page}");
    }
    assert_eq!(office.engine.case(&case).await.unwrap().head().version, before);
}
