//! Rules of channels with the engine behind: hours, kinds, pace, and what a restart leaves.

use std::num::NonZeroU32;
use std::sync::Arc;

use duban::store::{ChannelState, DeliveryState};
use duban::{Channel, library};
use duban_calendar::Tz;
use duban_core::{Body, Notification, Outgoing, Sent};
use duban_notify::{
    Hours, Robot, RobotOptions, Ruled, Rules, Webhook, WebhookOptions, WorkingDays,
};
use serde_json::Map;

use crate::office::{office, office_with};
use crate::peer::{Answer, OK, Peer, client};

fn webhook(peer: &Peer) -> Arc<dyn Channel> {
    let secret = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned();
    let options = WebhookOptions { name: "hook".to_owned(), url: peer.url("/"), secret };
    Arc::new(Webhook::new(client(), options).unwrap())
}

fn hours(quiet: Option<&str>, working: &[&str]) -> Option<(Hours, WorkingDays)> {
    let quiet = quiet.map(|part| part.parse().unwrap());
    let parts: Vec<_> = working.iter().map(|part| part.parse().unwrap()).collect();
    let working = Some(parts).filter(|parts| !parts.is_empty());
    let days = WorkingDays::of(library().calendars.remove("cn").unwrap());
    Some((Hours::new(quiet, working, Tz::Asia__Shanghai).unwrap(), days))
}

fn ruled(name: &str, peer: &Peer, rules: Rules) -> Arc<dyn Channel> {
    Arc::new(Ruled::new(name, webhook(peer), rules))
}

fn texts(peer: &Peer) -> Vec<String> {
    let requests = peer.requests();
    requests.iter().map(|request| request.json()["data"]["text"].to_string()).collect()
}

#[tokio::test]
async fn a_message_of_midnight_waits_for_the_end_of_the_quiet_time() {
    let peer = Peer::start(vec![OK]).await;
    let rules = Rules { hours: hours(Some("20:00-08:00"), &[]), ..Rules::default() };
    let office = office(vec![ruled("mail", &peer, rules)]).await;
    office.advance("2022-06-28T07:59").await;
    let row = office.rows().await.remove(0);
    assert_eq!((row.state, row.attempts), (DeliveryState::Pending, 0));
    assert_eq!(row.channels["mail"].state, ChannelState::Held);
    assert!(peer.requests().is_empty());
    office.advance("2022-06-28T08:00").await;
    assert_eq!(peer.requests().len(), 1);
    assert_eq!(office.rows().await.remove(0).state, DeliveryState::Delivered);
    assert_eq!(office.engine.stats().delivery_failures, 0);
}

#[tokio::test]
async fn reminders_of_a_holiday_collapse_and_the_highest_comes_when_work_begins() {
    let (peer, other) = (Peer::start(vec![OK]).await, Peer::start(vec![OK]).await);
    let working = hours(None, &["09:00-11:30", "13:00-17:30"]);
    let channels = || {
        let rules = Rules { hours: working.clone(), ..Rules::default() };
        vec![ruled("mail", &peer, rules), ruled("oa", &other, Rules::default())]
    };
    // Spring Festival 2022: off from 31 January to 6 February. Reminders come at the end of
    // 1, 3 and 5 February.
    let (now, before) = ("2022-01-10T09:00:00+08:00", ["days(10)", "days(8)", "days(6)"]);
    let office = office_with(now, "2022-02-11", &before, channels()).await;
    office.advance("2022-02-05T12:00").await;
    assert!(peer.requests().is_empty());
    assert_eq!(other.requests().len(), 2, "the other channel knows no hours");
    let office = office.restart(channels()).await;
    office.advance("2022-02-07T08:59").await;
    assert!(peer.requests().is_empty());
    office.advance("2022-02-07T09:00").await;
    let requests = peer.requests();
    assert_eq!(requests.len(), 1, "one of three");
    assert_eq!(texts(&peer)[0], texts(&other)[2]);
    let rows = office.rows().await;
    assert!(rows.iter().all(|row| row.state == DeliveryState::Delivered));
    let last = rows[2].outgoing.id();
    assert_eq!(requests[0].header("webhook-id"), Some(last.as_str()));
    for row in &rows[..2] {
        let note = &row.channels["mail"];
        assert_eq!((note.state, note.said.as_ref()), (ChannelState::Collapsed, Some(&last)));
    }
}

