//! App messages: tokens, people, and platforms that refuse.

use std::time::Duration;

use duban_engine::{Channel, ChannelError, Delivery};
use duban_notify::{App, AppOptions, Contacts, NotifyError};
use serde_json::json;

use crate::emails::directory;
use crate::peer::{Answer, Peer, client, delivery};

const fn ok(body: &'static str) -> Answer {
    Answer::Http("200 OK", "", body)
}

const WECOM_TOKEN: Answer = ok(r#"{"errcode":0,"access_token":"T/1","expires_in":7200}"#);
const WECOM_TOKEN_2: Answer = ok(r#"{"errcode":0,"access_token":"T2","expires_in":7200}"#);
const WELL: Answer = ok(r#"{"errcode":0,"errmsg":"ok","invaliduser":""}"#);
const EXPIRED: Answer = ok(r#"{"errcode":42001,"errmsg":"access_token expired"}"#);

fn wecom(peer: &Peer) -> AppOptions {
    let base = peer.url("");
    AppOptions::wecom("ww1", "S&1", 1_000_002).at(&base, &base)
}

fn app(options: AppOptions) -> App {
    App::new(client(), Contacts::of(directory()), options).unwrap()
}

fn to(people: &[&str]) -> Delivery {
    let mut delivery = delivery("逾期");
    delivery.sent.people = people.iter().map(|person| (*person).into()).collect();
    delivery
}

fn lines(peer: &Peer) -> Vec<String> {
    peer.requests().iter().map(|request| request.line().replace(" HTTP/1.1", "")).collect()
}

#[tokio::test]
async fn wecom_gets_one_message_for_all_and_the_token_is_kept() {
    let peer = Peer::start(vec![WECOM_TOKEN, WELL]).await;
    let app = app(wecom(&peer));
    app.deliver(&to(&["li", "wang"])).await.unwrap();
    app.deliver(&to(&["li"])).await.unwrap();
    let expected = [
        "GET /cgi-bin/gettoken?corpid=ww1&corpsecret=S%261",
        "POST /cgi-bin/message/send?access_token=T%2F1",
        "POST /cgi-bin/message/send?access_token=T%2F1",
    ];
    assert_eq!(lines(&peer), expected);
    let expected = json!({
        "touser": "LiSi|WangWu", "msgtype": "text", "agentid": 1_000_002,
        "text": { "content": "【督办单第3号】逾期" },
        "enable_duplicate_check": 1, "duplicate_check_interval": 1_800,
    });
    assert_eq!(peer.requests()[1].json(), expected);
}

#[tokio::test]
async fn an_expired_token_is_fetched_anew_within_the_attempt() {
    let peer = Peer::start(vec![WECOM_TOKEN, EXPIRED, WECOM_TOKEN_2, WELL]).await;
    app(wecom(&peer)).deliver(&to(&["li"])).await.unwrap();
    assert_eq!(lines(&peer)[3], "POST /cgi-bin/message/send?access_token=T2");

    // A platform that refuses every token is not asked for ever.
    let peer = Peer::start(vec![WECOM_TOKEN, EXPIRED, WECOM_TOKEN_2, EXPIRED]).await;
    let refused = app(wecom(&peer)).deliver(&to(&["li"])).await.unwrap_err();
    assert!(matches!(refused, ChannelError::Retry { .. }), "{refused}");
    assert_eq!(peer.requests().len(), 4);
}

#[tokio::test]
async fn whom_wecom_does_not_know_does_not_keep_it_from_the_others() {
    let unknown = ok(r#"{"errcode":0,"errmsg":"ok","invaliduser":"lisi"}"#);
    let peer = Peer::start(vec![WECOM_TOKEN, unknown, WELL]).await;
    let app = app(wecom(&peer));
    let refused = app.deliver(&to(&["li", "wang", "zhao"])).await.unwrap_err();
    let ChannelError::Dead { error } = refused else { panic!("{refused}") };
    assert!(error.contains("`LiSi` of `li`") && error.contains("`zhao` has no address"), "{error}");

    // Put back once the account is there: the other one does not get it twice.
    drop(app.deliver(&to(&["li", "wang"])).await);
    assert_eq!(peer.requests()[2].json()["touser"], "LiSi");

    let nobody = ok(r#"{"errcode":81013,"errmsg":"user & party & tag all invalid"}"#);
    let peer = Peer::start(vec![WECOM_TOKEN, nobody]).await;
    let refused = self::app(wecom(&peer)).deliver(&to(&["li"])).await.unwrap_err();
    assert!(matches!(refused, ChannelError::Dead { .. }), "{refused}");
}

#[tokio::test]
async fn a_platform_in_trouble_is_tried_again() {
    let cases = [
        (ok(r#"{"errcode":45009,"errmsg":"api freq out of limit"}"#), "freq", Some(60)),
        (ok(r#"{"errcode":-1,"errmsg":"system busy"}"#), "busy", None),
        (ok("<html>"), "<html>", None),
        (Answer::Http("502 Bad Gateway", "retry-after: 7\r\n", ""), "HTTP 502", Some(7)),
        (Answer::Hang, "", None),
        (Answer::DieHalfWay, "", None),
    ];
    for (answer, part, wait) in cases {
        let peer = Peer::start(vec![WECOM_TOKEN, answer, WELL]).await;
        let app = app(wecom(&peer));
        let refused = app.deliver(&to(&["li"])).await.unwrap_err();
        let ChannelError::Retry { error, after } = refused else { panic!("{refused}") };
        assert!(error.contains(part), "{error}");
        assert!(!error.contains("T/1") && !error.contains("T%2F1"), "a token is no news: {error}");
        assert_eq!(after, wait.map(Duration::from_secs));
        app.deliver(&to(&["li"])).await.unwrap();
    }
}

#[tokio::test]
async fn without_a_token_nothing_is_sent() {
    let answers = vec![ok(r#"{"errcode":40001,"errmsg":"invalid credential S&1"}"#), WECOM_TOKEN];
    let peer = Peer::start(answers).await;
    let refused = app(wecom(&peer)).deliver(&to(&["li"])).await.unwrap_err().to_string();
    assert_eq!(refused, "no token was given (code 40001)");
    assert_eq!(peer.requests().len(), 1);
}

#[tokio::test]
async fn dingtalk_gets_a_work_notification() {
    let token = ok(r#"{"accessToken":"T1","expireIn":7200}"#);
    let peer = Peer::start(vec![token, ok(r#"{"errcode":0,"task_id":1}"#)]).await;
    let base = peer.url("");
    let options = AppOptions::dingtalk("key", "secret", 123).at(&base, &base);
    app(options).deliver(&to(&["li", "wang"])).await.unwrap();
    let expected = [
        "POST /v1.0/oauth2/accessToken",
        "POST /topapi/message/corpconversation/asyncsend_v2?access_token=T1",
    ];
    assert_eq!(lines(&peer), expected);
    let requests = peer.requests();
    assert_eq!(requests[0].json(), json!({ "appKey": "key", "appSecret": "secret" }));
    let expected = json!({
        "agent_id": 123, "userid_list": "d-li,d-wang", "to_all_user": false,
        "msg": { "msgtype": "text", "text": { "content": "【督办单第3号】逾期" } },
    });
    assert_eq!(requests[1].json(), expected);
}

#[tokio::test]
async fn feishu_gets_a_message_for_each_and_one_refusal_stops_nobody_else() {
    let token = ok(r#"{"code":0,"tenant_access_token":"t-1","expire":7200}"#);
    let refused = Answer::Http("400 Bad Request", "", r#"{"code":230013,"msg":"no availability"}"#);
    let well = ok(r#"{"code":0,"msg":"success"}"#);
    let peer = Peer::start(vec![token, refused, well]).await;
    let base = peer.url("");
    let app = app(AppOptions::feishu("cli_1", "secret").at(&base, &base));
    let error = app.deliver(&to(&["li", "wang"])).await.unwrap_err().to_string();
    assert!(error.contains("no availability"), "{error}");
    app.deliver(&to(&["li", "wang"])).await.unwrap();

    let requests = peer.requests();
    assert_eq!(requests[0].json(), json!({ "app_id": "cli_1", "app_secret": "secret" }));
    let whom: Vec<_> =
        requests[1..].iter().map(|request| request.json()["receive_id"].clone()).collect();
    assert_eq!(whom, ["f-li", "f-wang", "f-li"]);
    assert_eq!(requests[1].header("authorization"), Some("Bearer t-1"));
    assert_eq!(lines(&peer)[1], "POST /open-apis/im/v1/messages?receive_id_type=user_id");
    assert_eq!(requests[1].json(), requests[3].json(), "the same id, for Feishu to recognise");
    assert_eq!(requests[1].json()["content"], r#"{"text":"【督办单第3号】逾期"}"#);
}

#[tokio::test]
async fn feishu_says_with_status_400_that_a_token_has_expired() {
    let expired = Answer::Http("400 Bad Request", "", r#"{"code":99991663,"msg":"token invalid"}"#);
    let answers = vec![
        ok(r#"{"code":0,"tenant_access_token":"t-1","expire":7200}"#),
        expired,
        ok(r#"{"code":0,"tenant_access_token":"t-2","expire":7200}"#),
        ok(r#"{"code":0}"#),
    ];
    let peer = Peer::start(answers).await;
    let base = peer.url("");
    app(AppOptions::feishu("cli_1", "secret").at(&base, &base))
        .deliver(&to(&["li"]))
        .await
        .unwrap();
    assert_eq!(peer.requests()[3].header("authorization"), Some("Bearer t-2"));
}

#[test]
fn settings_that_cannot_work_are_told_at_once() {
    let new = |options: AppOptions| App::new(client(), Contacts::default(), options).map(drop);
    new(AppOptions::wecom("ww1", "s", 1)).unwrap();
    let refused: NotifyError = new(AppOptions::wecom("ww1", " ", 1)).unwrap_err();
    assert_eq!(refused.code(), "DB5003");
    let inside = AppOptions::wecom("ww1", "s", 1).at("http://10.0.0.8", "https://example.org");
    assert_eq!(new(inside).unwrap_err().code(), "DB5002");
    assert!(!format!("{:?}", AppOptions::wecom("ww1", "S3CRET", 1)).contains("S3CRET"));
}
