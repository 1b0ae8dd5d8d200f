//! What every backend does with deliveries: they come up until they are marked, and are kept.

use super::*;

fn notes(states: &[(&str, ChannelState)]) -> ChannelNotes {
    let note = |state| ChannelNote { state, attempts: 2, next_at: 7, said: Some("忙".to_owned()) };
    states.iter().map(|(name, state)| ((*name).to_owned(), note(*state))).collect()
}

pub(super) fn failed(case: &str, state: NotedState, error: &str) -> Noted {
    let (case, error) = (case.to_owned(), Some(error.to_owned()));
    Noted { case, seq: 1, state, counts: true, error, channels: None, topic: None }
}

/// A lease hides a delivery until its end; only a mark takes it off for good.
pub async fn rule_13_a_delivery_comes_up_again_until_it_is_marked<S: Store>(store: S) {
    write(&store, Commit { outgoing: vec![outgoing("a", 1, 100)], ..commit("a", 0) }).await;
    assert_eq!(store.next_delivery().await.unwrap(), Some(100));
    assert!(store.lease_deliveries(99, 200, 10).await.unwrap().is_empty());
    let leased = store.lease_deliveries(100, 200, 10).await.unwrap();
    assert_eq!(leased.len(), 1);
    assert_eq!(leased[0].delivery.outgoing, outgoing("a", 1, 100));
    assert!(store.lease_deliveries(199, 300, 10).await.unwrap().is_empty(), "it is leased");
    assert_eq!(store.lease_deliveries(200, 300, 10).await.unwrap().len(), 1, "the lease ended");

    store.noted(vec![failed("a", NotedState::Pending(250), "对端拒绝")]).await.unwrap();
    let row = store.deliveries(&DeliveryFilter::default(), &page(None, 9)).await.unwrap();
    assert_eq!(row.rows[0].error.as_deref(), Some("对端拒绝"));
    assert_eq!(row.rows[0].attempts, 1);
    assert_eq!(store.next_delivery().await.unwrap(), Some(250));

    for _ in 0..2 {
        let ids = vec![("a".to_owned(), 1), ("unknown".to_owned(), 7)];
        store.delivered(ids, 260).await.unwrap();
        assert_eq!(store.next_delivery().await.unwrap(), None);
    }
    store.noted(vec![failed("a", NotedState::Pending(270), "too late")]).await.unwrap();
    assert_eq!(store.next_delivery().await.unwrap(), None, "what arrived stays so");
}

/// A clock that was set makes nothing wait, neither a delivery nor one of its channels.
pub async fn rule_40_pending_deliveries_move_with_the_clock<S: Store>(store: S) {
    write(&store, Commit { outgoing: vec![outgoing("a", 1, 100)], ..commit("a", 0) }).await;
    write(&store, Commit { outgoing: vec![outgoing("b", 1, 100)], ..commit("b", 0) }).await;
    write(&store, Commit { outgoing: vec![outgoing("c", 1, 50)], ..commit("c", 0) }).await;
    let said = notes(&[("oa", ChannelState::Taken), ("mail", ChannelState::Failed)]);
    let waits =
        Noted { channels: Some(said.clone()), ..failed("a", NotedState::Pending(900), "x") };
    store.noted(vec![waits]).await.unwrap();
    store.delivered(vec![("c".to_owned(), 1)], 60).await.unwrap();
    assert_eq!(store.shift_deliveries(-60).await.unwrap(), 2);
    assert_eq!(store.next_delivery().await.unwrap(), Some(40));
    let leased = store.lease_deliveries(840, 900, 9).await.unwrap();
    let of = |case: &str| leased.iter().find(|one| one.delivery.outgoing.case == case).unwrap();
    let at = |name: &str| of("a").delivery.channels[name].next_at;
    assert_eq!((at("oa"), at("mail")), (said["oa"].next_at - 60, said["mail"].next_at - 60));
    assert!(of("b").delivery.channels.is_empty());
    let filter =
        DeliveryFilter { state: Some(DeliveryState::Delivered), ..DeliveryFilter::default() };
    assert_eq!(store.deliveries(&filter, &page(None, 9)).await.unwrap().rows[0].next_at, 50);
}

