//! The directory out of tables: what is shown before, what it takes to say yes, and back.

use duban::{Assignee, Directory};
use duban_web::Scope;
use encoding_rs::GB18030;
use reqwest::multipart::{Form, Part};
use reqwest::{Method, Response};
use rust_xlsxwriter::Workbook;
use serde_json::{Value, json};

use crate::support::{Office, problem};

type Table = (&'static str, &'static [&'static [&'static str]]);

const UNITS: Table = (
    "单位",
    &[
        &["代码", "名称", "级别", "上级"],
        &["C", "市委办", "市", ""],
        &["D", "历下区", "区", "C"],
        &["E", "市中区", "区", "C"],
    ],
);

const POSTS: Table = (
    "岗位",
    &[
        &["单位", "岗位", "任职"],
        &["C", "主任", "张三"],
        &["D", "书记", "zhao"],
        &["E", "书记", ""],
    ],
);

const PEOPLE: Table = (
    "人员",
    &[&["编号", "姓名", "邮箱"], &["zhang", "张三", ""], &["zhao", "赵六", "zhao@example.org"]],
);

fn workbook(tables: &[Table]) -> Vec<u8> {
    let mut book = Workbook::new();
    for (name, rows) in tables {
        let page = book.add_worksheet();
        page.set_name(*name).unwrap();
        for (row, cells) in (0..).zip(*rows) {
            for (column, cell) in (0..).zip(*cells) {
                page.write_string(row, column, *cell).unwrap();
            }
        }
    }
    book.save_to_buffer().unwrap()
}

async fn with_root() -> (Office, String) {
    let office = Office::new().await;
    office.accounts(&[("root", "admin:system"), ("li", "li")]).await;
    let root = office.sign_in("root").await;
    (office, root)
}

async fn upload(
    office: &Office,
    cookie: &str,
    mode: &'static str,
    file: (&str, Vec<u8>),
) -> Response {
    let part = Part::bytes(file.1).file_name(file.0.to_owned());
    let form = Form::new().text("mode", mode).part("files", part);
    let request = office.bare(Method::POST, "/directory/import").header("cookie", cookie);
    request.multipart(form).send().await.unwrap()
}

fn digest_of(page: &str) -> String {
    page.split_once("name=\"digest\" value=\"").unwrap().1.split_once('"').unwrap().0.to_owned()
}

async fn say_yes(office: &Office, cookie: &str, of: &str, digest: &str) -> u16 {
    let request = office.bare(Method::POST, "/directory/change").header("cookie", cookie);
    let form = [("of", of), ("digest", digest)];
    request.form(&form).send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn nothing_changes_before_somebody_says_yes_to_what_was_shown() {
    let (office, root) = with_root().await;
    let case = office.open().await;
    let sign = json!({ "kind": "sign", "item": "write" });
    assert_eq!(office.act(&case, "li", sign).await.status(), 200);
    let before = office.engine.directory();
    let book = workbook(&[UNITS, POSTS, PEOPLE]);
    let uploaded = upload(&office, &root, "replace", ("花名册.xlsx", book)).await;
    assert_eq!(uploaded.headers()["location"], "/directory/change?of=upload");
    let (_, page) = office.look(&root, "/directory/change?of=upload").await;
    for told in [
        "D 书记：li → zhao",
        "E 书记：wang → 无人",
        "wang 王五",
        "zhao 赵六",
        "报送半年总结",
        "历下区 书记",
    ] {
        assert!(page.contains(told), "{told}: {page}");
    }
    assert_eq!(office.engine.directory().version(), before.version());

    let digest = digest_of(&page);
    assert_eq!(say_yes(&office, &root, "upload", &"0".repeat(64)).await, 412);
    let mut other = before.data().clone();
    other.people[0].name = "张三三".to_owned();
    let other = Directory::new(other).unwrap();
    office.engine.set_directory(other).await.unwrap().finished().await.unwrap();
    assert_eq!(say_yes(&office, &root, "upload", &digest).await, 412, "it changed meanwhile");
    let (_, page) = office.look(&root, "/directory/change?of=upload").await;
    assert!(page.contains("role=\"alert\"") && !page.contains("name=\"digest\""), "{page}");

    let book = workbook(&[UNITS, POSTS, PEOPLE]);
    upload(&office, &root, "replace", ("花名册.xlsx", book)).await;
    let (_, page) = office.look(&root, "/directory/change?of=upload").await;
    assert_eq!(say_yes(&office, &root, "upload", &digest_of(&page)).await, 303);
    let after = office.engine.directory();
    let post = Assignee::Post("D".into(), "书记".into());
    assert_eq!(after.holders(&post), ["zhao".into()]);
    assert_eq!(office.look(&root, "/directory/change?of=upload").await.0, 404, "used up");
    let (_, page) = office.look(&root, "/directory").await;
    assert!(page.contains("导入（root）"), "{page}");

    // The task belongs to whoever holds the post now; the past keeps who held it then.
    office.engine.settled().await.unwrap();
    let report = json!({ "kind": "report", "item": "write", "text": "续" });
    assert_eq!(office.act(&case, "li", report.clone()).await.status(), 403);
    assert_eq!(office.act(&case, "zhao", report).await.status(), 200);
    let events = office.get(&format!("/api/v1/cases/{case}/events?limit=500")).await;
    let signed = events
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["record"]["event"]["fact"].get("signed").is_some());
    let actor = &signed.unwrap()["record"]["event"]["actor"];
    assert!(actor.to_string().contains("\"li\""), "{actor}");
}

