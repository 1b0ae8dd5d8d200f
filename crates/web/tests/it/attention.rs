//! Rule 26 where it is looked at: the list, its page with a count in the menu, the number.

use duban::Directory;
use duban_web::Scope;
use reqwest::Method;
use reqwest::header::COOKIE;
use reqwest::multipart::Form;

use crate::listed::{listed, parts};
use crate::support::{Office, problem};

#[tokio::test]
async fn rule_36_what_a_list_would_add_is_seen_at_every_door_and_added_from_the_cases_page() {
    let office = Office::new().await;
    parts(&office, &[("P1", "东片")]).await;
    office.accounts(&[("sun", "sun"), ("li", "li")]).await;
    let case = listed(&office).await;
    let (sun, li) = (office.sign_in("sun").await, office.sign_in("li").await);
    let none = office.get("/api/v1/cases?attention=any").await;
    assert_eq!(none["rows"].as_array().unwrap().len(), 0);
    parts(&office, &[("P1", "东片"), ("P2", "西片"), ("P3", "南片")]).await;
    for filter in ["any", "items_came"] {
        let found = office.get(&format!("/api/v1/cases?attention={filter}")).await;
        assert_eq!(found["rows"][0]["id"], case.as_str(), "{found}");
        let one = &found["rows"][0]["attention"][0];
        assert_eq!((&one["kind"], &one["about"]), (&"items_came".into(), &"part".into()));
    }
    let bad = office.call(Scope::Read, Method::GET, "/api/v1/cases?attention=soon");
    assert_eq!(problem(bad.send().await.unwrap()).await.0, 400);
    let asked = office.call(Scope::Read, Method::GET, "/metrics").send().await.unwrap();
    let metrics = asked.text().await.unwrap();
    assert!(metrics.contains("duban_attention_cases{kind=\"items_came\"} 1\n"), "{metrics}");
    let (_, page) = office.look(&sun, "/attention").await;
    assert!(page.contains("需要关注 (1)") && page.contains("通讯录变动，名单应增列"), "{page}");
    assert!(page.contains("落实（西片）、落实（南片）"), "{page}");
    // The district sees what would come, and only the office adds it.
    let path = format!("/cases/{case}");
    let (_, page) = office.look(&li, &path).await;
    assert!(page.contains("应增列") && !page.contains("value=\"P2\""), "{page}");
    let (_, page) = office.look(&sun, &path).await;
    assert!(page.contains("name=\"which\" value=\"P2\""), "{page}");
    let form = Form::new()
        .text("move", "add_item")
        .text("key", "add_item-1-x")
        .text("task", "part")
        .text("which", "P2")
        .text("reason", "新设");
    let request = office.bare(Method::POST, &path).header(COOKIE, &sun).multipart(form);
    assert_eq!(request.send().await.unwrap().status(), 303);
    let tasks = office.get(&format!("/api/v1/tasks?case={case}&task=part")).await;
    assert_eq!(tasks["rows"].as_array().unwrap().len(), 2, "{tasks}");
    let (_, page) = office.look(&sun, "/attention").await;
    assert!(!page.contains("西片") && page.contains("落实（南片）"), "{page}");
}

#[tokio::test]
async fn rule_26_a_list_that_is_empty_or_whose_items_are_gone_stands_on_the_cases_page() {
    let office = Office::new().await;
    office.accounts(&[("sun", "sun")]).await;
    let case = listed(&office).await;
    let sun = office.sign_in("sun").await;
    let (_, page) = office.look(&sun, &format!("/cases/{case}")).await;
    assert!(page.contains("落实：名单为空"), "{page}");
    let found = office.get("/api/v1/cases?attention=list_empty").await;
    assert_eq!(found["rows"][0]["id"], case.as_str());
    parts(&office, &[("P1", "东片")]).await;
    let (_, page) = office.look(&sun, &format!("/cases/{case}")).await;
    assert!(page.contains("应增列") && page.contains("落实（东片）"), "{page}");
}

/// Nobody holds 历下区's post from now on.
async fn vacate(office: &Office) {
    let mut data = office.engine.directory().data().clone();
    let mut posts = data.posts.iter_mut();
    posts.find(|post| post.unit.as_str() == "D").unwrap().holders.clear();
    let directory = Directory::new(data).unwrap();
    office.engine.set_directory(directory).await.unwrap().finished().await.unwrap();
}

#[tokio::test]
async fn rule_26_the_api_lists_what_nobody_can_move_on_with_kind_and_since() {
    let office = Office::new().await;
    let case = office.open().await;
    let none = office.get("/api/v1/tasks?attention=any").await;
    assert_eq!(none["rows"].as_array().unwrap().len(), 0);
    vacate(&office).await;
    for filter in ["any", "owner_vacant"] {
        let found = office.get(&format!("/api/v1/tasks?attention={filter}")).await;
        let row = &found["rows"][0];
        assert_eq!((row["case"].as_str(), &row["item"]), (Some(case.as_str()), &"write".into()));
        let one = &row["attention"][0];
        assert_eq!((&one["kind"], &one["about"]), (&"owner_vacant".into(), &"post:D/书记".into()));
        assert_eq!(one["since"], office.engine.now().to_string());
        assert!(one["remedy"].as_str().unwrap().contains("通讯录"), "{one}");
    }
    let other = office.get("/api/v1/tasks?attention=unit_gone").await;
    assert_eq!(other["rows"].as_array().unwrap().len(), 0);
    let bad = office.call(Scope::Read, Method::GET, "/api/v1/tasks?attention=soon");
    let (status, told) = problem(bad.send().await.unwrap()).await;
    assert_eq!(status, 400);
    assert!(told.contains("DB"), "{told}");
}

