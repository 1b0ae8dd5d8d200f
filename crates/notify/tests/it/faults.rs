//! Peers that misbehave, with the engine behind the channel: nothing is lost, and what comes twice
//! comes under the same id.

use std::sync::Arc;
use std::time::Duration;

use duban::store::{ChannelState, DeliveryState};
use duban::{CaseId, Channel};
use duban_notify::{
    App, AppOptions, Contacts, Email, EmailOptions, Robot, RobotOptions, Security, Webhook,
    WebhookOptions,
};
use tokio::net::TcpListener;

use crate::office::{Office, office};
use crate::peer::{Answer, OK, Peer, client};
use crate::smtp::{MailServer, Turn};

fn webhook(url: String) -> Arc<dyn Channel> {
    let secret = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned();
    let options = WebhookOptions { name: "oa".to_owned(), url, secret };
    Arc::new(Webhook::new(client(), options).unwrap())
}

/// Lives through the days on which the reminder is tried.
async fn live(office: &Office) {
    for day in ["2022-06-29", "2022-06-30", "2022-07-01"] {
        office.advance(&format!("{day}T09:00")).await;
    }
}

async fn states(office: &Office) -> Vec<(DeliveryState, u32)> {
    office.rows().await.iter().map(|row| (row.state, row.attempts)).collect()
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
    let office = office(vec![webhook(peer.url("/"))]).await;
    live(&office).await;
    let requests = peer.requests();
    let ids: Vec<_> = requests.iter().map(|request| request.header("webhook-id")).collect();
    assert_eq!(ids.len(), 5, "{ids:?}");
    assert!(ids.iter().all(|id| *id == ids[0] && id.is_some()), "one message: {ids:?}");
    assert_eq!(states(&office).await, [(DeliveryState::Delivered, 5)]);
    office.engine.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_peer_that_is_not_there_leaves_a_dead_letter_that_can_be_put_back() {
    let reserved = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = reserved.local_addr().unwrap().port();
    drop(reserved);
    let office = office(vec![webhook(format!("http://127.0.0.1:{port}/"))]).await;
    live(&office).await;
    assert_eq!(states(&office).await, [(DeliveryState::Dead, 6)]);

    let letter = office.rows().await.remove(0).outgoing;
    assert!(office.engine.retry_delivery(&CaseId::new(&letter.case), letter.seq).await.unwrap());
    office.advance("2022-07-02T09:00").await;
    assert_eq!(office.engine.stats().dead_letters, 2, "tried again, in vain");
    assert_eq!(states(&office).await, [(DeliveryState::Dead, 6)]);
    office.engine.shutdown().await.unwrap();
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
    let office = office(vec![Arc::new(channel)]).await;
    let held = office.engine.clone();
    contacts.follow(move || held.directory());
    live(&office).await;
    assert_eq!(states(&office).await, [(DeliveryState::Delivered, 5)]);
    let messages = server.messages();
    assert_eq!(messages.len(), 2, "one whose answer was lost, and its repeat");
    assert_eq!(messages[0], messages[1]);
    assert!(messages[0].contains("<li@example.org>"));
    office.engine.shutdown().await.unwrap();
}

const WELL: Answer = Answer::Http("200 OK", "", r#"{"errcode":0,"code":0,"errmsg":"ok"}"#);

/// What every service may do in place of an answer, and then one good one.
fn misbehaviour() -> Vec<Answer> {
    vec![
        Answer::Http("500 Internal Server Error", "", ""),
        Answer::Http("429 Too Many Requests", "retry-after: 60\r\n", ""),
        Answer::Hang,
        Answer::DieHalfWay,
        WELL,
    ]
}

#[tokio::test]
async fn robots_whose_service_misbehaves_in_every_way_say_it_in_the_end() {
    for kind in ["dingtalk", "feishu", "wecom"] {
        let peer = Peer::start(misbehaviour()).await;
        let options = match kind {
            "dingtalk" => RobotOptions::dingtalk(&peer.url("/"), "SECtest"),
            "feishu" => RobotOptions::feishu(&peer.url("/"), "test-secret"),
            _ => RobotOptions::wecom(&peer.url("/")),
        };
        let office = office(vec![Arc::new(Robot::new(client(), options).unwrap())]).await;
        live(&office).await;
        assert_eq!(states(&office).await, [(DeliveryState::Delivered, 5)], "{kind}");
        let requests = peer.requests();
        assert_eq!(requests.len(), 5, "{kind}");
        for request in &requests {
            let said = request.json().to_string();
            assert!(said.contains("【催办】") && said.contains("撰写总结"), "{kind}: {said}");
        }
    }
}

#[tokio::test]
async fn apps_whose_platform_misbehaves_in_every_way_reach_people_in_the_end() {
    for kind in ["dingtalk", "feishu", "wecom"] {
        let token = Answer::Http(
            "200 OK",
            "",
            r#"{"errcode":0,"code":0,"access_token":"T","accessToken":"T",
                "tenant_access_token":"T","expires_in":7200,"expireIn":7200,"expire":7200}"#,
        );
        let mut answers = vec![Answer::Http("503 Service Unavailable", "", ""), token];
        answers.extend(misbehaviour());
        let peer = Peer::start(answers).await;
        let base = peer.url("");
        let options = match kind {
            "dingtalk" => AppOptions::dingtalk("key", "S", 1),
            "feishu" => AppOptions::feishu("id", "S"),
            _ => AppOptions::wecom("ww1", "S", 1),
        };
        let contacts = Contacts::default();
        let app = App::new(client(), contacts.clone(), options.at(&base, &base)).unwrap();
        let office = office(vec![Arc::new(app)]).await;
        let held = office.engine.clone();
        contacts.follow(move || held.directory());
        live(&office).await;
        let states = states(&office).await;
        assert_eq!(states[0].0, DeliveryState::Delivered, "{kind}: {states:?}");
        let requests = peer.requests();
        let (asked, sent): (Vec<_>, Vec<_>) = requests.iter().partition(|request| {
            request.line().to_lowercase().contains("token/")
                || request.line().contains("gettoken")
                || request.line().contains("accessToken")
        });
        assert_eq!((asked.len(), sent.len()), (2, 5), "{kind}: one token lasts");
        let account = match kind {
            "dingtalk" => "\"01\"",
            "feishu" => "ou_1",
            _ => "LiSi",
        };
        assert!(sent.iter().all(|request| request.body.contains(account)), "{kind}");
    }
}

#[tokio::test]
async fn a_peer_that_asks_to_wait_is_asked_again_then_and_not_before() {
    let answers = vec![Answer::Http("429 Too Many Requests", "retry-after: 600\r\n", ""), OK];
    let peer = Peer::start(answers).await;
    let office = office(vec![webhook(peer.url("/"))]).await;
    office.advance("2022-06-28T00:09").await;
    assert_eq!(peer.requests().len(), 1);
    let row = office.rows().await.remove(0);
    assert_eq!(row.channels["oa"].said.as_deref(), Some("HTTP 429: "));
    office.advance("2022-06-28T00:10").await;
    assert_eq!(peer.requests().len(), 2);
    assert_eq!(states(&office).await, [(DeliveryState::Delivered, 2)]);
}

#[tokio::test]
async fn where_nobody_listens_every_kind_of_channel_says_so_and_none_holds_another_up() {
    let reserved = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = reserved.local_addr().unwrap().port();
    drop(reserved);
    let (peer, url) = (Peer::start(vec![OK]).await, format!("http://127.0.0.1:{port}"));
    let contacts = Contacts::default();
    let app = AppOptions::wecom("ww1", "S", 1).at(&url, &url);
    let mail = EmailOptions { port, ..EmailOptions::new("127.0.0.1", Security::None, "d@a.cn") };
    let channels: Vec<Arc<dyn Channel>> = vec![
        Arc::new(App::new(client(), contacts.clone(), app).unwrap()),
        Arc::new(Email::new(contacts.clone(), mail).unwrap()),
        Arc::new(Robot::new(client(), RobotOptions::wecom(&url)).unwrap()),
        webhook(peer.url("/")),
    ];
    let office = office(channels).await;
    let held = office.engine.clone();
    contacts.follow(move || held.directory());
    live(&office).await;
    assert_eq!(peer.requests().len(), 1, "the one that is there has it, once");
    let row = office.rows().await.remove(0);
    assert_eq!(row.state, DeliveryState::Dead);
    assert_eq!(row.channels["oa"].state, ChannelState::Taken);
    for name in ["wecom-app", "email", "wecom"] {
        let note = &row.channels[name];
        assert_eq!((note.state, note.attempts), (ChannelState::Dead, 6), "{name}");
        assert!(row.error.as_ref().unwrap().contains(&format!("{name}: ")), "{name}: {row:?}");
    }
}
