//! Every page with every kind of visitor.

use reqwest::Method;

use crate::support::Office;

/// Who looks: nobody, the owner, the reviewer above, somebody of another district, the posts.
const VISITORS: [&str; 7] = ["", "li", "zhang", "wang", "root", "security", "eye"];

/// A page and the status for each of them; 303 leads to the page to sign in at, or, on the first
/// page, to where a post's work is.
const PAGES: &[(&str, [u16; 7])] = &[
    ("/", [303, 200, 200, 200, 303, 303, 303]),
    ("/todo", [303, 200, 200, 200, 403, 403, 403]),
    ("/tasks", [303, 200, 200, 200, 403, 403, 403]),
    ("/cases/{case}", [303, 200, 200, 404, 403, 403, 403]),
    ("/cases/{case}/task?item=draft", [303, 200, 200, 404, 403, 403, 403]),
    ("/cases/none", [303, 404, 404, 404, 403, 403, 403]),
    ("/duties", [303, 200, 200, 200, 403, 403, 403]),
    ("/interviews", [303, 200, 200, 200, 403, 403, 403]),
    ("/notices", [303, 200, 200, 200, 403, 403, 403]),
    ("/indicators", [303, 200, 200, 200, 403, 403, 403]),
    ("/search?q=plan", [303, 200, 200, 200, 403, 403, 403]),
    ("/suites", [303, 200, 200, 200, 200, 403, 403]),
    ("/suites/points", [303, 200, 200, 200, 200, 403, 403]),
    ("/suites/points/graph/plan", [303, 200, 200, 200, 200, 403, 403]),
    ("/suites/points/draft", [303, 403, 403, 403, 200, 403, 403]),
    ("/deliveries", [303, 403, 403, 403, 200, 403, 403]),
    ("/directory", [303, 200, 200, 200, 200, 200, 403]),
    ("/accounts", [303, 403, 403, 403, 403, 200, 403]),
    ("/audit", [303, 403, 403, 403, 403, 403, 200]),
];

/// Forms that only one post may send, and what is sent.
const FORMS: &[(&str, &str, &str)] = &[
    ("/suites", "suite=new", "root"),
    ("/suites/points/publish", "", "root"),
    ("/suites/points/simulate", "workflow=plan&from=2022-01-01&to=2022-01-31", "root"),
    ("/suites/points/open", "date=2022-01-01", "root"),
    ("/deliveries/retry", "case=none&seq=1", "root"),
    ("/accounts", "what=token&name=x&scope=read", "security"),
    ("/audit", "case={case}", "eye"),
];

async fn office() -> (Office, String, Vec<(&'static str, String)>) {
    let office = Office::new().await;
    let people = [("li", "li"), ("zhang", "zhang"), ("wang", "wang")];
    office.accounts(&people).await;
    office.more_accounts(&[("root", "admin:system"), ("eye", "admin:audit")]).await;
    let case = office.open_of("plan").await.to_string();
    let mut cookies = Vec::new();
    for login in VISITORS {
        let cookie = if login.is_empty() { String::new() } else { office.sign_in(login).await };
        cookies.push((login, cookie));
    }
    (office, case, cookies)
}

#[tokio::test]
async fn every_page_is_shown_to_those_whose_it_is() {
    let (office, case, cookies) = office().await;
    for (path, statuses) in PAGES {
        let path = path.replace("{case}", &case);
        for ((login, cookie), expected) in cookies.iter().zip(statuses) {
            let (status, text) = office.look(cookie, &path).await;
            assert_eq!(status, *expected, "{path} for `{login}`: {text}");
            assert!(status == 200 || !text.contains("起草计划"), "{path} for `{login}` tells");
        }
    }
}

#[tokio::test]
async fn every_form_is_taken_from_the_post_whose_it_is() {
    let (office, case, cookies) = office().await;
    for (path, body, whose) in FORMS {
        for (login, cookie) in &cookies {
            let request = office.bare(Method::POST, path).header("cookie", cookie);
            let kind = "application/x-www-form-urlencoded";
            let body = body.replace("{case}", &case);
            let response = request.header("content-type", kind).body(body).send().await.unwrap();
            let status = response.status().as_u16();
            match *login {
                "" => {
                    assert!(response.headers()["location"].to_str().unwrap().starts_with("/signin"))
                }
                login if login == *whose => {
                    assert!(matches!(status, 200 | 303 | 404), "{path} {status}")
                }
                login => assert_eq!(status, 403, "{path} for `{login}`"),
            }
        }
    }
}

#[tokio::test]
async fn a_stranger_makes_no_move_and_fetches_no_file() {
    let (office, case, cookies) = office().await;
    let path = format!("/cases/{case}/task?item=draft");
    let sign = |cookie: &str| {
        let form = reqwest::multipart::Form::new().text("move", "sign");
        office.bare(Method::POST, &path).header("cookie", cookie).multipart(form).send()
    };
    let cookie = |login: &str| cookies.iter().find(|(of, _)| *of == login).unwrap().1.clone();
    assert_eq!(sign(&cookie("wang")).await.unwrap().status(), 404);
    // The reviewer may look, but the case refuses; the page says why.
    let refused = sign(&cookie("zhang")).await.unwrap();
    assert_eq!(refused.status(), 409);
    assert!(refused.text().await.unwrap().contains("role=\"alert\""));
    assert_eq!(sign(&cookie("li")).await.unwrap().status(), 303);

    let part = reqwest::multipart::Part::bytes(b"<script>".to_vec()).file_name("说明.txt");
    let form =
        reqwest::multipart::Form::new().text("move", "report").text("text", "一").part("e.", part);
    let request = office.bare(Method::POST, &path).header("cookie", cookie("li")).multipart(form);
    assert_eq!(request.send().await.unwrap().status(), 303);
    let (_, page) = office.look(&cookie("li"), &path).await;
    let (_, rest) = page.split_once(&format!("/cases/{case}/files/")).unwrap();
    let file = format!("/cases/{case}/files/{}", &rest[..64]);
    let request = office.bare(Method::GET, &file).header("cookie", cookie("li"));
    let response = request.send().await.unwrap();
    let headers = response.headers().clone();
    assert!(headers["content-disposition"].to_str().unwrap().starts_with("attachment"));
    assert_eq!(headers["content-type"], "application/octet-stream");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(response.bytes().await.unwrap().as_ref(), b"<script>");
    assert_eq!(office.look(&cookie("wang"), &file).await.0, 404);
    let other = format!("/cases/{case}/files/{}", "0".repeat(64));
    assert_eq!(office.look(&cookie("li"), &other).await.0, 404);
}

#[tokio::test]
async fn files_of_other_kinds_and_sizes_are_refused_with_the_remedy() {
    let (office, case, cookies) = office().await;
    let cookie = &cookies[1].1;
    let path = format!("/cases/{case}/task?item=draft");
    for (name, size, expected) in
        [("a.html", 9, "不收“a.html”"), ("b.pdf", 21 << 20, "file_bytes_max")]
    {
        let part = reqwest::multipart::Part::bytes(vec![b'x'; size]).file_name(name);
        let form = reqwest::multipart::Form::new().text("move", "report").part("e.", part);
        let request = office.bare(Method::POST, &path).header("cookie", cookie).multipart(form);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 422);
        assert!(response.text().await.unwrap().contains(expected), "{name}");
    }
}
