//! The group robots.

use std::num::NonZeroU32;
use std::time::Duration;

use duban_engine::{Channel, ChannelError, Hold};
use duban_notify::{Robot, RobotOptions};
use serde_json::json;

use crate::peer::{Answer, Peer, client, delivery};

const WELL: Answer = Answer::Http("200 OK", "", r#"{"errcode":0,"errmsg":"ok"}"#);

#[tokio::test]
async fn dingtalk_gets_its_signature_in_the_address() {
    let peer = Peer::start(vec![WELL]).await;
    let options = RobotOptions::dingtalk(&peer.url("/robot/send?access_token=T"), "SECtest");
    Robot::new(client(), options).unwrap().deliver(&delivery("逾期")).await.unwrap();
    let request = &peer.requests()[0];
    let expected = json!({
        "msgtype": "text", "text": { "content": "【督办单第3号】逾期" },
        "at": { "atMobiles": [], "isAtAll": false },
    });
    assert_eq!(request.json(), expected);
    let line = request.line();
    let rest = line.strip_prefix("POST /robot/send?access_token=T&timestamp=").unwrap();
    let (millis, rest) = rest.split_once("&sign=").unwrap();
    assert_eq!(millis.len(), 13, "milliseconds: {line}");
    let sign = rest.strip_suffix(" HTTP/1.1").unwrap();
    assert!(sign.ends_with("%3D") && !sign.contains('='), "encoded once: {line}");
}

#[tokio::test]
async fn feishu_gets_its_signature_in_the_body_and_calls_nobody() {
    let peer = Peer::start(vec![Answer::Http("200 OK", "", r#"{"code":0,"msg":"success"}"#)]).await;
    let options = RobotOptions::feishu(&peer.url("/open-apis/bot/v2/hook/x"), "test-secret");
    let channel = Robot::new(client(), options).unwrap();
    channel.deliver(&delivery("<at user_id=\"all\">全体</at>")).await.unwrap();
    let request = &peer.requests()[0];
    assert_eq!(request.line(), "POST /open-apis/bot/v2/hook/x HTTP/1.1");
    let body = request.json();
    assert_eq!(body["msg_type"], "text");
    assert_eq!(body["content"]["text"], "【督办单第3号】＜at user_id=\"all\">全体</at>");
    assert_eq!(body["timestamp"].as_str().map(str::len), Some(10), "seconds as text: {body}");
    assert_eq!(body["sign"].as_str().map(str::len), Some(44), "{body}");
}

#[tokio::test]
async fn wecom_gets_no_more_than_it_takes() {
    let peer = Peer::start(vec![WELL]).await;
    let options = RobotOptions::wecom(&peer.url("/cgi-bin/webhook/send?key=K"));
    let long = "督办".repeat(1_000);
    Robot::new(client(), options).unwrap().deliver(&delivery(&long)).await.unwrap();
    let content = peer.requests()[0].json()["text"]["content"].as_str().unwrap().to_owned();
    assert!(content.len() <= 2_048 && content.ends_with('…'), "{} bytes", content.len());
}

#[tokio::test]
async fn a_refusal_behind_status_200_is_a_refusal() {
    let answers = vec![
        Answer::Http("200 OK", "", r#"{"errcode":45009,"errmsg":"api freq out of limit"}"#),
        Answer::Http("200 OK", "", r#"{"errcode":93000,"errmsg":"invalid webhook url"}"#),
        Answer::Http("200 OK", "", "<html>"),
    ];
    let peer = Peer::start(answers).await;
    let channel = Robot::new(client(), RobotOptions::wecom(&peer.url("/"))).unwrap();
    let mut message = delivery("一");
    for (part, wait) in [("freq", Some(60)), ("93000", None), ("<html>", None)] {
        let refused = channel.deliver(&message).await.unwrap_err();
        message.now = message.now.plus_millis(3_000);
        let ChannelError::Retry { error, after } = refused else { panic!("{refused}") };
        assert!(error.contains(part), "{error}");
        assert_eq!(after, wait.map(Duration::from_secs));
    }
}

#[tokio::test]
async fn what_goes_beyond_the_pace_waits_and_is_not_sent() {
    let peer = Peer::start(vec![WELL]).await;
    let two = NonZeroU32::new(2).unwrap();
    let options = RobotOptions { per_minute: two, ..RobotOptions::wecom(&peer.url("/")) };
    let channel = Robot::new(client(), options).unwrap();
    let mut message = delivery("一");
    channel.deliver(&message).await.unwrap();
    message.id = "c0ffee-8".to_owned();
    let ChannelError::Hold { until, why: Hold::Turn } =
        channel.deliver(&message).await.unwrap_err()
    else {
        panic!("the second must wait")
    };
    assert_eq!(until, message.now.plus_millis(30_000));
    assert_eq!(peer.requests().len(), 1);
    message.now = until;
    channel.deliver(&message).await.unwrap();
    assert_eq!(peer.requests().len(), 2);
}
