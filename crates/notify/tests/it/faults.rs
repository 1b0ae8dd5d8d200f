//! Peers that misbehave, with the engine behind the channel: nothing is lost, and what comes twice
//! comes under the same id.

use std::sync::Arc;
use std::time::Duration;

use duban::store::DeliveryState;
use duban::{
    Actor, CaseId, Channel, DeliveryFilter, Engine, EngineLimits, OpenSpec, Options, PageRequest,
    Sources, SqliteStore, TestClock, library, load_suite,
};
use duban_notify::{Contacts, Email, EmailOptions, Security, Webhook, WebhookOptions};
use tokio::net::TcpListener;

use crate::peer::{Answer, OK, Peer, client};
use crate::smtp::{MailServer, Turn};

const SUITE: &str = "
title: 年度工作要点
date: 2021-12-13
target_year: 2022
calendar: cn
levels: { city: 市, district: 区 }
ladder: standard
ladders:
  standard:
    - { at: due - workdays(3), do: remind, to: owner }
";

const DIRECTORY: &str = "
units:
  - { id: C, name: 市委办, level: city }
  - { id: D, name: 历下区, level: district, superior: C }
posts:
  - { unit: C, name: 主任, holders: [zhang] }
  - { unit: D, name: 书记, holders: [li] }
people:
  - { id: zhang, name: 张三 }
  - { id: li, name: 李四, addresses: { email: li@example.org } }
";

const WORKFLOW: &str = "
id: report
title: 报送半年总结
lead: org(\"市委办\")
cases: units(\"district\")
tasks:
  write: { title: 撰写总结, owner: unit.post(\"书记\"), reviewer: unit.superior, due: 2022-06-30 }
";

async fn office(url: String) -> (Engine<SqliteStore>, TestClock) {
    let secret = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned();
    let channel = Webhook::new(client(), WebhookOptions { name: "oa".to_owned(), url, secret });
    office_with(Arc::new(channel.unwrap())).await
}

async fn office_with(channel: Arc<dyn Channel>) -> (Engine<SqliteStore>, TestClock) {
    let texts = [("suite.yaml", SUITE), ("directory.yaml", DIRECTORY), ("report.yaml", WORKFLOW)];
    let sources: Sources =
        texts.into_iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
    let suite = load_suite("points", &sources, &library()).suite.unwrap();
    let clock = TestClock::new("2022-06-01T09:00:00+08:00".parse().unwrap());
    let options = Options {
        clock: Arc::new(clock.clone()),
        channels: vec![channel],
        limits: EngineLimits { delivery_attempts_max: 6, ..EngineLimits::default() },
        ..Options::default()
    };
    let engine = Engine::start(SqliteStore::open_in_memory().unwrap(), options).await.unwrap();
    engine.publish(&suite).await.unwrap();
    let spec = OpenSpec::new("points", "report", "D");
    engine.open(spec, Actor::operator("OA"), None).await.unwrap();
    (engine, clock)
}

async fn states(engine: &Engine<SqliteStore>) -> Vec<(DeliveryState, u32)> {
    let page = engine.deliveries(DeliveryFilter::default(), PageRequest::first(10)).await.unwrap();
    page.rows.iter().map(|row| (row.state, row.attempts)).collect()
}

#[tokio::test]
async fn a_peer_that_misbehaves_in_every_way_loses_nothing() {
    let answers = vec![
        Answer::Http("500 Internal Server Error", "", ""),
        Answer::Http("429 Too Many Requests", "retry-after: 60\r\n", ""),
        Answer::Hang,
        Answer::DieHalfWay,
        OK,
    ];
    let peer = Peer::start(answers).await;
    let (engine, clock) = office(peer.url("/")).await;
    for day in ["2022-06-29", "2022-06-30", "2022-07-01"] {
        clock.advance(&engine, format!("{day}T09:00:00+08:00").parse().unwrap()).await.unwrap();
    }
    let requests = peer.requests();
    let ids: Vec<_> = requests.iter().map(|request| request.header("webhook-id")).collect();
    assert_eq!(ids.len(), 5, "{ids:?}");
    assert!(ids.iter().all(|id| *id == ids[0] && id.is_some()), "one message: {ids:?}");
    assert_eq!(states(&engine).await, [(DeliveryState::Delivered, 5)]);
    engine.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_peer_that_is_not_there_leaves_a_dead_letter_that_can_be_put_back() {
    let reserved = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = reserved.local_addr().unwrap().port();
    drop(reserved);
    let (engine, clock) = office(format!("http://127.0.0.1:{port}/")).await;
    for day in ["2022-06-29", "2022-06-30", "2022-07-01"] {
        clock.advance(&engine, format!("{day}T09:00:00+08:00").parse().unwrap()).await.unwrap();
    }
    assert_eq!(states(&engine).await, [(DeliveryState::Dead, 6)]);

    let dead = engine.deliveries(DeliveryFilter::default(), PageRequest::first(1)).await.unwrap();
    let letter = &dead.rows[0].outgoing;
    assert!(engine.retry_delivery(&CaseId::new(&letter.case), letter.seq).await.unwrap());
    clock.advance(&engine, "2022-07-02T09:00:00+08:00".parse().unwrap()).await.unwrap();
    assert_eq!(engine.stats().dead_letters, 2, "tried again, in vain");
    assert_eq!(states(&engine).await, [(DeliveryState::Dead, 6)]);
    engine.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_mail_server_that_misbehaves_in_every_way_gets_one_email_and_the_directory_as_it_is() {
    let turns = vec![
        ("MAIL", Turn::Says("451 try later")),
        ("RCPT", Turn::Hangs),
        ("DATA", Turn::Dies),
        (".", Turn::Dies),
    ];
    let server = MailServer::start(turns).await;
    let contacts = Contacts::default();
    let options = EmailOptions {
        port: server.port,
        time_max: Duration::from_millis(300),
        ..EmailOptions::new("127.0.0.1", Security::None, "duban@office.example.org")
    };
    let channel = Email::new(contacts.clone(), options).unwrap();
    let (engine, clock) = office_with(Arc::new(channel)).await;
    let held = engine.clone();
    contacts.follow(move || held.directory());
    for day in ["2022-06-29", "2022-06-30", "2022-07-01"] {
        clock.advance(&engine, format!("{day}T09:00:00+08:00").parse().unwrap()).await.unwrap();
    }
    assert_eq!(states(&engine).await, [(DeliveryState::Delivered, 5)]);
    let messages = server.messages();
    assert_eq!(messages.len(), 2, "one whose answer was lost, and its repeat");
    assert_eq!(messages[0], messages[1]);
    assert!(messages[0].contains("<li@example.org>"));
    engine.shutdown().await.unwrap();
}
