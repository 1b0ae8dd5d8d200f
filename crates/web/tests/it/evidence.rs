//! Files: there before a move names them, given for its case, gone when no move was made.

use std::sync::Arc;

use duban::{CaseId, LogChannel, Store};
use duban_web::FileLimits;
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::support::{Office, problem};

/// A submission of the plan with one file.
fn submit(name: &str, file: &str) -> Value {
    let evidence = json!([{ "name": name, "file": file }]);
    json!({ "kind": "submit", "item": "draft", "form": { "topic": "一" }, "evidence": evidence })
}

fn report(text: &str, files: &[&str]) -> Value {
    let evidence: Vec<Value> =
        files.iter().map(|file| json!({ "name": "附件", "file": file })).collect();
    json!({ "kind": "report", "item": "draft", "text": text, "evidence": evidence })
}

/// A case of the same workflow for the other district.
async fn other_case(office: &Office) -> CaseId {
    let spec = duban::OpenSpec::new("points", "plan", "E");
    office.engine.open(spec, duban::Actor::operator("OA"), None).await.unwrap().case
}

/// Sends the form of the task's page; status and text of the answer.
async fn send(office: &Office, case: &CaseId, cookie: &str, form: Form) -> (u16, String) {
    let path = format!("/cases/{case}/task?item=draft");
    let request = office.bare(Method::POST, &path).header("cookie", cookie).multipart(form);
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

/// A form as browsers write it: names as they are.
fn parts() -> Form {
    Form::new().percent_encode_noop()
}

fn form(act: &str, file: &str, bytes: &[u8]) -> Form {
    let part = Part::bytes(bytes.to_vec()).file_name(file.to_owned());
    parts().text("move", act.to_owned()).part("e.计划书", part).text("f.topic", "一")
}

#[tokio::test]
async fn owed_evidence_is_a_file_that_was_given_for_this_case() {
    let office = Office::new().await;
    let (case, other) = (office.open_of("plan").await, other_case(&office).await);
    let foreign = office.give(&other, "wang", "b.txt", "别人的").await;
    let own = office.give(&case, "li", "a.txt", "一").await;
    let digest = own.strip_prefix("sha256:").unwrap();
    let zeros = format!("sha256:{}", "0".repeat(64));
    let upper = format!("sha256:{}", digest.to_uppercase());
    let named = [
        zeros.as_str(),
        "sha256:zz",
        "sha256:",
        "file:///etc/passwd",
        "../../../etc/passwd",
        digest,
        &upper,
        &own[..own.len() - 1],
        &format!("{own} "),
        &foreign,
    ];
    let before = office.engine.events(&case, 0, 500).await.unwrap().len();
    let mut told = std::collections::BTreeSet::new();
    for file in named {
        for act in [submit("计划书", file), report("见附件", &[&own, file])] {
            let refused = office.act(&case, "li", act).await;
            let body: Value = refused.json().await.unwrap();
            assert_eq!((&body["status"], &body["code"]), (&json!(422), &json!("DB4031")), "{file}");
            let detail = body["detail"].as_str().unwrap().replace(file, "");
            told.insert(detail.replace("计划书", "附件"));
        }
    }
    assert_eq!(told.len(), 1, "what belongs to others is told as what is not there: {told:?}");
    assert_eq!(office.engine.events(&case, 0, 500).await.unwrap().len(), before);
    assert_eq!(office.act(&case, "li", submit("计划书", &own)).await.status(), 200);
}

#[tokio::test]
async fn a_file_that_is_gone_or_cut_off_is_not_there() {
    let office = Office::new().await;
    let case = office.open_of("plan").await;
    for (text, damage) in [("一二", None), ("三四", Some("三"))] {
        let file = office.give(&case, "li", "a.txt", text).await;
        office.damage(&file, damage);
        let refused = office.act(&case, "li", submit("计划书", &file)).await;
        assert_eq!(problem(refused).await, (422, "DB4031".to_owned()));
        // Given once more, it is whole.
        assert_eq!(office.give(&case, "li", "a.txt", text).await, file);
        assert_eq!(office.act(&case, "li", report("好了", &[&file])).await.status(), 200);
    }
}

#[tokio::test]
async fn a_file_without_content_shows_nothing() {
    let office = Office::new().await;
    let case = office.open_of("plan").await;
    let refused = office.upload(case.as_str(), "li", "空.txt", Vec::new()).await;
    assert_eq!(refused.status(), 422);
    let told = refused.text().await.unwrap();
    assert!(told.contains("空.txt"), "{told}");
    office.accounts(&[("li", "li")]).await;
    let cookie = office.sign_in("li").await;
    let (status, told) = send(&office, &case, &cookie, form("submit", "空.txt", b"")).await;
    assert_eq!(status, 422, "{told}");
    assert!(told.contains("空.txt"), "{told}");
    assert_eq!(office.files_kept(), Vec::<String>::new());
    let (status, _) = send(&office, &case, &cookie, form("submit", "好.txt", b"x")).await;
    assert_eq!(status, 303);
}

#[tokio::test]
async fn fields_for_files_hold_files_of_the_case() {
    let office = Office::new().await;
    let (case, other) = (office.open_of("scan").await, other_case(&office).await);
    let own = office.give(&case, "li", "a.txt", "一").await;
    let foreign = office.give(&other, "wang", "b.txt", "二").await;
    let submit = |scan: &str, row: &str| {
        let form = json!({ "scan": scan, "pages": [{ "page": row }] });
        json!({ "kind": "submit", "item": "scan", "form": form })
    };
    for (scan, row) in [("sha256:zz", own.as_str()), (&own, &foreign), (&own, "file:///etc/passwd")]
    {
        let refused = office.act(&case, "li", submit(scan, row)).await;
        assert_eq!(problem(refused).await, (422, "DB4031".to_owned()), "{scan} {row}");
    }
    assert_eq!(office.act(&case, "li", submit(&own, &own)).await.status(), 200);
}

#[tokio::test]
async fn a_text_that_names_a_file_opens_nothing() {
    let office = Office::new().await;
    office.accounts(&[("li", "li"), ("wang", "wang")]).await;
    let (case, other) = (office.open_of("plan").await, other_case(&office).await);
    let secret = office.give(&case, "li", "a.txt", "只给历下区看").await;
    assert_eq!(office.act(&case, "li", report("附上", &[&secret])).await.status(), 200);
    let digest = secret.strip_prefix("sha256:").unwrap();
    let (li, wang) = (office.sign_in("li").await, office.sign_in("wang").await);
    let page = |case: &CaseId| format!("/cases/{case}/files/{digest}");
    assert_eq!(office.look(&li, &page(&case)).await, (200, "只给历下区看".to_owned()));

    let texts = [format!("见 {secret}"), secret.clone(), format!("\",\"file\":\"{secret}\"")];
    for text in texts {
        assert_eq!(office.act(&other, "wang", report(&text, &[])).await.status(), 200);
        assert_eq!(office.look(&wang, &page(&other)).await.0, 404, "{text}");
        assert_eq!(office.look(&wang, &page(&case)).await.0, 404);
        // Nor does the text let a move name it.
        let refused = office.act(&other, "wang", report("偷看", &[&secret])).await;
        assert_eq!(problem(refused).await.1, "DB4031", "{text}");
    }
}

#[tokio::test]
async fn a_download_has_the_name_of_the_event_and_the_ending_of_the_file() {
    let office = Office::new().await;
    office.accounts(&[("li", "li")]).await;
    let case = office.open_of("plan").await;
    let li = office.sign_in("li").await;
    let (status, text) = send(&office, &case, &li, form("submit", "草稿.txt", b"x")).await;
    assert_eq!(status, 303, "{text}");
    let digest = office.files_kept().pop().unwrap();
    for query in ["", "?name=通知.exe", "?name=a.html"] {
        let path = format!("/cases/{case}/files/{digest}{query}");
        let request = office.bare(Method::GET, &path).header("cookie", &li);
        let response = request.send().await.unwrap();
        let told = response.headers()["content-disposition"].to_str().unwrap();
        assert!(told.starts_with("attachment; filename=\"file.txt\""), "{told}");
        // 计划书.txt
        assert!(told.ends_with("%E8%AE%A1%E5%88%92%E4%B9%A6%2Etxt"), "{told}");
    }
}

#[tokio::test]
async fn a_refused_move_leaves_no_file_and_takes_nobody_elses() {
    let office = Office::new().await;
    office.accounts(&[("li", "li"), ("zhang", "zhang"), ("sun", "sun")]).await;
    let (case, other) = (office.open_of("plan").await, other_case(&office).await);
    let (li, zhang) = (office.sign_in("li").await, office.sign_in("zhang").await);
    // The reviewer sees the case, but has nothing to hand in; an owner forgets the topic, sends a
    // second file of a kind that is not taken, or names no move.
    let bad_topic = parts().text("move", "submit").part("e.计划书", a_file("a.txt", "甲"));
    let bad_kind = form("submit", "a.txt", "乙".as_bytes()).part("e.", a_file("b.exe", "x"));
    let no_move = form("dance", "a.txt", "丙".as_bytes());
    for (cookie, form, expected) in [
        (&zhang, form("report", "a.txt", b"x"), 403),
        (&li, bad_topic, 422),
        (&li, bad_kind, 422),
        (&li, no_move, 422),
    ] {
        let (status, text) = send(&office, &case, cookie, form).await;
        assert_eq!(status, expected, "{text}");
        assert_eq!(office.files_kept(), Vec::<String>::new());
        assert_eq!(office.file_documents().await, Vec::<String>::new());
    }

    // What another case rests on stays, and so does what this one had before.
    let shared = office.give(&other, "wang", "a.txt", "同一份").await;
    assert_eq!(office.act(&other, "wang", report("附上", &[&shared])).await.status(), 200);
    let own = office.give(&case, "li", "a.txt", "原有的").await;
    let (files, documents) = (office.files_kept(), office.file_documents().await);
    for text in ["同一份", "原有的"] {
        let bad = parts().text("move", "submit").part("e.计划书", a_file("a.txt", text));
        assert_eq!(send(&office, &case, &li, bad).await.0, 422);
        assert_eq!(
            (office.files_kept(), office.file_documents().await),
            (files.clone(), documents.clone())
        );
    }
    assert_eq!(office.act(&case, "li", submit("计划书", &own)).await.status(), 200);
}

fn a_file(name: &str, text: &str) -> Part {
    Part::bytes(text.as_bytes().to_vec()).file_name(name.to_owned())
}

#[tokio::test]
async fn what_no_move_names_goes_after_a_day() {
    let office = Office::new().await;
    let case = office.open_of("plan").await;
    let named = office.give(&case, "li", "a.txt", "用了").await;
    let idle = office.give(&case, "li", "a.txt", "没用").await;
    assert_eq!(office.act(&case, "li", report("附上", &[&named])).await.status(), 200);
    let sweep = async || office.case_files.sweep(office.engine.now()).await.unwrap();
    assert_eq!(sweep().await, 0, "its day is not over");
    assert_eq!(office.files_kept().len(), 2);
    let later = office.engine.now().plus_millis(24 * 3_600_000 + 1);
    office.clock.advance(&office.engine, later).await.unwrap();
    assert_eq!((sweep().await, sweep().await), (1, 0));
    let digest = |file: &str| file.strip_prefix("sha256:").unwrap().to_owned();
    assert_eq!(office.files_kept(), [digest(&named)]);
    let refused = office.act(&case, "li", submit("计划书", &idle)).await;
    assert_eq!(problem(refused).await.1, "DB4031");
    assert_eq!(office.act(&case, "li", submit("计划书", &named)).await.status(), 200);
}

#[tokio::test]
async fn files_from_before_such_records_stay_and_may_be_named_again() {
    let office = Office::new().await;
    office.accounts(&[("li", "li")]).await;
    let (case, other) = (office.open_of("plan").await, other_case(&office).await);
    let old = office.give(&case, "li", "a.txt", "旧的").await;
    assert_eq!(office.act(&case, "li", report("附上", &[&old])).await.status(), 200);
    for name in office.file_documents().await {
        office.engine.store().remove_document(&name).await.unwrap();
    }
    // Another case's refused move has the same content.
    let bad = parts().text("move", "submit").part("e.计划书", a_file("b.txt", "旧的"));
    office.more_accounts(&[("wang", "wang")]).await;
    let wang = office.sign_in("wang").await;
    assert_eq!(send(&office, &other, &wang, bad).await.0, 422);
    assert_eq!(office.files_kept().len(), 1, "it was there before");
    assert_eq!(office.act(&case, "li", submit("计划书", &old)).await.status(), 200);
    let li = office.sign_in("li").await;
    let path = format!("/cases/{case}/files/{}", old.strip_prefix("sha256:").unwrap());
    assert_eq!(office.look(&li, &path).await, (200, "旧的".to_owned()));
}

#[tokio::test]
async fn uploads_have_bounds_for_a_case_and_for_a_person_and_day() {
    let limits = FileLimits {
        case_bytes_max: 100,
        case_files_max: 3,
        person_day_bytes_max: 150,
        ..FileLimits::default()
    };
    let office = Office::limited(vec![Arc::new(LogChannel)], limits, |settings| settings).await;
    let (case, other) = (office.open_of("plan").await, other_case(&office).await);
    let upload = async |case: &CaseId, person: &str, byte: u8, size: usize| {
        office.upload(case.as_str(), person, "a.txt", vec![byte; size]).await
    };
    assert_eq!(upload(&case, "li", 1, 60).await.status(), 201);
    assert_eq!(upload(&case, "li", 1, 60).await.status(), 201, "it is there already");
    let full = upload(&case, "zhang", 2, 41).await;
    assert_eq!(problem(full).await, (413, "DB6045".to_owned()));
    let enough = upload(&case, "li", 3, 31).await;
    assert_eq!(enough.headers()["retry-after"], "86400");
    assert_eq!(problem(enough).await, (429, "DB6046".to_owned()));
    assert_eq!(office.files_kept().len(), 1);
    for byte in [4, 5] {
        assert_eq!(upload(&case, "zhang", byte, 10).await.status(), 201);
    }
    let full = upload(&case, "zhang", 6, 1).await;
    assert_eq!(problem(full).await, (413, "DB6045".to_owned()));
    assert_eq!(upload(&other, "zhang", 6, 1).await.status(), 201);
    let tomorrow = office.engine.now().plus_millis(24 * 3_600_000);
    office.clock.advance(&office.engine, tomorrow).await.unwrap();
    assert_eq!(upload(&other, "wang", 7, 31).await.status(), 201);
    office.case_files.sweep(tomorrow).await.unwrap();
    let days = office.engine.store().documents("evidence-day/").await.unwrap();
    assert!(days.iter().all(|(name, _)| name.ends_with("/wang")), "{days:?}");
}

#[tokio::test]
async fn files_are_given_by_those_who_see_the_case() {
    let office = Office::new().await;
    let case = office.open_of("plan").await;
    for (case, person) in [
        (case.as_str(), "wang"),
        (case.as_str(), "wu"),
        (case.as_str(), "nobody"),
        ("0123456789abcdef01234567", "li"),
    ] {
        let refused = office.upload(case, person, "a.txt", b"x".to_vec()).await;
        assert_eq!(problem(refused).await.0, 404, "{person}");
    }
    assert_eq!(office.files_kept(), Vec::<String>::new());
    for person in ["li", "qian", "zhang", "sun"] {
        let taken = office.upload(case.as_str(), person, "a.txt", b"x".to_vec()).await;
        assert_eq!(taken.status(), 201, "{person}");
    }
}
