//! Every page with every kind of visitor.

use std::collections::BTreeSet;

use reqwest::Method;
use reqwest::multipart::Form;

use crate::support::Office;

/// Who looks: nobody, the owner, the reviewer above, another unit's owner, the supervision office,
/// the owner's stand-in, somebody without a post, the posts of administration.
const VISITORS: [&str; 10] =
    ["", "li", "zhang", "wang", "sun", "qian", "wu", "root", "security", "eye"];

/// Every route of the pages: what is asked or sent, and for each visitor in their order what comes
/// of it. `s`: to the page to sign in at; `x`: not theirs; `-`: there is no such thing for them;
/// `y`: shown or done; `r`: sent on; `b`: bad in itself.
const ROUTES: &[(&str, &str, Sent, &str)] = &[
    ("GET", "/", Nothing, "syyyyyyrrr"),
    ("GET", "/todo", Nothing, "syyyyyyxxx"),
    ("GET", "/tasks", Nothing, "syyyyyyxxx"),
    ("GET", "/cases/{case}", Nothing, "syy-yy-xxx"),
    ("POST", "/cases/{case}", Parts("", "move", "none"), "sbb-bb-xxx"),
    ("GET", "/cases/{case}/task", Query("item=draft"), "syy-yy-xxx"),
    ("POST", "/cases/{case}/task", Parts("item=draft", "move", "none"), "sbb-bb-xxx"),
    ("GET", "/cases/{case}/files/{file}", Nothing, "s------xxx"),
    ("GET", "/duties", Nothing, "syyyyyyxxx"),
    ("GET", "/attention", Nothing, "syyyyyyxxx"),
    ("GET", "/interviews", Nothing, "syyyyyyxxx"),
    ("GET", "/notices", Nothing, "syyyyyyxxx"),
    ("GET", "/indicators", Nothing, "syyyyyyxxx"),
    ("GET", "/search", Query("q=plan"), "syyyyyyxxx"),
    ("GET", "/suites", Nothing, "syyyyyyyxx"),
    ("POST", "/suites", Fields("suite=new"), "sxxxxxxrxx"),
    ("GET", "/suites/{suite}", Nothing, "syyyyyyyxx"),
    ("GET", "/suites/{suite}/graph/{workflow}", Nothing, "syyyyyyyxx"),
    ("GET", "/suites/{suite}/draft", Nothing, "sxxxxxxyxx"),
    ("POST", "/suites/{suite}/draft", Parts("", "file", "plan.yaml"), "sxxxxxxrxx"),
    (
        "POST",
        "/suites/{suite}/simulate",
        Fields("workflow=plan&from=2022-01-01&to=2022-01-31"),
        "sxxxxxxyxx",
    ),
    ("POST", "/suites/{suite}/publish", Nothing, "sxxxxxxrxx"),
    ("POST", "/suites/{suite}/open", Fields("date=2022-01-01"), "sxxxxxxrxx"),
    ("GET", "/suites/{suite}/migrate/{workflow}", Nothing, "sxxxxxxyxx"),
    ("POST", "/suites/{suite}/migrate/{workflow}", Fields("version=none"), "sxxxxxxbxx"),
    ("GET", "/deliveries", Nothing, "sxxxxxxyxx"),
    ("POST", "/deliveries/retry", Fields("case=none&seq=1"), "sxxxxxx-xx"),
    ("POST", "/deliveries/retry-all", Fields("kind=remind"), "sxxxxxxrxx"),
    ("POST", "/deliveries/give-up", Fields("case=none&seq=1&reason=x"), "sxxxxxxrxx"),
    ("GET", "/templates", Nothing, "sxxxxxxyxx"),
    ("GET", "/templates/{kind}", Nothing, "sxxxxxxyxx"),
    ("POST", "/templates/{kind}", Fields("what=check&source=x"), "sxxxxxxyxx"),
    ("GET", "/directory", Nothing, "syyyyyyyyx"),
    ("GET", "/directory/change", Query("of=upload"), "sxxxxxx-xx"),
    ("POST", "/directory/change", Fields("of=upload&digest=0"), "sxxxxxx-xx"),
    ("POST", "/directory/import", Parts("", "mode", "merge"), "sxxxxxxbxx"),
    ("GET", "/directory/export", Query("format=xlsx"), "sxxxxxxyxx"),
    ("POST", "/directory/pull", Nothing, "sxxxxxx-xx"),
    ("GET", "/absences", Nothing, "syyyyyyyxx"),
    ("POST", "/absences", Fields("what=end&absent=li&by=li&from=2022-01-01"), "s-------xx"),
    ("GET", "/calendars", Nothing, "sxxxxxxyxx"),
    ("POST", "/calendars", Parts("", "id", "none"), "sxxxxxx-xx"),
    ("POST", "/calendars/apply", Fields("id=none"), "sxxxxxx-xx"),
    ("GET", "/accounts", Nothing, "sxxxxxxxyx"),
    ("POST", "/accounts", Fields("what=token&name=x&scope=read"), "sxxxxxxxyx"),
    ("GET", "/audit", Nothing, "sxxxxxxxxy"),
    ("POST", "/audit", Fields("case={case}"), "sxxxxxxxxy"),
    ("GET", "/signin", Nothing, "yyyyyyyyyy"),
    ("POST", "/signin", Fields("login=nobody{n}&password=x"), "bbbbbbbbbb"),
    ("GET", "/signin/oidc", Nothing, "----------"),
    ("GET", "/signin/oidc/back", Query("code=1&state=1"), "----------"),
    ("GET", "/signin/cas", Nothing, "----------"),
    ("GET", "/signin/cas/back", Query("ticket=1&state=1"), "----------"),
    ("GET", "/signin/handover", Query("token=x"), "----------"),
    ("POST", "/signin/handover", Fields("token=x"), "----------"),
    ("GET", "/sessions", Nothing, "syyyyyyyyy"),
    ("POST", "/sessions", Fields("session=others/one"), "s---------"),
    ("GET", "/welcome", Query("key=x"), "bbbbbbbbbb"),
    ("POST", "/welcome", Fields("key=x&password=x&again=x"), "bbbbbbbbbb"),
    ("GET", "/language", Query("to=zh"), "rrrrrrrrrr"),
    ("GET", "/live", Query("case=none"), "s------xxx"),
    ("GET", "/assets/app.css", Nothing, "yyyyyyyyyy"),
    ("GET", "/assets/app.js", Nothing, "yyyyyyyyyy"),
    // Last: it ends the sessions.
    ("POST", "/signout", Nothing, "rrrrrrrrrr"),
];

