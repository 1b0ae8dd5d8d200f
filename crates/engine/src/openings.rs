//! Rule 38 where messages are routed: how deep cases may open cases, and how many a day.
//!
//! A hook that opens its own workflow would make cases without end. What is too deep is never
//! opened; what is too much for one day opens on the next, in order. Both are told.

use std::collections::{BTreeMap, BTreeSet};

use duban_calendar::{Date, Instant, date_of, start_of};
use duban_core::{
    Actor, AttentionKind, Body, CaseHead, CaseId, CaseName, Command, ItemKey, Names, Notification,
    OpenRequest, Outgoing, Sent, Signal,
};
use duban_store::{CaseFilter, PageRequest, Store};
use serde_json::Map;
use tokio::sync::Mutex;

use crate::error::EngineError;
use crate::route::DeliveryId;
use crate::shared::Shared;

/// What becomes of a case that another case asks to be opened.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Admission {
    /// It may be opened.
    Open,
    /// It waits until there is room again.
    Later(Instant, String),
    /// It is never opened.
    Never(String),
}

/// The openings of today, by workflow and unit.
#[derive(Default)]
pub(crate) struct Openings {
    today: Mutex<Today>,
}

#[derive(Default)]
struct Today {
    date: Option<Date>,
    counts: BTreeMap<(String, String, String), Count>,
}

#[derive(Default)]
struct Count {
    /// Opened before this process began.
    before: usize,
    /// Let through since; a message that comes again is not counted twice.
    messages: BTreeSet<DeliveryId>,
}

/// Pages of cases that are looked through for what an earlier process opened today.
const PAGES_MAX: usize = 10;

/// Says whether a case may be opened now. Asked in the order in which messages came.
pub(crate) async fn admit<S: Store>(
    shared: &Shared<S>,
    id: &DeliveryId,
    request: &OpenRequest,
) -> Result<Admission, EngineError> {
    let name = &request.open.name;
    if shared.store.case(name.id().as_str()).await?.is_some() {
        // An earlier copy of the message has opened it.
        return Ok(Admission::Open);
    }
    let deepest = shared.limits.opened_depth_max;
    if is_deeper(shared, name, deepest).await? {
        let why = format!("limit `opened_depth_max` ({deepest}) reached");
        let text = format!(
            "“{}”未予立项：由事项逐级自动立项超过 {deepest} 层（opened_depth_max），请检查措施是否循环立项。",
            request.workflow
        );
        alarm(shared, &id.0, format!("{}-{}", id.0, id.1), text).await?;
        return Ok(Admission::Never(why));
    }
    count(shared, id, request).await
}

/// Whether more cases than so many lie above one.
async fn is_deeper<S: Store>(
    shared: &Shared<S>,
    name: &CaseName,
    deepest: usize,
) -> Result<bool, EngineError> {
    let mut above = name.parent.clone();
    for _ in 0..deepest {
        let Some((parent, _)) = above else { return Ok(false) };
        let head = head_of(shared, &parent).await?;
        above = head.and_then(|head| head.name.parent);
    }
    Ok(above.is_some())
}

async fn head_of<S: Store>(
    shared: &Shared<S>,
    case: &CaseId,
) -> Result<Option<CaseHead>, EngineError> {
    let row = shared.store.case(case.as_str()).await?;
    // What cannot be read holds nothing else up.
    Ok(row.and_then(|row| serde_json::from_str(&row.data).ok()))
}

async fn count<S: Store>(
    shared: &Shared<S>,
    id: &DeliveryId,
    request: &OpenRequest,
) -> Result<Admission, EngineError> {
    let name = &request.open.name;
    let hash = shared.library.current(&name.suite, &request.workflow).await?;
    let zone = shared.library.program(&hash).await?.definition().suite.time_zone;
    // Midnight belongs to the day that begins.
    let date = date_of(shared.now().plus_millis(1), zone);
    let mut today = shared.openings.today.lock().await;
    if today.date != Some(date) {
        *today = Today { date: Some(date), counts: BTreeMap::new() };
    }
    let key = (name.suite.to_string(), name.workflow.to_string(), name.unit.to_string());
    if !today.counts.contains_key(&key) {
        let before = opened_since(shared, name, start_of(date, zone)).await?;
        today.counts.insert(key.clone(), Count { before, ..Count::default() });
    }
    let count = today.counts.entry(key).or_default();
    let max = shared.limits.opened_per_day_max;
    if count.messages.contains(id) || count.before + count.messages.len() < max {
        count.messages.insert(id.clone());
        return Ok(Admission::Open);
    }
    drop(today);
    let tomorrow = date.succ_opt().map_or(Instant::MAX, |next| start_of(next, zone));
    let title = shared.library.program(&hash).await?.definition().workflow.title.clone();
    let text = format!(
        "“{title}”今天已为同一单位自动立项 {max} 件（opened_per_day_max），其余顺延至次日依次立项，请检查措施是否重复立项。"
    );
    let about = format!("{date}-{}-{}-{}", name.suite, name.workflow, name.unit);
    alarm(shared, &id.0, about, text).await?;
    Ok(Admission::Later(tomorrow, format!("limit `opened_per_day_max` ({max}) reached")))
}

