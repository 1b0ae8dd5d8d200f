//! Several channels: each stands for itself, across restarts; holding; what is overtaken.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use duban_calendar::Instant;
use duban_core::{Act, Actor, Body, CaseId, Notification, Outgoing, Sent};
use duban_engine::{
    BoxFuture, Channel, ChannelError, Delivery, Engine, EngineError, EngineLimits, Hold, Options,
    TestClock,
};
use duban_store::{
    ChannelNotes, ChannelState, DeliveryFilter, DeliveryRow, DeliveryState, PageRequest,
    SqliteStore,
};
use serde_json::Map;
use tempfile::TempDir;

use crate::support::{ONE, accept, at, end, operator, spec, submit, suite, suite_with};

/// A channel that holds until an instant, fails while it is told to, and keeps what it takes.
struct Gate {
    name: &'static str,
    opens: AtomicI64,
    fails: AtomicBool,
    asked: AtomicU32,
    taken: Mutex<Vec<String>>,
}

impl Gate {
    fn new(name: &'static str) -> Arc<Self> {
        let (opens, fails) = (AtomicI64::new(0), AtomicBool::new(false));
        Arc::new(Self { name, opens, fails, asked: AtomicU32::new(0), taken: Mutex::default() })
    }

    fn taken(&self) -> Vec<String> {
        self.taken.lock().unwrap().clone()
    }
}

impl Channel for Gate {
    fn name(&self) -> &str {
        self.name
    }

    fn deliver<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Result<(), ChannelError>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let until = Instant::from_millis(self.opens.load(Ordering::SeqCst));
        let answer = if delivery.now < until {
            Err(ChannelError::Hold { until, why: Hold::Hours })
        } else if self.fails.load(Ordering::SeqCst) {
            Err(ChannelError::Retry { error: "busy".to_owned(), after: None })
        } else {
            self.taken.lock().unwrap().push(delivery.sent.text.clone());
            Ok(())
        };
        Box::pin(std::future::ready(answer))
    }
}

struct Office {
    engine: Engine<SqliteStore>,
    clock: TestClock,
    folder: TempDir,
    gates: Vec<Arc<Gate>>,
}

async fn start(folder: &TempDir, clock: &TestClock, gates: &[Arc<Gate>]) -> Engine<SqliteStore> {
    let channels = gates.iter().map(|gate| Arc::clone(gate) as Arc<dyn Channel>).collect();
    let options = Options {
        clock: Arc::new(clock.clone()),
        channels,
        limits: EngineLimits { delivery_attempts_max: 3, ..EngineLimits::default() },
        workers: 2,
        check_every: None,
        ..Options::default()
    };
    let store = SqliteStore::open(folder.path().join("duban.db")).unwrap();
    Engine::start(store, options).await.unwrap()
}

impl Office {
    /// A case whose reminders come on 28 March, 1 April and 8 April 2022.
    async fn new(gates: &[&Arc<Gate>]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = TestClock::new(at("2022-01-04", 9));
        let gates: Vec<Arc<Gate>> = gates.iter().map(|gate| Arc::clone(gate)).collect();
        let engine = start(&folder, &clock, &gates).await;
        engine.publish(&suite(1)).await.unwrap();
        engine.open(spec("one", 0), operator(), None).await.unwrap();
        Self { engine, clock, folder, gates }
    }

    /// The same with a slip on the day after the due date.
    async fn with_slips(gate: &Arc<Gate>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = TestClock::new(at("2022-01-04", 9));
        let engine = start(&folder, &clock, std::slice::from_ref(gate)).await;
        let one = ONE.replace("due: 2022-03-31", "due: 2022-03-31, hooks: { overdue: slips }");
        engine.publish(&suite_with(1, &one)).await.unwrap();
        engine.open(spec("one", 0), operator(), None).await.unwrap();
        Self { engine, clock, folder, gates: vec![Arc::clone(gate)] }
    }

    async fn act(&self, person: &str, act: Act) {
        let rows = self.rows().await;
        let case = CaseId::new(&rows[0].outgoing.case);
        self.engine.act(&case, Actor::person(person), act, None).await.unwrap();
    }

    async fn restart(self) -> Self {
        let Self { engine, clock, folder, gates } = self;
        engine.shutdown().await.unwrap();
        drop(engine);
        let engine = start(&folder, &clock, &gates).await;
        Self { engine, clock, folder, gates }
    }

    async fn advance(&self, to: Instant) {
        self.clock.advance(&self.engine, to).await.unwrap();
    }