#[tokio::test]
async fn open_tasks_look_for_new_owners_when_theirs_are_gone() {
    let office = Office::new().await;
    let case = office.open().await;
    let first = office.get(&format!("/api/v1/tasks?case={case}")).await;
    assert_eq!(first["rows"][0]["owner"], "post:D/书记");
    let mut data = office.engine.directory().data().clone();
    data.posts.retain(|post| post.unit.as_str() != "D");
    let change = async |data| {
        let directory = Directory::new(data).unwrap();
        office.engine.set_directory(directory).await.unwrap().finished().await.unwrap()
    };
    assert_eq!(change(data.clone()).await.changed, 1);
    let needing = office.get("/api/v1/tasks?attention=owner_vacant").await;
    assert_eq!(needing["rows"].as_array().unwrap().len(), 1, "{needing}");
    assert_eq!(change(data.clone()).await.changed, 0, "it is noted once");
    let post = duban_model::Post {
        unit: "D".into(),
        name: "书记".to_owned(),
        holders: vec!["wang".into()],
    };
    data.posts.push(post);
    assert_eq!(change(data).await.changed, 1);
    let sign = json!({ "kind": "sign", "item": "write" });
    assert_eq!(office.act(&case, "wang", sign).await.status(), 200);
}

#[tokio::test]
async fn problems_are_told_by_sheet_row_and_column() {
    let (office, root) = with_root().await;
    let posts: Table = ("岗位", &[&["单位", "岗位", "任职"], &["没有", "主任", "张三"]]);
    let refused = upload(&office, &root, "merge", ("表.xlsx", workbook(&[posts]))).await;
    assert_eq!(refused.status(), 422);
    let page = refused.text().await.unwrap();
    assert!(page.contains("表.xlsx［岗位］:2:1: 错误 DB1302: 没有单位 `没有`"), "{page}");
    let refused = upload(&office, &root, "merge", ("表.pdf", vec![1])).await;
    assert!(refused.text().await.unwrap().contains("DB1309"));
    let refused = upload(&office, &root, "merge", ("表.xlsx", vec![b' '; (20 << 20) + 1])).await;
    assert!(refused.text().await.unwrap().contains("table_bytes_max"));
}

#[tokio::test]
async fn what_is_exported_is_imported_without_a_difference() {
    let (office, root) = with_root().await;
    let request = office.bare(Method::GET, "/directory/export?format=xlsx").header("cookie", &root);
    let book = request.send().await.unwrap();
    assert!(book.headers()["content-disposition"].to_str().unwrap().ends_with(".xlsx\""));
    let book = book.bytes().await.unwrap().to_vec();
    upload(&office, &root, "replace", ("directory.xlsx", book)).await;
    let (_, page) = office.look(&root, "/directory/change?of=upload").await;
    assert!(page.contains("没有差别"), "{page}");

    let mut form = Form::new().text("mode", "replace");
    for (number, name) in ["单位.csv", "岗位.csv", "人员.csv", "代理.csv"].into_iter().enumerate()
    {
        let path = format!("/directory/export?format=csv&table={number}");
        let request = office.bare(Method::GET, &path).header("cookie", &root);
        let bytes = request.send().await.unwrap().bytes().await.unwrap().to_vec();
        form = form.part("files", Part::bytes(bytes).file_name(name));
    }
    let request = office.bare(Method::POST, "/directory/import").header("cookie", &root);
    assert_eq!(request.multipart(form).send().await.unwrap().status(), 303);
    let (_, page) = office.look(&root, "/directory/change?of=upload").await;
    assert!(page.contains("没有差别"), "{page}");
    assert_eq!(office.look(&root, "/directory/export?format=csv&table=9").await.0, 404);
}