/// How many cases other cases have opened since an instant, for the same workflow and unit.
async fn opened_since<S: Store>(
    shared: &Shared<S>,
    name: &CaseName,
    since: Instant,
) -> Result<usize, EngineError> {
    let filter = CaseFilter {
        suite: Some(name.suite.to_string()),
        workflow: Some(name.workflow.to_string()),
        units: vec![name.unit.to_string()],
        ..CaseFilter::default()
    };
    let (mut request, mut opened) = (PageRequest::first(PageRequest::LIMIT_MAX), 0);
    for _ in 0..PAGES_MAX {
        let page = shared.store.cases(&filter, &request).await?;
        let by_case = page.rows.iter().filter(|row| {
            let head = serde_json::from_str::<CaseHead>(&row.data);
            row.opened_at >= since.millis() && head.is_ok_and(|head| head.name.parent.is_some())
        });
        opened += by_case.count();
        match page.next {
            Some(next) => request.after = Some(next),
            None => break,
        }
    }
    Ok(opened)
}

/// Has the item that asked for a sub-case know that a bound holds its opening back, or does so no
/// more (`None`). What a script opens belongs to no item.
pub(crate) async fn held_back<S: Store>(
    shared: &Shared<S>,
    request: &OpenRequest,
    bound: Option<&str>,
) {
    let parent = request.open.name.parent.clone();
    let Some((case, item)) = parent.filter(|(_, item)| *item != ItemKey::default()) else { return };
    if bound.is_none() && !is_held_back(shared, &case, &item).await {
        return;
    }
    let signal = Signal::OpeningHeld { item: item.clone(), reason: bound.map(ToOwned::to_owned) };
    let command = Command::new(Actor::Engine, signal);
    if let Err(error) = shared.command_later(&case, command, None).await {
        tracing::warn!(%error, %case, %item, "an item could not be told of its sub-case");
    }
}

async fn is_held_back<S: Store>(shared: &Shared<S>, case: &CaseId, item: &ItemKey) -> bool {
    let row = shared.store.item(case.as_str(), item.as_str()).await;
    let kinds = row.ok().flatten().and_then(|row| row.attention).unwrap_or_default();
    kinds.split(' ').any(|kind| kind == AttentionKind::HeldBack.as_str())
}

/// Tells whoever administers the case that asked, once for each thing that is told.
pub(crate) async fn alarm<S: Store>(
    shared: &Shared<S>,
    from: &str,
    about: String,
    text: String,
) -> Result<(), EngineError> {
    tracing::error!(case = from, text, "held back");
    let Some(head) = head_of(shared, &CaseId::new(from)).await? else { return Ok(()) };
    let to = [head.administrator, head.supervision, head.lead].into_iter().flatten().next();
    let directory = shared.library.directory();
    let people = to.as_ref().map(|to| directory.holders(to)).unwrap_or_default();
    let sent = Sent {
        kind: Notification::Alarm,
        item: None,
        to: to.into_iter().collect(),
        people,
        text,
        colour: None,
        number: None,
        data: Map::new(),
        names: Names::default(),
        collapsed: false,
    };
    let message = Outgoing {
        case: format!("alarm-{about}"),
        seq: 0,
        kind: Notification::Alarm.as_str().to_owned(),
        at: shared.now().millis(),
        body: Body::People(Box::new(sent)),
    };
    if shared.store.enqueue(vec![message]).await? > 0 {
        shared.outbox.note(Some(shared.now().millis()));
    }
    Ok(())
}