#[tokio::test]
async fn what_is_excepted_goes_out_at_once_and_what_is_not_carried_passes_by() {
    let (night, slips) = (Peer::start(vec![OK]).await, Peer::start(vec![OK]).await);
    let excepted = Rules {
        hours: hours(Some("20:00-08:00"), &[]),
        except: vec!["remind".parse().unwrap()],
        ..Rules::default()
    };
    let only = Rules { only: vec!["slip:red".parse().unwrap()], ..Rules::default() };
    let channels = vec![ruled("night", &night, excepted), ruled("slips", &slips, only)];
    let office = office(channels).await;
    office.advance("2022-06-28T00:00").await;
    assert_eq!((night.requests().len(), slips.requests().len()), (1, 0));
    assert_eq!(office.rows().await.remove(0).state, DeliveryState::Delivered);
}

#[tokio::test]
async fn after_a_restart_between_two_channels_the_first_gets_nothing_again() {
    let busy = Answer::Http("503 Service Unavailable", "", "");
    let (first, second) = (Peer::start(vec![OK]).await, Peer::start(vec![busy, OK]).await);
    let channels =
        || vec![ruled("a", &first, Rules::default()), ruled("b", &second, Rules::default())];
    let office = office(channels()).await;
    office.advance("2022-06-28T00:00").await;
    assert_eq!((first.requests().len(), second.requests().len()), (1, 1));
    let office = office.restart(channels()).await;
    office.advance("2022-06-28T01:00").await;
    assert_eq!((first.requests().len(), second.requests().len()), (1, 2));
    let ids = |peer: &Peer| peer.requests()[0].header("webhook-id").map(str::to_owned);
    assert_eq!(ids(&first), ids(&second));
    assert_eq!(office.rows().await.remove(0).state, DeliveryState::Delivered);
}

fn message(number: u32, at: i64) -> Outgoing {
    let sent = Sent {
        kind: Notification::Notice,
        item: None,
        to: Vec::new(),
        people: Vec::new(),
        text: format!("通报{number}"),
        colour: None,
        number: None,
        data: Map::new(),
        names: duban_core::Names::default(),
        collapsed: false,
    };
    Outgoing {
        case: format!("burst-{number:05}"),
        seq: 0,
        kind: "notice".to_owned(),
        at,
        body: Body::People(Box::new(sent)),
    }
}

#[tokio::test]
async fn a_burst_into_a_robot_is_neither_lost_nor_does_it_keep_the_pump_busy() {
    const MESSAGES: u32 = 10_000;
    let well = Answer::Http("200 OK", "", r#"{"errcode":0,"errmsg":"ok"}"#);
    let peer = Peer::start(vec![well]).await;
    let twenty = NonZeroU32::new(20).unwrap();
    let options = RobotOptions { per_minute: twenty, ..RobotOptions::wecom(&peer.url("/")) };
    let office = office(vec![Arc::new(Robot::new(client(), options).unwrap())]).await;
    let now = office.engine.now().millis();
    let burst = (0..MESSAGES).map(|number| message(number, now)).collect();
    assert_eq!(office.engine.send(burst).await.unwrap(), u64::from(MESSAGES));
    office.engine.settled().await.unwrap();
    let before = office.engine.stats();
    assert_eq!(before.deliveries_held, u64::from(MESSAGES - 1), "each is told its turn once");
    office.advance("2022-06-01T09:03").await;
    let after = office.engine.stats();
    assert_eq!(peer.requests().len(), 61, "twenty a minute");
    assert_eq!(after.deliveries_held, before.deliveries_held, "nobody was asked again");
    let asked = after.index_queries - before.index_queries;
    assert!(asked <= 4 * 60 + 8, "a few questions for each message that went out: {asked}");
    assert_eq!((after.dead_letters, after.delivery_failures), (0, 0));
}
