//! The daily digest, by email, with the engine behind.

use std::sync::Arc;

use duban::library;
use duban_calendar::{Instant, Tz};
use duban_notify::{
    Contacts, Digest, DigestOptions, Email, EmailOptions, NotifyError, Ruled, Rules, Security,
    TemplateOptions, Templates, WorkingDays,
};

use crate::office::{Office, office_with};
use crate::smtp::MailServer;

fn digest() -> Digest {
    Digest::new(DigestOptions {
        at: "08:30".to_owned(),
        working_days: true,
        days: WorkingDays::of(library().calendars.remove("cn").unwrap()),
        zone: Tz::Asia__Shanghai,
        lines_max: 10,
    })
    .unwrap()
}

fn mail(server: &MailServer, contacts: &Contacts) -> Arc<Ruled> {
    let todo_url = Some("https://duban.example.org/todo".to_owned());
    let options = TemplateOptions { contacts: contacts.clone(), todo_url, ..Default::default() };
    let options = EmailOptions {
        port: server.port,
        templates: Templates::built_in(options),
        ..EmailOptions::new("127.0.0.1", Security::None, "duban@office.example.org")
    };
    let email = Arc::new(Email::new(contacts.clone(), options).unwrap());
    Arc::new(Ruled::new(
        "mail",
        email,
        Rules { only: vec!["digest".parse().unwrap()], ..Rules::default() },
    ))
}

/// A case due at the end of June; mail carries digests alone.
async fn start(server: &MailServer) -> (Office, Contacts) {
    let contacts = Contacts::default();
    let now = "2022-06-01T09:00:00+08:00";
    let office =
        office_with(now, "2022-06-30", &["workdays(3)"], vec![mail(server, &contacts)]).await;
    follow(&office, &contacts);
    (office, contacts)
}

fn follow(office: &Office, contacts: &Contacts) {
    let engine = office.engine.clone();
    contacts.follow(move || engine.directory());
}

/// Lives until a moment, with somebody who sends digests.
async fn live(office: &Office, digest: &Digest, to: &str) -> Instant {
    office.advance(to).await;
    let next = digest.step(&office.engine).await.unwrap();
    office.engine.settled().await.unwrap();
    next
}

fn instant(text: &str) -> Instant {
    format!("{text}:00+08:00").parse().unwrap()
}

/// The text of an email.
fn text(message: &str) -> String {
    use base64::Engine as _;
    let (_, body) = message.split_once("\r\n\r\n").unwrap();
    let body: String = body.split_whitespace().collect();
    let bytes = base64::engine::general_purpose::STANDARD.decode(body).unwrap();
    String::from_utf8(bytes).unwrap().replace("\r\n", "\n")
}

#[tokio::test]
async fn whoever_owes_something_gets_one_digest_a_working_day_across_restarts() {
    let server = MailServer::start(Vec::new()).await;
    let (office, contacts) = start(&server).await;
    let digest = digest();
    // Three working days before Thursday, 30 June is Monday, 27 June.
    live(&office, &digest, "2022-06-24T10:00").await;
    assert!(server.messages().is_empty(), "nothing is due soon");
    assert_eq!(
        live(&office, &digest, "2022-06-25T10:00").await,
        instant("2022-06-26T08:30"),
        "a Saturday"
    );
    assert_eq!(live(&office, &digest, "2022-06-27T08:29").await, instant("2022-06-27T08:30"));
    assert!(server.messages().is_empty());
    assert_eq!(live(&office, &digest, "2022-06-27T08:30").await, instant("2022-06-28T08:30"));
    let messages = server.messages();
    assert_eq!(messages.len(), 1);
    assert!(messages[0].contains("<digest-2022-06-27-li@office.example.org>"), "{}", messages[0]);
    assert_eq!(
        text(&messages[0]).trim(),
        "【待办汇总】2022年6月27日：逾期0项，三个工作日内到期1项，待您审核0项。\n\
         1. 报送半年总结：撰写总结，6月30日到期\nhttps://duban.example.org/todo"
    );

    let office = office.restart(vec![mail(&server, &contacts)]).await;
    follow(&office, &contacts);
    live(&office, &digest, "2022-06-27T15:00").await;
    // Also where the daemon died before it had written down that the day was done.
    assert!(duban::Store::remove_document(office.engine.store(), "digest").await.unwrap());
    live(&office, &digest, "2022-06-27T16:00").await;
    assert_eq!(server.messages().len(), 1, "one a day");

    // Away for two days: the days are not made up.
    live(&office, &digest, "2022-07-01T11:00").await;
    let messages = server.messages();
    assert_eq!(messages.len(), 2);
    assert!(text(&messages[1]).contains("逾期1项，三个工作日内到期0项"), "{}", text(&messages[1]));
}

#[tokio::test]
async fn who_reviews_is_told_of_it_and_old_digests_go() {
    let server = MailServer::start(Vec::new()).await;
    let (office, _contacts) = start(&server).await;
    let digest = digest();
    let rows = office.engine.cases(duban::CaseFilter::default(), duban::PageRequest::first(1));
    let case = duban::CaseId::new(&rows.await.unwrap().rows[0].id);
    let submit = serde_json::json!({ "submit": { "item": "write", "form": {}, "evidence": [] } });
    for act in [serde_json::json!({ "sign": { "item": "write" } }), submit] {
        let act = serde_json::from_value(act).unwrap();
        office.engine.act(&case, duban::Actor::person("li"), act, None).await.unwrap();
    }
    live(&office, &digest, "2022-06-02T08:30").await;
    let messages = server.messages();
    assert_eq!(messages.len(), 1);
    assert!(messages[0].contains("zhang@example.org"));
    assert!(text(&messages[0]).contains("待您审核1项。\n1. 报送半年总结：撰写总结，待审核"));
    let count = async || {
        let digests =
            duban::DeliveryFilter { kind: Some("digest".to_owned()), ..Default::default() };
        let page = duban::PageRequest::first(100);
        office.engine.deliveries(digests, page).await.unwrap().rows.len()
    };
    assert_eq!(count().await, 1);
    live(&office, &digest, "2022-07-11T08:30").await;
    assert_eq!(count().await, 1, "that of 2 June has gone, that of today has come");
}

#[tokio::test]
async fn a_daemon_that_follows_the_clock_sends_by_itself() {
    let server = MailServer::start(Vec::new()).await;
    let (office, _contacts) = start(&server).await;
    let engine = office.engine.clone();
    let keeping = tokio::spawn(async move { digest().keep(&engine).await });
    office.advance("2022-06-27T08:30").await;
    let mut feed = server.messages();
    while feed.is_empty() {
        tokio::task::yield_now().await;
        office.engine.settled().await.unwrap();
        feed = server.messages();
    }
    assert!(text(&feed[0]).contains("2022年6月27日"));
    office.engine.shutdown().await.unwrap();
    keeping.await.unwrap();
}

#[test]
fn a_time_that_is_none_is_refused() {
    let options = DigestOptions {
        at: "8.30".to_owned(),
        working_days: false,
        days: WorkingDays::of(library().calendars.remove("cn").unwrap()),
        zone: Tz::Asia__Shanghai,
        lines_max: 10,
    };
    let Err(NotifyError::BadHours(error)) = Digest::new(options) else { panic!("it was taken") };
    assert!(error.contains("8.30"));
}
