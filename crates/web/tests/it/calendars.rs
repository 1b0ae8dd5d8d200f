//! Working-day calendars: a year's days, and the notice of the next one.

use duban_web::Scope;
use encoding_rs::GB18030;
use reqwest::multipart::{Form, Part};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::support::{Office, problem};

async fn with_root() -> (Office, String) {
    let office = Office::new().await;
    office.accounts(&[("root", "admin:system")]).await;
    let root = office.sign_in("root").await;
    (office, root)
}

async fn upload(
    office: &Office,
    cookie: &str,
    name: &'static str,
    notice: &'static str,
    bytes: Vec<u8>,
) -> Response {
    let form = Form::new().text("id", "cn").text("notice", notice);
    let form = form.part("file", Part::bytes(bytes).file_name(name));
    let request = office.bare(Method::POST, "/calendars").header("cookie", cookie);
    request.multipart(form).send().await.unwrap()
}

/// The fields of the form that says yes, as the browser would send them.
fn fields(page: &str) -> Vec<(String, String)> {
    let form = page.split_once("action=\"/calendars/apply\"").unwrap().1;
    let form = form.split_once("</form>").unwrap().0;
    let inputs = form.split("<input type=\"hidden\" name=\"").skip(1);
    let field = |input: &str| {
        let (name, rest) = input.split_once("\" value=\"").unwrap();
        let value = rest.split_once("\">").unwrap().0;
        let value = value.replace("&#34;", "\"").replace("&#60;", "<").replace("&#62;", ">");
        (name.to_owned(), value.replace("&#39;", "'").replace("&#38;", "&").replace('\n', "\r\n"))
    };
    inputs.map(field).collect()
}

#[tokio::test]
async fn a_notice_is_compared_before_it_is_loaded() {
    let (office, root) = with_root().await;
    let (_, page) = office.look(&root, "/calendars?id=cn&year=2050").await;
    assert!(page.contains("暂定") && page.contains("<td class=\"holiday\""), "{page}");
    let (_, page) = office.look(&root, "/calendars?year=2022").await;
    assert!(page.contains("<td class=\"made-up\"") && !page.contains("暂定的，据此"), "{page}");

    let table = "日期,类别,名称\r\n2050-01-03,休,元旦\r\n2050/1/8,班,元旦\r\n";
    let bytes = GB18030.encode(table).0.to_vec();
    let bare = upload(&office, &root, "2050.csv", "", bytes.clone()).await;
    assert_eq!(bare.status(), 422);
    let shown = upload(&office, &root, "2050.csv", "国办发明电〔2049〕1号", bytes).await;
    assert_eq!(shown.status(), 200);
    let page = shown.text().await.unwrap();
    assert!(page.contains("2050-01-03") && page.contains("元旦调休上班"), "{page}");
    let before = office.engine.calendar("cn").await.unwrap();
    assert!(!before.covers(2050));
    let apply = || {
        let request = office.bare(Method::POST, "/calendars/apply").header("cookie", &root);
        request.form(&fields(&page)).send()
    };
    assert_eq!(apply().await.unwrap().status(), 303);
    let after = office.engine.calendar("cn").await.unwrap();
    assert!(after.covers(2050) && after.covers(2022));
    assert!(!after.is_workday("2050-01-03".parse().unwrap()));
    assert!(after.is_workday("2050-01-08".parse().unwrap()));
    assert_eq!(apply().await.unwrap().status(), 412, "it is another calendar by now");
}

#[tokio::test]
async fn a_calendars_file_is_read_as_the_suites_have_it() {
    let (office, root) = with_root().await;
    let file = "id: cn\nyears:\n  - year: 2051\n    notice: 国办发明电〔2050〕1号\n    off:\n      - { name: \"元旦\", days: 2051-01-02..2051-01-03 }\n";
    let shown = upload(&office, &root, "cn.yaml", "", file.into()).await;
    let page = shown.text().await.unwrap();
    let request = office.bare(Method::POST, "/calendars/apply").header("cookie", &root);
    assert_eq!(request.form(&fields(&page)).send().await.unwrap().status(), 303);
    let (_, page) = office.look(&root, "/calendars?year=2051").await;
    assert!(page.contains("国办发明电〔2050〕1号"), "{page}");
    let bad = [
        ("cn.yaml", file.replace("2051-01-02..", "2052-05-01.."), "DB140"),
        ("cn.yaml", file.replace("id: cn", "id: other"), "不是 `cn`"),
        ("x.csv", "日期,类别,名称\n2051-01-04,假,元旦\nx,休,\n".to_owned(), "x.csv:2:2"),
    ];
    for (name, text, told) in bad {
        let refused = upload(&office, &root, name, "一号", text.into_bytes()).await;
        assert_eq!(refused.status(), 422, "{told}");
        let page = refused.text().await.unwrap();
        assert!(page.contains(told), "{told}: {page}");
    }
}

#[tokio::test]
async fn programs_read_and_put_calendars() {
    let office = Office::new().await;
    assert_eq!(office.get("/api/v1/calendars").await, json!(["cn"]));
    let path = "/api/v1/calendars/cn";
    let read = office.call(Scope::Read, Method::GET, path).send().await.unwrap();
    let tag = read.headers()["etag"].clone();
    let mut calendar: Value = read.json().await.unwrap();
    let year = json!({ "year": 2060, "notice": "一号", "on": [],
        "off": [{ "date": "2060-01-05", "name": "元旦" }] });
    calendar["years"].as_array_mut().unwrap().push(year);
    let put = async |query: &str, body: &Value| {
        let path = format!("{path}{query}");
        let request = office.call(Scope::Admin, Method::PUT, &path).header("If-Match", &tag);
        request.json(body).send().await.unwrap()
    };
    let dry: Value = put("?dry_run=true", &calendar).await.json().await.unwrap();
    assert_eq!(dry["applied"], false);
    let changed = dry["changed"].as_array().unwrap();
    assert!(
        changed
            .iter()
            .any(|day| day["date"] == "2060-01-05" && day["worked"] == json!([true, false])),
        "{dry}"
    );
    let done: Value = put("", &calendar).await.json().await.unwrap();
    assert_eq!(done["applied"], true);
    assert_eq!(problem(put("", &calendar).await).await, (412, "DB4020".to_owned()));
    let mut wrong = calendar.clone();
    wrong["id"] = json!("other");
    assert_eq!(problem(put("", &wrong).await).await.0, 422);
    for (at, field) in [("", "name"), ("/years/0", "of"), ("/years/0/off/0", "why")] {
        let mut misspelt = calendar.clone();
        misspelt.pointer_mut(at).unwrap()[field] = json!([]);
        let told: Value = put("?dry_run=true", &misspelt).await.json().await.unwrap();
        assert_eq!(told["status"], 422, "{told}");
        let detail = told["detail"].as_str().unwrap();
        assert!(detail.contains(&format!("a field `{field}`")), "{detail}");
    }
    let missing = office.call(Scope::Read, Method::GET, "/api/v1/calendars/none").send();
    assert_eq!(problem(missing.await.unwrap()).await, (404, "DB6004".to_owned()));
}