async fn import(office: &Office, query: &str, kind: &str, body: Vec<u8>) -> Response {
    let path = format!("/api/v1/directory/import?{query}");
    let request = office.call(Scope::Admin, Method::POST, &path).header("content-type", kind);
    request.body(body).send().await.unwrap()
}

#[tokio::test]
async fn programs_import_tables_too() {
    let office = Office::new().await;
    office.open().await;
    let roster = "编号,姓名,单位,岗位\r\nzhao,赵六,历下区,书记\r\n";
    let roster = GB18030.encode(roster).0.to_vec();
    let dry = import(&office, "mode=merge&dry_run=true", "text/csv", roster.clone()).await;
    let dry: Value = dry.json().await.unwrap();
    assert_eq!((&dry["applied"], &dry["tasks"][0]["item"]), (&json!(false), &json!("write")));
    let keys: Vec<&str> =
        dry["changes"].as_array().unwrap().iter().map(|one| one["key"].as_str().unwrap()).collect();
    assert_eq!(keys, ["holders_changed", "people_added"]);
    assert!(office.engine.directory().person(&"zhao".into()).is_none());

    let done = import(&office, "mode=merge", "text/csv", roster.clone()).await;
    let done: Value = done.json().await.unwrap();
    assert_eq!(done["applied"], true, "{done}");
    let again: Value =
        import(&office, "mode=merge", "text/csv", roster).await.json().await.unwrap();
    assert_eq!((&again["applied"], &again["changes"]), (&json!(false), &json!([])));

    let book = workbook(&[UNITS, POSTS, PEOPLE]);
    let kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    let whole: Value = import(&office, "mode=replace", kind, book).await.json().await.unwrap();
    assert_eq!(whole["applied"], true);
    assert_eq!(office.engine.directory().data().people.len(), 2);

    let refused = import(&office, "mode=replace", "text/csv", b"a,b\r\n1,2".to_vec()).await;
    assert_eq!(problem(refused).await, (422, "DB6009".to_owned()));
    let refused = import(&office, "mode=all", "text/csv", Vec::new()).await;
    assert_eq!(problem(refused).await.0, 400);
    let refused = import(&office, "mode=merge", "text/csv", vec![b'x'; (20 << 20) + 1]).await;
    assert_eq!(problem(refused).await, (413, "DB6008".to_owned()));
}

#[tokio::test]
async fn a_directory_is_put_only_in_place_of_the_one_that_was_read() {
    let office = Office::new().await;
    let path = "/api/v1/directory";
    let read = office.call(Scope::Read, Method::GET, path).send().await.unwrap();
    let tag = read.headers()["etag"].clone();
    let mut data: Value = read.json().await.unwrap();
    data["people"][0]["name"] = json!("张三三");
    let put = || {
        let request = office.call(Scope::Admin, Method::PUT, path).json(&data);
        request.header("If-Match", tag.clone()).send()
    };
    let done = put().await.unwrap();
    assert_eq!(done.status(), 204);
    let read = office.call(Scope::Read, Method::GET, path).send().await.unwrap();
    assert_eq!(read.headers()["etag"], done.headers()["etag"]);
    assert_eq!(problem(put().await.unwrap()).await, (412, "DB4020".to_owned()));
}

#[tokio::test]
async fn a_province_is_shown_in_pages() {
    let (office, root) = with_root().await;
    let mut data = office.engine.directory().data().clone();
    for number in 0..450 {
        data.units.push(duban_model::Unit {
            id: format!("S{number:04}").as_str().into(),
            name: format!("第{number}街道"),
            level: "street".to_owned(),
            superior: Some("E".into()),
            tags: Vec::new(),
            since: None,
            predecessors: Vec::new(),
        });
    }
    drop(office.engine.set_directory(Directory::new(data).unwrap()).await.unwrap());
    let mut path = "/directory?unit=E".to_owned();
    let mut seen = 0;
    loop {
        let (status, page) = office.look(&root, &path).await;
        assert_eq!(status, 200);
        let units = page.matches("街道</a>").count();
        assert!(units <= 200, "{units}");
        seen += units;
        let Some((_, next)) = page.split_once("rel=\"next\" href=\"") else { break };
        path = next.split_once('"').unwrap().0.replace("&#38;", "&");
    }
    assert_eq!(seen, 450);
}