    async fn rows(&self) -> Vec<DeliveryRow> {
        let filter =
            DeliveryFilter { kind: Some("remind".to_owned()), ..DeliveryFilter::default() };
        self.engine.deliveries(filter, PageRequest::first(100)).await.unwrap().rows
    }
}

fn states(notes: &ChannelNotes) -> Vec<(&str, ChannelState)> {
    notes.iter().map(|(name, note)| (name.as_str(), note.state)).collect()
}

#[tokio::test]
async fn rule_13_a_channel_that_took_a_message_is_left_alone_after_a_restart() {
    let (oa, mail) = (Gate::new("oa"), Gate::new("mail"));
    mail.fails.store(true, Ordering::SeqCst);
    let office = Office::new(&[&oa, &mail]).await;
    office.advance(end("2022-03-28")).await;
    assert_eq!((oa.taken().len(), mail.taken().len()), (1, 0));
    let rows = office.rows().await;
    assert_eq!(rows[0].channels["oa"].state, ChannelState::Taken);
    assert_eq!(rows[0].channels["mail"].said.as_deref(), Some("busy"));

    let office = office.restart().await;
    mail.fails.store(false, Ordering::SeqCst);
    office.advance(at("2022-03-30", 9)).await;
    assert_eq!((oa.taken().len(), mail.taken().len()), (1, 1), "nobody got it twice");
    assert_eq!(oa.asked.load(Ordering::SeqCst), 1);
    let row = &office.rows().await[0];
    assert_eq!((row.state, row.channels.len()), (DeliveryState::Delivered, 0));
}

#[tokio::test]
async fn holding_is_no_failure_however_long_it_lasts() {
    let gate = Gate::new("mail");
    let office = Office::new(&[&gate]).await;
    for day in ["2022-03-29", "2022-03-30", "2022-03-31"] {
        gate.opens.store(at(day, 8).millis(), Ordering::SeqCst);
        office.advance(at(day, 7)).await;
    }
    let row = &office.rows().await[0];
    assert_eq!((row.state, row.attempts, &row.error), (DeliveryState::Pending, 0, &None));
    assert_eq!(row.channels["mail"].state, ChannelState::Held);
    let asked = gate.asked.load(Ordering::SeqCst);
    assert!(asked <= 3, "asked once for each time it named, not again and again: {asked}");
    office.advance(at("2022-03-31", 8)).await;
    assert_eq!(gate.taken(), ["第0级"]);
    assert_eq!(office.engine.stats().delivery_failures, 0);
}

#[tokio::test]
async fn of_reminders_held_together_only_the_highest_goes_out_through_that_channel() {
    let (oa, mail) = (Gate::new("oa"), Gate::new("mail"));
    mail.opens.store(at("2022-04-11", 9).millis(), Ordering::SeqCst);
    let office = Office::new(&[&oa, &mail]).await;
    office.advance(at("2022-04-10", 9)).await;
    // The daemon is restarted while they wait: what overtook what is in the store.
    let office = office.restart().await;
    office.advance(at("2022-04-11", 9)).await;
    assert_eq!(oa.taken(), ["第0级", "第1级", "第2级"]);
    assert_eq!(mail.taken(), ["第2级"]);
    let rows = office.rows().await;
    assert!(rows.iter().all(|row| row.state == DeliveryState::Delivered));
    let expected = [("mail", ChannelState::Collapsed), ("oa", ChannelState::Taken)];
    assert_eq!(states(&rows[0].channels), expected);
    assert_eq!(rows[0].channels["mail"].said, Some(rows[2].outgoing.id()), "by which one");
    assert!(rows[2].channels.is_empty());
}

#[tokio::test]
async fn a_channel_that_gives_up_does_not_take_the_message_from_one_that_holds_it() {
    let (oa, mail) = (Gate::new("oa"), Gate::new("mail"));
    oa.fails.store(true, Ordering::SeqCst);
    mail.opens.store(at("2022-03-31", 8).millis(), Ordering::SeqCst);
    let office = Office::new(&[&oa, &mail]).await;
    office.advance(at("2022-03-31", 7)).await;
    let row = &office.rows().await[0];
    assert_eq!(row.state, DeliveryState::Pending);
    assert_eq!(states(&row.channels), [("mail", ChannelState::Held), ("oa", ChannelState::Dead)]);
    office.advance(at("2022-03-31", 8)).await;
    assert_eq!(mail.taken(), ["第0级"]);
    let row = &office.rows().await[0];
    assert_eq!(row.state, DeliveryState::Dead);
    assert_eq!(row.channels["mail"].state, ChannelState::Taken);

    oa.fails.store(false, Ordering::SeqCst);
    let of_mail = DeliveryFilter { channel: Some("mail".to_owned()), ..DeliveryFilter::default() };
    assert_eq!(office.engine.retry_deliveries(of_mail).await.unwrap(), 0, "mail has it");
    let of_oa = DeliveryFilter { channel: Some("oa".to_owned()), ..DeliveryFilter::default() };
    assert_eq!(office.engine.retry_deliveries(of_oa).await.unwrap(), 1);
    office.engine.settled().await.unwrap();
    assert_eq!((oa.taken().len(), mail.taken().len()), (1, 1));
}