/// A delivery that is given up is left alone until somebody puts it back.
pub async fn rule_13_a_dead_delivery_waits_for_a_person<S: Store>(store: S) {
    write(&store, Commit { outgoing: vec![outgoing("a", 1, 100)], ..commit("a", 0) }).await;
    assert!(!store.retry_delivery("a", 1, 5).await.unwrap(), "it is not dead");
    let waiting = Backlog { pending: 1, dead: 0, oldest_at: Some(100) };
    assert_eq!(store.backlog().await.unwrap(), waiting);
    store.noted(vec![failed("a", NotedState::Dead, "gone")]).await.unwrap();
    assert_eq!(store.next_delivery().await.unwrap(), None);
    let given_up = Backlog { pending: 0, dead: 1, oldest_at: None };
    assert_eq!(store.backlog().await.unwrap(), given_up);
    let dead = DeliveryFilter { state: Some(DeliveryState::Dead), ..DeliveryFilter::default() };
    assert_eq!(store.deliveries(&dead, &page(None, 9)).await.unwrap().rows.len(), 1);

    assert!(store.retry_delivery("a", 1, 500).await.unwrap());
    assert!(!store.retry_delivery("unknown", 1, 500).await.unwrap());
    assert_eq!(store.next_delivery().await.unwrap(), Some(500));
    let back = store.lease_deliveries(500, 600, 1).await.unwrap();
    assert_eq!(back[0].delivery.attempts, 0, "a new series of attempts");
}

/// A partial success survives, costs no attempt where none failed, and goes with the arrival.
pub async fn rule_13_what_channels_said_is_kept_until_it_has_arrived<S: Store>(store: S) {
    write(&store, Commit { outgoing: vec![outgoing("a", 1, 100)], ..commit("a", 0) }).await;
    let said = notes(&[("oa", ChannelState::Taken), ("mail", ChannelState::Held)]);
    let held = Noted {
        channels: Some(said.clone()),
        counts: false,
        error: None,
        ..failed("a", NotedState::Pending(300), "")
    };
    store.noted(vec![held.clone()]).await.unwrap();
    assert!(store.lease_deliveries(299, 400, 9).await.unwrap().is_empty(), "it is held");
    let leased = store.lease_deliveries(300, 400, 9).await.unwrap();
    assert_eq!((leased[0].delivery.attempts, &leased[0].delivery.channels), (0, &said));

    let collapsed = notes(&[("oa", ChannelState::Taken), ("mail", ChannelState::Collapsed)]);
    let ended =
        Noted { state: NotedState::Delivered(310), channels: Some(collapsed.clone()), ..held };
    store.noted(vec![ended]).await.unwrap();
    let row = store.deliveries(&DeliveryFilter::default(), &page(None, 9)).await.unwrap();
    assert_eq!(row.rows[0].state, DeliveryState::Delivered);
    assert_eq!(row.rows[0].channels, collapsed, "that something was left out stays to be seen");

    write(&store, Commit { outgoing: vec![outgoing("a", 2, 100)], ..commit("a", 1) }).await;
    let partly =
        Noted { seq: 2, channels: Some(said), ..failed("a", NotedState::Pending(320), "x") };
    store.noted(vec![partly]).await.unwrap();
    store.delivered(vec![("a".to_owned(), 2)], 330).await.unwrap();
    let row = store.deliveries(&DeliveryFilter::default(), &page(None, 9)).await.unwrap();
    assert_eq!((row.rows[1].attempts, row.rows[1].channels.len()), (2, 0), "all have taken it");
}

/// What has taken it stays out of the new series of attempts.
pub async fn rule_13_dead_deliveries_of_a_filter_are_put_back_together<S: Store>(store: S) {
    for (case, channel) in [("a", "oa"), ("b", "mail"), ("c", "mail")] {
        write(&store, Commit { outgoing: vec![outgoing(case, 1, 100)], ..commit(case, 0) }).await;
        let said = notes(&[("file", ChannelState::Taken), (channel, ChannelState::Dead)]);
        let channels = Some(said);
        store
            .noted(vec![Noted { channels, ..failed(case, NotedState::Dead, "gone") }])
            .await
            .unwrap();
    }
    assert_eq!(store.dead_letters(100).await.unwrap(), 0);
    assert_eq!(store.dead_letters(101).await.unwrap(), 3);
    let of = |channel: &str| DeliveryFilter {
        channel: Some(channel.to_owned()),
        ..DeliveryFilter::default()
    };
    assert_eq!(store.deliveries(&of("mail"), &page(None, 9)).await.unwrap().rows.len(), 2);
    assert!(store.deliveries(&of("file"), &page(None, 9)).await.unwrap().rows.is_empty());
    assert_eq!(store.retry_deliveries(&of("mail"), 500).await.unwrap(), 2);
    assert_eq!(store.retry_deliveries(&of("mail"), 500).await.unwrap(), 0);
    let back = store.lease_deliveries(500, 600, 9).await.unwrap();
    let ids: Vec<_> = back.iter().map(|one| one.delivery.outgoing.case.as_str()).collect();
    assert_eq!(ids, ["b", "c"]);
    for one in back {
        assert_eq!(one.delivery.channels, notes(&[("file", ChannelState::Taken)]));
        assert_eq!(one.delivery.attempts, 0);
    }
    assert!(store.retry_delivery("a", 1, 500).await.unwrap());
}

