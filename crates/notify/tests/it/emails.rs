//! Email against a mail server that checks the bytes and misbehaves.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use duban::{Directory, DirectoryData};
use duban_engine::{Channel, ChannelError, Delivery};
use duban_notify::{Contacts, Email, EmailOptions, NotifyError, Security, Unaddressed};
use serde_json::json;

use crate::peer::delivery;
use crate::smtp::{MailServer, Turn};

pub(crate) fn directory() -> Directory {
    let data: DirectoryData = serde_json::from_value(json!({
        "units": [{ "id": "D", "name": "历下区", "level": "district" }],
        "posts": [{ "unit": "D", "name": "书记", "holders": ["li"] }],
        "people": [
            { "id": "li", "name": "李四", "addresses": { "email": "li@example.org", "wecom": "LiSi",
                "dingtalk": "d-li", "feishu": "f-li" } },
            { "id": "wang", "name": "王五\r\nBcc: spy@example.org",
              "addresses": { "email": "wang@example.org", "wecom": "WangWu",
                "dingtalk": "d-wang", "feishu": "f-wang" } },
            { "id": "zhao", "name": "赵六" },
            { "id": "sun", "name": "孙七",
              "addresses": { "email": "sun@example.org>\r\nRCPT TO:<spy@example.org" } },
        ],
    }))
    .unwrap();
    // Names as an earlier version has kept them: none of them reaches a header.
    Directory::kept(data).unwrap()
}

fn options(server: &MailServer) -> EmailOptions {
    EmailOptions {
        port: server.port,
        time_max: Duration::from_millis(500),
        ..EmailOptions::new("127.0.0.1", Security::None, "duban@office.example.org")
    }
}

fn channel(options: EmailOptions) -> Email {
    Email::new(Contacts::of(directory()), options).unwrap()
}

fn to(people: &[&str], text: &str) -> Delivery {
    let mut delivery = delivery(text);
    delivery.sent.people = people.iter().map(|person| (*person).into()).collect();
    delivery
}

fn header<'a>(message: &'a str, name: &str) -> Vec<&'a str> {
    let head = message.split("\r\n\r\n").next().unwrap();
    let lines = head.split("\r\n").filter_map(|line| line.split_once(": "));
    lines.filter(|(key, _)| *key == name).map(|(_, value)| value).collect()
}

fn body(message: &str) -> String {
    let encoded: String = message.split_once("\r\n\r\n").unwrap().1.split_whitespace().collect();
    String::from_utf8(STANDARD.decode(encoded).unwrap()).unwrap()
}

fn commands(server: &MailServer, verb: &str) -> Vec<String> {
    server.lines().into_iter().filter(|line| line.starts_with(verb)).collect()
}

fn retry(result: Result<(), ChannelError>) -> String {
    let Err(ChannelError::Retry { error, .. }) = result else { panic!("{result:?}") };
    error
}

fn parked(result: Result<(), ChannelError>) -> String {
    let Err(ChannelError::Dead { error }) = result else { panic!("{result:?}") };
    error
}

#[tokio::test]
async fn a_message_is_an_email_in_plain_text() {
    let server = MailServer::start(Vec::new()).await;
    let options = EmailOptions {
        from_name: Some("督办系统".to_owned()),
        subject_prefix: "[duban] ".to_owned(),
        ..options(&server)
    };
    channel(options).deliver(&to(&["li"], "逾期未办结。\n.\n请抓紧。")).await.unwrap();

    let expected = [
        "EHLO office.example.org",
        "MAIL FROM:<duban@office.example.org>",
        "RCPT TO:<li@example.org>",
        "DATA",
    ];
    assert_eq!(server.lines(), expected);
    let message = &server.messages()[0];
    assert!(message.is_ascii(), "{message}");
    assert_eq!(header(message, "Message-ID"), ["<c0ffee-7@office.example.org>"]);
    assert_eq!(header(message, "Date"), ["Thu, 30 Jun 2022 16:00:00 +0000"]);
    assert_eq!(header(message, "Auto-Submitted"), ["auto-generated"]);
    assert_eq!(header(message, "Content-Type"), ["text/plain; charset=utf-8"]);
    assert!(header(message, "To")[0].ends_with("<li@example.org>"), "{message}");
    assert!(header(message, "Subject")[0].starts_with("[duban] =?utf-8?b?"), "{message}");
    assert_eq!(body(message), "【督办单第3号】逾期未办结。\r\n.\r\n请抓紧。");
}