#[tokio::test]
async fn the_page_of_tasks_narrows_by_whatever_the_api_narrows_by() {
    let office = Office::new().await;
    office.accounts(&[("sun", "sun")]).await;
    let case = office.open().await;
    office.open_of("plan").await;
    let sun = office.sign_in("sun").await;
    let seen = async |query: &str| {
        let (status, page) = office.look(&sun, &format!("/tasks?{query}")).await;
        assert_eq!(status, 200, "{query}: {page}");
        let rows = office.get(&format!("/api/v1/tasks?limit=50&{query}")).await;
        let rows = rows["rows"].as_array().unwrap();
        let links = rows.iter().map(|row| {
            let (case, item) = (row["case"].as_str().unwrap(), row["item"].as_str().unwrap());
            assert!(page.contains(&format!("{case}/task?item={item}")), "{query}: {page}");
        });
        let count = links.count();
        assert_eq!(page.matches("/task?item=").count(), count, "{query}: {page}");
        (count, page)
    };
    let (all, _) = seen("").await;
    assert!(all >= 2);
    assert_eq!(seen("attention=any").await.0, 0);
    vacate(&office).await;
    assert_eq!(seen("attention=any").await.0, 2);
    let (count, page) = seen("attention=owner_vacant").await;
    assert!(count == 2 && page.contains("value=\"owner_vacant\" selected"), "{page}");
    assert_eq!(seen("attention=unit_gone").await.0, 0);
    let (count, page) = seen("task=write").await;
    assert!(count > 0 && count < all && page.contains("name=\"task\" value=\"write\""), "{page}");
    let of_case = seen(&format!("case={case}")).await.0;
    for (query, count) in [
        ("suite=nothing", 0),
        ("task=nothing", 0),
        ("period=1999", 0),
        ("on=person:nobody", 0),
        ("workflow=report", of_case),
        ("workflow=report&task=nothing", 0),
        ("status=done", 0),
        ("light=red", 0),
    ] {
        assert_eq!(seen(query).await.0, count, "{query}");
    }
    seen("on=post:D/书记").await;
    seen("period=2022").await;
    for (name, value) in [
        ("attention", "soon"),
        ("light", "blue"),
        ("status", "foo"),
        ("on", "li"),
        ("period", "soon"),
    ] {
        let (status, page) = office.look(&sun, &format!("/tasks?{name}={value}")).await;
        assert!(status == 422 && page.contains(&format!("“{value}”")), "{name}: {page}");
    }
    // A form sends every field, those that nobody filled too.
    let empty = "attention=&light=&status=&on=&period=&suite=&task=&case=&workflow=&unit=";
    assert_eq!(office.look(&sun, &format!("/tasks?{empty}")).await.0, 200);
}

#[tokio::test]
async fn rule_26_the_page_groups_by_cause_and_the_menu_says_how_much_there_is() {
    let office = Office::new().await;
    office.accounts(&[("sun", "sun"), ("wang", "wang")]).await;
    office.open().await;
    office.open_of("plan").await;
    let (sun, wang) = (office.sign_in("sun").await, office.sign_in("wang").await);
    let (status, page) = office.look(&sun, "/attention").await;
    assert_eq!(status, 200);
    assert!(page.contains("没有无人可以推进的任务") && !page.contains("需要关注 ("), "{page}");
    vacate(&office).await;
    let (_, page) = office.look(&sun, "/attention").await;
    assert!(page.contains("需要关注 (2)"), "{page}");
    assert_eq!(page.matches("承办岗位无人在岗：历下区 书记").count(), 1, "one cause: {page}");
    assert!(page.contains("撰写总结") && page.contains("起草计划"), "with both its tasks: {page}");
    assert!(page.contains("在通讯录中补上任职人员"), "{page}");
    assert!(page.contains("/task?item=write"), "with the way to the moves: {page}");
    // Every page of the office says so, and none of somebody who sees none of it.
    assert!(office.look(&sun, "/todo").await.1.contains("需要关注 (2)"));
    let (_, page) = office.look(&wang, "/attention").await;
    assert!(page.contains("没有无人可以推进的任务") && !page.contains("需要关注 ("), "{page}");
}

#[tokio::test]
async fn rule_26_a_metric_counts_it_by_kind() {
    let office = Office::new().await;
    office.open().await;
    let metrics = async || {
        let asked = office.call(Scope::Read, Method::GET, "/metrics").send().await.unwrap();
        asked.text().await.unwrap()
    };
    let line = |count: u64| format!("duban_attention_items{{kind=\"owner_vacant\"}} {count}\n");
    assert!(metrics().await.contains(&line(0)));
    vacate(&office).await;
    assert!(metrics().await.contains(&line(1)));
}