/// Queued again under its id it is neither doubled nor sent again.
pub async fn rule_13_a_message_without_an_event_is_queued_once<S: Store>(store: S) {
    let messages = vec![outgoing("digest-a", 0, 100), outgoing("digest-b", 0, 100)];
    assert_eq!(store.enqueue(messages.clone()).await.unwrap(), 2);
    assert_eq!(store.next_delivery().await.unwrap(), Some(100));
    store.delivered(vec![("digest-a".to_owned(), 0)], 150).await.unwrap();
    assert_eq!(store.enqueue(messages).await.unwrap(), 0);
    let leased = store.lease_deliveries(200, 300, 9).await.unwrap();
    assert_eq!(leased.len(), 1);
    assert_eq!(leased[0].delivery.outgoing.id(), "digest-b");

    assert_eq!(store.prune_messages("digest-", "digest-a").await.unwrap(), 0);
    assert_eq!(store.prune_messages("digest-", "digest-z").await.unwrap(), 1, "what has arrived");
    let last = store.last_delivery("message").await.unwrap().unwrap();
    assert_eq!(last.outgoing.id(), "digest-b");
    assert_eq!(store.last_delivery("slip").await.unwrap(), None);
}

/// Later ones alone, whatever has become of them.
pub async fn held_messages_are_found_by_what_they_are_about<S: Store>(store: S) {
    let messages = (1..=4).map(|seq| outgoing("a", seq, 100)).collect();
    write(&store, Commit { outgoing: messages, ..commit("a", 0) }).await;
    for (seq, topic) in [(1, "a x"), (2, "a y"), (3, "a x")] {
        let topic = Some(topic.to_owned());
        let held = Noted { seq, topic, ..failed("a", NotedState::Pending(300), "") };
        store.noted(vec![held]).await.unwrap();
    }
    let found = async |after| {
        let rows = store.overtaking("a x", after).await.unwrap();
        rows.into_iter().map(|row| row.outgoing.seq).collect::<Vec<_>>()
    };
    assert_eq!((found(0).await, found(1).await, found(3).await), (vec![1, 3], vec![3], vec![]));
    store.delivered(vec![("a".to_owned(), 3)], 400).await.unwrap();
    assert_eq!(found(1).await, [3]);
}

/// Rows made again from the events touch neither deliveries nor keys nor events.
pub async fn rule_13_rebuilding_leaves_deliveries_alone<S: Store>(store: S) {
    let begun = Commit {
        outgoing: vec![outgoing("a", 1, 100)],
        items: vec![item("a", "x", Some(50)), item("a", "y", Some(60))],
        key: Some(key("a", "甲", "k", 5)),
        ..commit("a", 0)
    };
    write(&store, begun.clone()).await;
    store.delivered(vec![("a".to_owned(), 1)], 150).await.unwrap();

    let row = CaseRow { title: "改".to_owned(), ..begun.case };
    store.replace_rows(row, vec![item("a", "y", Some(70))]).await.unwrap();
    let items = store.load("a").await.unwrap().unwrap().items;
    assert_eq!(items.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["y"]);
    assert_eq!(store.case("a").await.unwrap().unwrap().title, "改");
    let deliveries = store.deliveries(&DeliveryFilter::default(), &page(None, 9)).await.unwrap();
    assert_eq!(deliveries.rows[0].state, DeliveryState::Delivered);
    assert_eq!(store.events("a", 0, 9).await.unwrap().len(), 1);
    assert!(store.recall("a", "甲", "k").await.unwrap().is_some());
}