/// What goes with a request.
enum Sent {
    Nothing,
    Query(&'static str),
    Fields(&'static str),
    /// A query, and a form in parts with one field.
    Parts(&'static str, &'static str, &'static str),
}

use Sent::{Fields, Nothing, Parts, Query};

async fn office() -> (Office, String, Vec<(&'static str, String)>) {
    let office = Office::new().await;
    let people = ["li", "zhang", "wang", "sun", "qian", "wu"].map(|person| (person, person));
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

/// Method and path of every route that the source of the pages adds.
fn routes_of_the_source() -> BTreeSet<(String, String)> {
    let source = include_str!("../../src/pages/mod.rs");
    let mut routes = BTreeSet::new();
    for route in source.split(".route(").skip(1) {
        let (_, rest) = route.split_once('"').unwrap();
        let (path, rest) = rest.split_once('"').unwrap();
        let handlers = rest.split(".layer(").next().unwrap();
        let methods = ["get", "post", "put", "delete", "patch", "any"];
        let found = methods.into_iter().filter(|method| {
            [' ', '.'].iter().any(|before| handlers.contains(&format!("{before}{method}(")))
        });
        let before = routes.len();
        routes.extend(found.map(|method| (method.to_uppercase(), path.to_owned())));
        assert!(routes.len() > before, "no method of `{path}` was recognised");
    }
    routes
}

#[test]
fn the_table_has_every_route() {
    let listed: BTreeSet<(String, String)> =
        ROUTES.iter().map(|(method, path, ..)| ((*method).into(), (*path).into())).collect();
    assert_eq!(listed, routes_of_the_source());
}

/// What came of a request, as a letter of the table.
async fn outcome(response: reqwest::Response) -> (char, String) {
    let to = response.headers().get("location").map(|to| to.to_str().unwrap().to_owned());
    let status = response.status().as_u16();
    let letter = match (status, to) {
        (303, Some(to)) if to.starts_with("/signin?to=") => 's',
        (303, Some(_)) => 'r',
        (200, None) => 'y',
        (403, None) => 'x',
        (404, None) => '-',
        (400 | 401 | 409 | 412 | 422, None) => 'b',
        _ => '?',
    };
    (letter, format!("{status}: {}", response.text().await.unwrap()))
}

#[tokio::test]
async fn every_route_answers_each_visitor_as_it_should() {
    let (office, case, cookies) = office().await;
    for (method, path, sent, expected) in ROUTES {
        assert_eq!(expected.len(), VISITORS.len(), "{path}");
        for (number, ((login, cookie), expected)) in
            cookies.iter().zip(expected.chars()).enumerate()
        {
            let fill = |text: &str| {
                let text = text.replace("{case}", &case).replace("{suite}", "points");
                let text = text
                    .replace("{workflow}", "plan")
                    .replace("{kind}", "remind")
                    .replace("{file}", &"0".repeat(64));
                text.replace("{n}", &number.to_string())
            };
            let path = match sent {
                Query(query) | Parts(query, ..) => fill(&format!("{path}?{query}")),
                Nothing | Fields(_) => fill(path),
            };
            let request = office.bare(Method::from_bytes(method.as_bytes()).unwrap(), &path);
            let request = request.header("cookie", cookie);
            let kind = "application/x-www-form-urlencoded";
            let request = match sent {
                Fields(fields) => request.header("content-type", kind).body(fill(fields)),
                Parts(_, name, value) => request.multipart(Form::new().text(*name, *value)),
                Nothing | Query(_) => request.header("content-type", kind),
            };
            let (letter, text) = outcome(request.send().await.unwrap()).await;
            assert_eq!(letter, expected, "{method} {path} for `{login}`: {text}");
            assert!(
                !"sx-".contains(letter) || !text.contains("起草计划"),
                "{path} for `{login}` tells"
            );
        }
    }
}

#[tokio::test]
async fn a_stranger_makes_no_move_and_fetches_no_file() {
    let (office, case, cookies) = office().await;
    let path = format!("/cases/{case}/task?item=draft");
    let sign = |cookie: &str| {
        let form = Form::new().text("move", "sign");
        office.bare(Method::POST, &path).header("cookie", cookie).multipart(form).send()
    };
    let cookie = |login: &str| cookies.iter().find(|(of, _)| *of == login).unwrap().1.clone();
    assert_eq!(sign(&cookie("wang")).await.unwrap().status(), 404);
    // The reviewer may look, but the case refuses; the page says why.
    let refused = sign(&cookie("zhang")).await.unwrap();
    assert_eq!(refused.status(), 403);
    assert!(refused.text().await.unwrap().contains("role=\"alert\""));
    assert_eq!(sign(&cookie("li")).await.unwrap().status(), 303);

    let part = reqwest::multipart::Part::bytes(b"<script>".to_vec()).file_name("说明.txt");
    let form = Form::new().text("move", "report").text("text", "一").part("e.", part);
    let request = office.bare(Method::POST, &path).header("cookie", cookie("li")).multipart(form);
    assert_eq!(request.send().await.unwrap().status(), 303);
    let (_, page) = office.look(&cookie("li"), &path).await;
    let (_, rest) = page.split_once(&format!("/cases/{case}/files/")).unwrap();
    let file = format!("/cases/{case}/files/{}", &rest[..64]);
    let request = office.bare(Method::GET, &file).header("cookie", cookie("li"));
    let response = request.send().await.unwrap();
    let headers = response.headers().clone();
    let disposition = headers["content-disposition"].to_str().unwrap();
    assert!(disposition.starts_with("attachment; filename=\"file.txt\""), "{disposition}");
    assert_eq!(headers["content-type"], "application/octet-stream");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(response.bytes().await.unwrap().as_ref(), b"<script>");
    assert_eq!(office.look(&cookie("wang"), &file).await.0, 404);
    let other = format!("/cases/{case}/files/{}", "0".repeat(64));
    assert_eq!(office.look(&cookie("li"), &other).await.0, 404);
}

#[tokio::test]
async fn another_units_case_answers_exactly_like_none() {
    let (office, case, cookies) = office().await;
    let cookie = |login: &str| &cookies.iter().find(|(of, _)| *of == login).unwrap().1;
    let digest = "0".repeat(64);
    let paths = [
        "/cases/{case}",
        "/cases/{case}/task?item=draft",
        "/cases/{case}/task?item=nothing",
        "/cases/{case}/files/{digest}",
        "/live?case={case}",
    ];
    let told = async |login: &str, method: Method, path: &str, case: &str| {
        let path = path.replace("{case}", case).replace("{digest}", &digest);
        let request = office.bare(method.clone(), &path).header("cookie", cookie(login));
        let request = match method {
            Method::POST => request.multipart(Form::new().text("move", "sign")),
            _ => request,
        };
        let response = request.send().await.unwrap();
        let mut headers = response.headers().clone();
        // Names of requests and times are their own.
        for own in ["x-request-id", "date"] {
            headers.remove(own);
        }
        (response.status(), headers, response.text().await.unwrap())
    };
    for login in ["wang", "wu"] {
        for path in paths {
            let methods = if path.contains("/task") {
                vec![Method::GET, Method::POST]
            } else {
                vec![Method::GET]
            };
            for method in methods {
                let foreign = told(login, method.clone(), path, &case).await;
                assert_eq!(foreign.0, 404, "{path}");
                for none in ["0123456789abcdef01234567", "none", "%E6%97%A0"] {
                    assert_eq!(foreign, told(login, method.clone(), path, none).await, "{path}");
                }
            }
        }
    }
}

#[tokio::test]
async fn files_of_other_kinds_and_sizes_are_refused_with_the_remedy() {
    let (office, case, cookies) = office().await;
    let cookie = &cookies[1].1;
    let path = format!("/cases/{case}/task?item=draft");
    for (name, size, status, expected) in
        [("a.html", 9, 422, "不收“a.html”"), ("b.pdf", 21 << 20, 413, "file_bytes_max")]
    {
        let part = reqwest::multipart::Part::bytes(vec![b'x'; size]).file_name(name);
        let form = Form::new().text("move", "report").part("e.", part);
        let request = office.bare(Method::POST, &path).header("cookie", cookie).multipart(form);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), status);
        assert!(response.text().await.unwrap().contains(expected), "{name}");
    }
}