#[tokio::test]
async fn nothing_that_people_write_becomes_a_header_or_a_command() {
    let server = MailServer::start(Vec::new()).await;
    let text = "逾期\r\nBcc: spy@example.org\r\n\r\n.\r\nMAIL FROM:<x@y>";
    let mut message = to(&["li", "wang", "sun"], text);
    message.id = "c0\r\nBcc: spy@example.org-7".to_owned();
    let options =
        EmailOptions { subject_prefix: "督办\r\nBcc: a@b".to_owned(), ..options(&server) };
    let error = parked(channel(options).deliver(&message).await);
    assert!(error.contains("of `sun` is no address"), "{error}");
    let recipients = ["RCPT TO:<li@example.org>", "RCPT TO:<wang@example.org>"];
    assert_eq!(commands(&server, "RCPT"), recipients);
    assert_eq!(commands(&server, "MAIL").len(), 1);
    let message = &server.messages()[0];
    assert!(header(message, "Bcc").is_empty(), "{message}");
    assert!(body(message).contains("\r\n.\r\nMAIL FROM"), "the text is left as it is");
}

#[tokio::test]
async fn whom_the_server_refuses_does_not_keep_it_from_the_others() {
    let turns = vec![("RCPT TO:<wang", Turn::Says("550 5.1.1 no such user"))];
    let server = MailServer::start(turns).await;
    let channel = channel(options(&server));
    let error = parked(channel.deliver(&to(&["wang", "li"], "一")).await);
    assert!(error.contains("`wang`") && error.contains("no such user"), "{error}");
    assert_eq!(server.messages().len(), 1);

    // Put back by the office, it goes to the one who lacked it.
    channel.deliver(&to(&["wang", "li"], "一")).await.unwrap();
    assert_eq!(commands(&server, "RCPT").last().unwrap(), "RCPT TO:<wang@example.org>");
    let messages = server.messages();
    assert_eq!(messages[0], messages[1], "byte for byte the same");
    assert_eq!(server.connections(), 1, "the connection was kept");
}

#[tokio::test]
async fn what_the_server_puts_off_comes_again_to_those_who_lack_it() {
    let turns = vec![("RCPT TO:<li", Turn::Says("451 4.7.1 greylisted"))];
    let server = MailServer::start(turns).await;
    let channel = channel(options(&server));
    let error = retry(channel.deliver(&to(&["li", "wang"], "一")).await);
    assert!(error.contains("`li`") && error.contains("greylisted"), "{error}");
    channel.deliver(&to(&["li", "wang"], "一")).await.unwrap();
    let recipients = ["<li@example.org>", "<wang@example.org>", "<li@example.org>"];
    assert_eq!(commands(&server, "RCPT"), recipients.map(|to| format!("RCPT TO:{to}")));
}

#[tokio::test]
async fn an_answer_says_whether_to_try_again() {
    for (word, answer) in [
        ("CONNECT", "554 not here"),
        ("CONNECT", "421 too many connections"),
        ("MAIL", "451 try later"),
        ("MAIL", "530 log in first"),
        ("RCPT", "421 closing"),
        ("DATA", "451 try later"),
        (".", "452 the disk is full"),
    ] {
        let server = MailServer::start(vec![(word, Turn::Says(answer))]).await;
        let channel = channel(options(&server));
        let error = retry(channel.deliver(&to(&["li"], "一")).await);
        assert!(error.contains(&answer[4..]), "{word}: {error}");
        channel.deliver(&to(&["li"], "一")).await.unwrap();
    }
    for (word, answer) in [
        ("MAIL", "550 the sender is unknown"),
        ("RCPT", "550 no such user"),
        ("DATA", "554 no"),
        (".", "554 it is spam"),
    ] {
        let server = MailServer::start(vec![(word, Turn::Says(answer))]).await;
        let error = parked(channel(options(&server)).deliver(&to(&["li"], "一")).await);
        assert!(error.contains(&answer[4..]), "{word}: {error}");
    }
}