#[tokio::test]
async fn what_is_given_up_by_hand_is_a_dead_letter_with_the_reason() {
    let gate = Gate::new("mail");
    gate.opens.store(at("2022-03-31", 8).millis(), Ordering::SeqCst);
    let office = Office::new(&[&gate]).await;
    office.advance(at("2022-03-30", 8)).await;
    let letter = office.rows().await.remove(0).outgoing;
    let case = CaseId::new(&letter.case);
    office.engine.give_up_delivery(&case, letter.seq, "不必再发").await.unwrap();
    let row = &office.rows().await[0];
    assert_eq!((row.state, row.error.as_deref()), (DeliveryState::Dead, Some("不必再发")));
    assert_eq!(office.engine.dead_letters(office.engine.now()).await.unwrap(), 1);
    office.advance(at("2022-03-31", 9)).await;
    assert!(gate.taken().is_empty());
}

#[tokio::test]
async fn a_message_that_no_case_sends_travels_as_all_others_and_only_once() {
    let gate = Gate::new("mail");
    let office = Office::new(&[&gate]).await;
    let sent = Sent {
        kind: Notification::Remind,
        item: None,
        to: Vec::new(),
        people: vec!["o-0".into()],
        text: "汇总".to_owned(),
        colour: None,
        number: None,
        data: Map::new(),
        names: duban_core::Names::default(),
        collapsed: false,
    };
    let message = Outgoing {
        case: "digest-2022-01-04-o-0".to_owned(),
        seq: 0,
        kind: "digest".to_owned(),
        at: office.engine.now().millis(),
        body: Body::People(Box::new(sent)),
    };
    for new in [1, 0] {
        assert_eq!(office.engine.send(vec![message.clone()]).await.unwrap(), new);
        office.engine.settled().await.unwrap();
        assert_eq!(gate.taken(), ["汇总"]);
    }
}

#[tokio::test]
async fn two_channels_of_one_name_are_refused() {
    let options =
        Options { channels: vec![Gate::new("mail"), Gate::new("mail")], ..Options::default() };
    let refused = Engine::start(SqliteStore::open_in_memory().unwrap(), options).await;
    let Err(EngineError::ChannelsShareName(name)) = refused else { panic!("it was started") };
    assert_eq!(name, "mail");
}

#[tokio::test]
async fn rule_33_a_reminder_about_what_is_done_meanwhile_is_left_out() {
    let gate = Gate::new("mail");
    gate.opens.store(at("2022-03-30", 8).millis(), Ordering::SeqCst);
    let office = Office::new(&[&gate]).await;
    office.advance(at("2022-03-29", 9)).await;
    office.act("o-0", submit("a")).await;
    office.act("s-0", accept("a")).await;
    office.advance(at("2022-03-30", 9)).await;
    assert!(gate.taken().is_empty(), "{:?}", gate.taken());
    let rows = office.rows().await;
    assert_eq!(rows[0].state, DeliveryState::Delivered);
    assert_eq!(states(&rows[0].channels), [("mail", ChannelState::Collapsed)]);
}

#[tokio::test]
async fn rule_33_s78b_a_numbered_paper_goes_out_and_says_what_was_done_meanwhile() {
    for accepted in [false, true] {
        let gate = Gate::new("mail");
        let office = Office::with_slips(&gate).await;
        office.advance(at("2022-03-31", 9)).await;
        gate.opens.store(at("2022-04-06", 8).millis(), Ordering::SeqCst);
        office.advance(at("2022-04-02", 9)).await;
        office.act("o-0", submit("a")).await;
        let remark = if accepted {
            office.act("s-0", accept("a")).await;
            "请抓紧（送达前，该任务已于2022年4月2日办结。）"
        } else {
            "请抓紧（送达前，该任务已于2022年4月2日申请办结。）"
        };
        office.advance(at("2022-04-06", 9)).await;
        let taken = gate.taken();
        assert!(taken.iter().any(|text| text == remark), "{taken:?}");
        let reminded = taken.iter().filter(|text| text.starts_with("第1级")).count();
        assert_eq!(reminded, usize::from(!accepted), "{taken:?}");
    }
}
