//! Dates beyond the years 1900 to 2200, as programs and browsers send them.

use duban_store::{CaseFilter, PageRequest};
use duban_web::Scope;
use reqwest::Method;
use reqwest::header::{COOKIE, ORIGIN};
use reqwest::multipart::Form;
use serde_json::{Value, json};

use crate::support::Office;

const BEYOND: [&str; 8] = [
    "0022-01-01",
    "1899-12-31",
    "2201-01-01",
    "2843-06-30",
    "-0001-01-01",
    "10000-01-01",
    "+10000-01-01",
    "2022-02-30",
];

async fn refuses(office: &Office, method: Method, path: &str, body: &Value) {
    let sent = office.call(Scope::Admin, method, path).json(body).send().await.unwrap();
    let (status, text) = (sent.status().as_u16(), sent.text().await.unwrap());
    assert_eq!(status, 422, "{path} {body}: {text}");
    assert!(text.contains("1900") && text.contains("2200"), "{path} {body}: {text}");
}

async fn has_no_case(office: &Office) {
    let found = office.engine.cases(CaseFilter::default(), PageRequest::first(1)).await;
    assert_eq!(found.unwrap().rows, []);
}

#[tokio::test]
async fn programs_get_the_years_and_nothing_is_written() {
    let office = Office::new().await;
    for date in BEYOND {
        let open = "/api/v1/suites/points/open";
        refuses(&office, Method::POST, open, &json!({ "date": date })).await;
        let one = json!({ "date": date, "workflow": "report" });
        refuses(&office, Method::POST, open, &one).await;
        let absence = json!({ "absent": "li", "by": "zhang", "from": date, "until": date });
        refuses(&office, Method::PUT, "/api/v1/stand-ins", &absence).await;
        let simulate = "/api/v1/suites/x/simulate";
        let (files, good) = (json!({}), "2022-01-01");
        for (from, to) in [(date, good), (good, date)] {
            let body = json!({ "files": files, "from": from, "to": to });
            refuses(&office, Method::POST, simulate, &body).await;
        }
    }
    for period in ["0022", "1899-H1", "2201-Q1", "2843-06", "-001", "10000-W01", "2201-W01"] {
        let body =
            json!({ "suite": "points", "workflow": "report", "unit": "D", "period": period });
        refuses(&office, Method::POST, "/api/v1/cases", &body).await;
    }
    has_no_case(&office).await;
    let mut directory = office.get("/api/v1/directory").await;
    directory["units"][0]["since"] = "0022-01-01".into();
    refuses(&office, Method::PUT, "/api/v1/directory", &directory).await;

    let case = office.open().await;
    let until = office.engine.now().plus_millis(300 * 365 * 86_400_000);
    let act = json!({ "kind": "ask_extension", "item": "write", "until": until.to_string(), "reason": "x" });
    let answer = office.act(&case, "li", act).await;
    assert_eq!(answer.status(), 422);
    assert!(answer.text().await.unwrap().contains("2200"));
}

#[tokio::test]
async fn browsers_get_the_years_and_nothing_is_written() {
    let office = Office::new().await;
    let absences = office.engine.directory().data().stand_ins.clone();
    office.accounts(&[("system", "admin:system"), ("li", "li")]).await;
    let (system, li) = (office.sign_in("system").await, office.sign_in("li").await);
    let send = async |cookie: &str, path: &str, form: &[(&str, &str)]| {
        let request = office.bare(Method::POST, path).header(COOKIE, cookie).form(form);
        let origin = office.url("");
        let sent = request.header(ORIGIN, origin).send().await.unwrap();
        (sent.status().as_u16(), sent.text().await.unwrap())
    };
    for date in BEYOND {
        let absence = [("what", "set"), ("by", "zhang"), ("from", date), ("until", date)];
        let simulate = [("workflow", "report"), ("from", "2022-01-01"), ("to", date)];
        for (cookie, path, form) in [
            (&system, "/suites/points/open", [("date", date)].as_slice()),
            (&system, "/suites/points/simulate", &simulate),
            (&li, "/absences", &absence),
        ] {
            let (status, page) = send(cookie, path, form).await;
            assert_eq!(status, 422, "{path} {date}: {page}");
            assert!(page.contains("1900") && page.contains("2200"), "{path} {date}: {page}");
        }
    }
    has_no_case(&office).await;
    assert_eq!(office.engine.directory().data().stand_ins, absences);

    let case = office.open().await;
    let path = format!("/cases/{case}/task?item=write");
    let before = office.engine.events(&case, 0, 500).await.unwrap().len();
    for date in BEYOND {
        let form =
            Form::new().text("move", "ask_extension").text("reason", "x").text("until", date);
        let request = office.bare(Method::POST, &path).header(COOKIE, &li).multipart(form);
        let sent = request.header(ORIGIN, office.url("")).send().await.unwrap();
        assert_eq!(sent.status(), 422, "{date}");
        let page = sent.text().await.unwrap();
        assert!(page.contains("1900") && page.contains("2200"), "{date}: {page}");
    }
    assert_eq!(office.engine.events(&case, 0, 500).await.unwrap().len(), before);
}