#[tokio::test]
async fn a_server_that_hangs_or_dies_gets_the_same_email_again() {
    for turn in [Turn::Hangs, Turn::Dies] {
        for word in ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "."] {
            let server = MailServer::start(vec![(word, turn.clone())]).await;
            let channel = channel(options(&server));
            retry(channel.deliver(&to(&["li"], "一")).await);
            channel.deliver(&to(&["li"], "一")).await.unwrap();
            let messages = server.messages();
            // Where the answer to the message itself was lost, it may have arrived: the two are one.
            assert_eq!(messages.len(), if word == "." { 2 } else { 1 }, "{word}: {turn:?}");
            assert_eq!(messages.first(), messages.last());
        }
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_tried_again() {
    let server = MailServer::start(Vec::new()).await;
    let reserved = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = reserved.local_addr().unwrap().port();
    drop(reserved);
    let channel = channel(EmailOptions { port, ..options(&server) });
    retry(channel.deliver(&to(&["li"], "一")).await);
}

#[tokio::test]
async fn a_kept_connection_that_has_died_is_replaced() {
    let turns = vec![("NOOP", Turn::Dies)];
    let server = MailServer::start(turns).await;
    let channel = channel(options(&server));
    for text in ["一", "二"] {
        channel.deliver(&to(&["li"], text)).await.unwrap();
    }
    assert_eq!((server.connections(), server.messages().len()), (2, 2));
}

#[tokio::test]
async fn a_burst_shares_a_few_connections() {
    let server = MailServer::start(Vec::new()).await;
    let connections_max = std::num::NonZeroUsize::new(2).unwrap();
    let time_max = Duration::from_secs(20);
    let channel = channel(EmailOptions { connections_max, time_max, ..options(&server) });
    let messages: Vec<Delivery> =
        (0..40).map(|number| Delivery { id: format!("c-{number}"), ..to(&["li"], "一") }).collect();
    let sent = futures_util::future::join_all(messages.iter().map(|one| channel.deliver(one)));
    assert!(sent.await.into_iter().all(|sent| sent.is_ok()));
    assert_eq!(server.messages().len(), 40);
    assert!(server.connections() <= 2, "{} connections", server.connections());
}

#[tokio::test]
async fn nobody_is_left_out_unseen() {
    let server = MailServer::start(Vec::new()).await;
    let strict = channel(options(&server));
    let error = parked(strict.deliver(&to(&["li", "zhao"], "一")).await);
    assert_eq!(error, "`zhao` has no address `email`");
    assert_eq!(server.messages().len(), 1, "the others have it");
    let error = parked(strict.deliver(&to(&[], "一")).await);
    assert_eq!(error, "nobody holds `post:D/书记`");

    let beside = EmailOptions { unaddressed: Unaddressed::Skip, ..options(&server) };
    let beside = channel(beside);
    beside.deliver(&to(&["li", "zhao"], "一")).await.unwrap();
    beside.deliver(&to(&["zhao"], "一")).await.unwrap();
    assert_eq!(server.messages().len(), 2);
}

#[tokio::test]
async fn events_for_programs_pass_by_and_an_unknown_directory_is_waited_for() {
    let server = MailServer::start(Vec::new()).await;
    let contacts = Contacts::default();
    let channel = Email::new(contacts.clone(), options(&server)).unwrap();
    let mut event = to(&[], "grade");
    event.sent.kind = serde_json::from_value(json!("emit")).unwrap();
    channel.deliver(&event).await.unwrap();
    retry(channel.deliver(&to(&["li"], "一")).await);
    let directory = std::sync::Arc::new(directory());
    contacts.follow(move || directory.clone());
    channel.deliver(&to(&["li"], "一")).await.unwrap();
    assert_eq!(server.messages().len(), 1);
}

#[tokio::test]
async fn a_password_crosses_only_what_nobody_reads() {
    let login = Some(("duban".to_owned(), "secret".to_owned()));
    let server = MailServer::with_starttls().await;
    let starttls = EmailOptions {
        host: "localhost".to_owned(),
        security: Security::StartTls,
        login: login.clone(),
        root_certificates: Some(server.certificate.clone()),
        ..options(&server)
    };
    channel(starttls.clone()).deliver(&to(&["li"], "一")).await.unwrap();
    let lines = server.lines();
    let verbs: Vec<&str> = lines.iter().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(verbs, ["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL", "RCPT", "DATA"]);
    assert_eq!(lines[3], format!("AUTH PLAIN {}", STANDARD.encode("\0duban\0secret")));

    let wrapped = MailServer::with_tls().await;
    let tls = EmailOptions {
        port: wrapped.port,
        security: Security::Tls,
        root_certificates: Some(wrapped.certificate.clone()),
        ..starttls.clone()
    };
    channel(tls.clone()).deliver(&to(&["li"], "一")).await.unwrap();
    assert_eq!(wrapped.messages().len(), 1);

    // Somebody in between takes the offer of STARTTLS away.
    let stripped = MailServer::with(Vec::new(), vec!["AUTH PLAIN"], false).await;
    let downgraded = channel(EmailOptions { port: stripped.port, ..starttls.clone() });
    let error = retry(downgraded.deliver(&to(&["li"], "一")).await);
    assert!(error.contains("STARTTLS"), "{error}");
    assert_eq!(commands(&stripped, "AUTH").len() + commands(&stripped, "MAIL").len(), 0);

    // Somebody else's certificate.
    let stranger = channel(EmailOptions { root_certificates: None, ..tls });
    retry(stranger.deliver(&to(&["li"], "一")).await);
    assert_eq!(wrapped.messages().len(), 1);
}

#[tokio::test]
async fn a_refused_login_is_tried_again_for_the_settings_may_be_corrected() {
    let turns = vec![("AUTH", Turn::Says("535 5.7.8 wrong password"))];
    let server = MailServer::with(turns, vec!["AUTH LOGIN PLAIN"], false).await;
    let login = Some(("duban".to_owned(), "secret".to_owned()));
    let channel = channel(EmailOptions { login, ..options(&server) });
    let error = retry(channel.deliver(&to(&["li"], "一")).await);
    assert!(error.contains("wrong password") && !error.contains("secret"), "{error}");
    channel.deliver(&to(&["li"], "一")).await.unwrap();
}

#[test]
fn settings_that_cannot_work_are_told_at_once() {
    let new = |options: EmailOptions| Email::new(Contacts::default(), options).map(drop);
    let good = EmailOptions::new("mail.example.org", Security::Tls, "duban@example.org");
    new(good.clone()).unwrap();
    let login = Some(("duban".to_owned(), "secret".to_owned()));
    assert!(
        !format!("{:?}", EmailOptions { login: login.clone(), ..good.clone() }).contains("secret")
    );
    let cases = [
        ("DB5005", EmailOptions { from: "督办".to_owned(), ..good.clone() }),
        ("DB5006", EmailOptions { host: "mail example".to_owned(), ..good.clone() }),
        ("DB5006", EmailOptions { hello: Some("a\r\nMAIL".to_owned()), ..good.clone() }),
        ("DB5007", EmailOptions { security: Security::None, login, ..good.clone() }),
        (
            "DB5008",
            EmailOptions {
                root_certificates: Some(b"-----BEGIN CERTIFICATE-----\n=".to_vec()),
                ..good
            },
        ),
    ];
    for (code, options) in cases {
        let refused: NotifyError = new(options).unwrap_err();
        assert_eq!(refused.code(), code, "{refused}");
    }
}
