//! Rule 26 beside the cases: once a day somebody is told of what nobody can move on.
//!
//! That an item needs attention is a fact of its case. Here is what no case can know: that a day
//! has begun on which somebody is away, and what others need attention for the same cause. Each
//! morning the cases that wait on people whose presence changed by time alone are asked to look;
//! then everybody concerned gets one message, grouped by cause: about what is new, and every five
//! working days a list of all that lasts. A message has the day and its addressee in its id, so
//! that a restart sends none twice; a day that nobody was there for is not made up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use duban_calendar::{Calendar, Date, Instant, Tz, date_of, start_of};
use duban_core::{
    Attention, AttentionKind, Body, CaseHead, CaseId, Item, ItemRow, Names, Notification, Outgoing,
    Sent, Teller, post_above, presence_changes,
};
use duban_model::{Assignee, Definition, DefinitionHash, Directory, PersonId};
use duban_store::{AttentionFilter, CaseFilter, ItemFilter, PageRequest, Store};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::apply::{self, Applied, Change};
use crate::clock::Clock;
use crate::error::EngineError;
use crate::shared::{Phase, Shared};

/// The office's zone, as pages and channels have it.
const ZONE: Tz = Tz::Asia__Shanghai;

/// When in the day people are told, in milliseconds: half past eight.
const TOLD_AT_MS: i64 = 8 * 3_600_000 + 30 * 60_000;

/// What lasts is listed again after so many working days.
const AGAIN_WORKDAYS: i64 = 5;

/// Items that a message names for one cause; further ones are counted.
const LINES_MAX: usize = 10;

/// Messages that are queued in one transaction.
const BATCH: usize = 500;

/// Cases whose titles are kept while items are gathered.
const CASES_MAX: usize = 1_000;

/// The document that says up to which day people were told, and of what.
const DONE: &str = "attention";

/// The kind of these messages, by which channels choose a template.
const KIND: &str = "attention";

/// How long messages that have arrived are kept, in milliseconds: 30 days.
const KEPT_MS: i64 = 30 * 24 * 3_600_000;

/// The pause after a failure of the store, or while the clock is not believed, in milliseconds.
const PAUSE_MS: i64 = 60_000;

/// What was told, and when.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Told {
    /// The last day on which people were told.
    day: Date,
    /// When each addressee was last told of each cause.
    causes: Vec<(Cause, Date)>,
    /// Cases have been asked what they need attention for themselves.
    #[serde(default)]
    of_cases: bool,
}

/// Whom something concerns, and why it needs attention.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
struct Cause {
    to: Assignee,
    kind: AttentionKind,
    about: String,
}

/// The items, or the cases, of one cause.
#[derive(Default)]
struct Concerned {
    count: usize,
    since: Option<Instant>,
    lines: Vec<String>,
    /// The title of the task whose list it is, where cases need attention themselves.
    list: Option<String>,
}

impl Concerned {
    fn add(&mut self, since: Instant, line: &str) {
        self.count += 1;
        self.since = Some(self.since.map_or(since, |before| before.min(since)));
        if self.lines.len() < LINES_MAX {
            self.lines.push(line.to_owned());
        }
    }
}

/// Tells people every morning until the engine drains.
pub(crate) async fn run<S: Store>(shared: Arc<Shared<S>>) {
    let draining = shared.reached(Phase::Draining);
    tokio::pin!(draining);
    let (mut looked_at, mut next) = (Instant::MAX, Instant::MIN);
    loop {
        let asked = shared.attention.asked();
        let now = shared.now();
        // A clock that stepped back has come to another day, perhaps.
        if now >= next || now < looked_at {
            let answer = tokio::select! {
                () = &mut draining => return,
                answer = step(&shared) => answer,
            };
            next = answer.unwrap_or_else(|error| {
                if !matches!(error, EngineError::Closed) {
                    tracing::error!(%error, "nobody could be told of what needs attention");
                }
                shared.attends.store(false, Ordering::SeqCst);
                now.plus_millis(PAUSE_MS)
            });
            looked_at = now;
            shared.attention.forget();
            shared.attention.note(Some(next.millis()));
        }
        shared.attention.answer_quiet(asked);
        tokio::select! {
            () = &mut draining => return,
            () = shared.attention.changed() => {}
            () = shared.clock.sleep_until(next) => {}
        }
    }
}

/// Does what the day asks for, once; answers when to look again.
async fn step<S: Store>(shared: &Arc<Shared<S>>) -> Result<Instant, EngineError> {
    let now = shared.now();
    if shared.clock.is_doubted() {
        return Ok(now.plus_millis(PAUSE_MS));
    }
    // Midnight belongs to the day that begins.
    let today = date_of(now.plus_millis(1), ZONE);
    let due = start_of(today, ZONE).plus_millis(TOLD_AT_MS);
    let tomorrow = today.succ_opt();
    let tomorrow = tomorrow.map_or(Instant::MAX, |day| start_of(day, ZONE).plus_millis(TOLD_AT_MS));
    let kept = shared.store.document(DONE).await?;
    let told: Option<Told> = kept.and_then(|json| serde_json::from_str(&json).ok());
    if told.as_ref().is_some_and(|told| told.day == today) {
        return Ok(tomorrow);
    }
    if now < due && told.is_some() {
        return Ok(due);
    }
    let directory = shared.library.directory();
    let calendar = any_calendar(shared).await?;
    match &told {
        Some(told) if told.of_cases => {
            ask_cases(shared, &directory, &calendar, told.day, today).await?;
        }
        // A database of an older version: what needs attention is still to be found.
        Some(_) | None => drop(apply::begin(shared, Change::Directory).await?.finished().await),
    }
    if now < due {
        // The first start of all, before the day has begun.
        let day = today.pred_opt().unwrap_or(today);
        keep(shared, &Told { day, causes: Vec::new(), of_cases: true }).await?;
        return Ok(due);
    }
    // It may have changed while the cases were asked.
    let directory = shared.library.directory();
    let before = told.map(|told| told.causes).unwrap_or_default();
    let causes = tell(shared, &directory, &calendar, today, before.into_iter().collect()).await?;
    let causes = causes.into_iter().collect();
    keep(shared, &Told { day: today, causes, of_cases: true }).await?;
    Ok(tomorrow)
}

async fn keep<S: Store>(shared: &Shared<S>, told: &Told) -> Result<(), EngineError> {
    let lasts = !told.causes.is_empty();
    let waits = !shared.library.directory().data().stand_ins.is_empty();
    shared.attends.store(lasts || waits, Ordering::SeqCst);
    let json = serde_json::to_string(told).expect("invariant: causes are plain data");
    Ok(shared.store.put_document(DONE, &json, shared.now().millis()).await?)
}

/// Working days are those of the first definition's calendar; without one, every weekday.
async fn any_calendar<S: Store>(shared: &Shared<S>) -> Result<Arc<Calendar>, EngineError> {
    for (_, _, hash) in shared.store.currents().await? {
        // What cannot be read holds nobody up.
        let Ok(program) = shared.library.program(&DefinitionHash::new(&hash)).await else {
            continue;
        };
        if let Ok(calendar) = shared.library.calendar(&program.definition().suite.calendar).await {
            return Ok(calendar);
        }
    }
    Ok(Arc::new(Calendar::weekdays_only("plain")))
}

/// Has the cases look that wait on people whose presence has changed by time alone.
async fn ask_cases<S: Store>(
    shared: &Arc<Shared<S>>,
    directory: &Directory,
    calendar: &Calendar,
    after: Date,
    today: Date,
) -> Result<(), EngineError> {
    let people = presence_changes(directory, calendar, after, today);
    let waiting_on = assignees(directory, &people);
    if waiting_on.is_empty() {
        return Ok(());
    }
    let filter = ItemFilter { waiting_on, ..ItemFilter::default() };
    let mut page = PageRequest::first(PageRequest::LIMIT_MAX);
    let mut cases = BTreeSet::new();
    loop {
        let found = shared.store.items(&filter, &page).await?;
        cases.extend(found.rows.into_iter().map(|row| row.case));
        match found.next {
            Some(next) => page.after = Some(next),
            None => break,
        }
    }
    let mut applied = Applied::default();
    let ids: Vec<CaseId> = cases.iter().map(CaseId::new).collect();
    for chunk in ids.chunks(usize::try_from(shared.limits.chunk_cases).unwrap_or(1).max(1)) {
        shared.check_running()?;
        apply::apply_chunk(shared, Change::Directory, chunk.to_vec(), &mut applied).await;
    }
    tracing::info!(cases = applied.cases, changed = applied.changed, "presence changed");
    Ok(())
}

/// Everything that people are named by where something waits on them.
fn assignees(directory: &Directory, people: &BTreeSet<PersonId>) -> Vec<String> {
    let mut all = BTreeSet::new();
    for person in people {
        all.insert(Assignee::Person(person.clone()));
        for post in directory.posts_of(person) {
            all.insert(Assignee::Unit(post.unit.clone()));
            all.insert(Assignee::Post(post.unit.clone(), post.name.as_str().into()));
        }
    }
    all.iter().map(ToString::to_string).collect()
}

/// Queues the day's messages; answers when each cause that lasts was last told.
async fn tell<S: Store>(
    shared: &Arc<Shared<S>>,
    directory: &Arc<Directory>,
    calendar: &Calendar,
    today: Date,
    before: BTreeMap<Cause, Date>,
) -> Result<BTreeMap<Cause, Date>, EngineError> {
    let mut causes = gather(shared, directory).await?;
    gather_cases(shared, directory, &mut causes).await?;
    let mut told: BTreeMap<Cause, Date> = BTreeMap::new();
    let mut messages = Vec::new();
    let addressees: BTreeSet<Assignee> = causes.keys().map(|cause| cause.to.clone()).collect();
    for to in addressees {
        let own: Vec<Cause> = causes.keys().filter(|cause| cause.to == to).cloned().collect();
        let last = |cause: &Cause| before.get(cause).copied();
        let is_due = |day: Date| calendar.workdays_between(day, today) >= AGAIN_WORKDAYS;
        // What lasts comes again as one list, whatever of it was told since.
        let is_list = own.iter().filter_map(last).any(is_due);
        let mut said = Vec::new();
        for cause in own {
            match last(&cause) {
                Some(day) if !is_list => drop(told.insert(cause, day)),
                _ => {
                    let items = causes.remove(&cause).unwrap_or_default();
                    told.insert(cause.clone(), today);
                    said.push((cause, items));
                }
            }
        }
        if !said.is_empty() {
            messages.push(message(shared, directory, &to, &said, (today, is_list)));
        }
    }
    let at = shared.now().millis();
    for batch in messages.chunks(BATCH) {
        if shared.store.enqueue(batch.to_vec()).await? > 0 {
            shared.outbox.note(Some(at));
        }
    }
    let oldest = date_of(Instant::from_millis(at - KEPT_MS), ZONE);
    let (from, until) = (format!("{KIND}-"), format!("{KIND}-{oldest}"));
    shared.store.prune_messages(&from, &until).await?;
    Ok(told)
}

/// What needs attention, by whom it concerns and why.
async fn gather<S: Store>(
    shared: &Arc<Shared<S>>,
    directory: &Arc<Directory>,
) -> Result<BTreeMap<Cause, Concerned>, EngineError> {
    let filter = ItemFilter { attention: Some(AttentionFilter::Any), ..ItemFilter::default() };
    let mut page = PageRequest::first(PageRequest::LIMIT_MAX);
    let mut causes: BTreeMap<Cause, Concerned> = BTreeMap::new();
    let mut cases = Cases { shared, directory, known: BTreeMap::new() };
    loop {
        let found = shared.store.items(&filter, &page).await?;
        for row in found.rows {
            let item: Item = match serde_json::from_str(&row.data) {
                Ok(item) => item,
                // The others are told of all the same.
                Err(error) => {
                    shared.note_unreadable(&row.case, &row.key, &error);
                    continue;
                }
            };
            let Some((head, line)) = cases.line(&row, &item).await? else { continue };
            for one in &item.attention {
                let Some(to) = addressee(directory, &head, one) else { continue };
                let cause = Cause { to, kind: one.kind, about: one.about.clone() };
                causes.entry(cause).or_default().add(one.since, &line);
            }
        }
        match found.next {
            Some(next) => page.after = Some(next),
            None => return Ok(causes),
        }
    }
}

/// The same of cases, for what no item of theirs shows. A cause is named by workflow and task.
async fn gather_cases<S: Store>(
    shared: &Arc<Shared<S>>,
    directory: &Arc<Directory>,
    causes: &mut BTreeMap<Cause, Concerned>,
) -> Result<(), EngineError> {
    let filter = CaseFilter { attention: Some(AttentionFilter::Any), ..CaseFilter::default() };
    let mut page = PageRequest::first(PageRequest::LIMIT_MAX);
    loop {
        let found = shared.store.cases(&filter, &page).await?;
        for row in found.rows {
            let head: CaseHead = match serde_json::from_str(&row.data) {
                Ok(head) => head,
                Err(error) => {
                    shared.note_unreadable(&row.id, "case", &error);
                    continue;
                }
            };
            let program = shared.library.program(&head.definition).await.ok();
            let teller =
                program.as_ref().map(|program| Teller::new(program.definition(), directory));
            for one in &head.attention {
                let Some(to) = addressee(directory, &head, one) else { continue };
                let about = format!("{}/{}", row.workflow, one.about);
                let concerned = causes.entry(Cause { to, kind: one.kind, about }).or_default();
                let what = teller.as_ref().and_then(|teller| teller.list_line(&head, one));
                let line = match what {
                    Some(what) => format!("{}：{what}", head.title),
                    None => head.title.clone(),
                };
                concerned.add(one.since, &line);
                let title = teller.as_ref().map(|teller| teller.task_title(&one.about));
                concerned.list = title.or(concerned.list.take());
            }
        }
        match found.next {
            Some(next) => page.after = Some(next),
            None => return Ok(()),
        }
    }
}

/// Who is told: of a vacant post the first filled one above it, of anything else the supervision
/// office; where nobody is there, the administrator, then the lead.
fn addressee(directory: &Directory, head: &CaseHead, one: &Attention) -> Option<Assignee> {
    let vacant: Option<Assignee> = one.about.parse().ok().filter(|_| one.kind.is_vacancy());
    let above = vacant.and_then(|vacant| post_above(directory, &vacant));
    let is_manned = |to: &Assignee| {
        directory.holders(to).iter().any(|holder| directory.person(holder).is_some())
    };
    let others = [&head.supervision, &head.administrator, &head.lead];
    above.or_else(|| others.into_iter().flatten().find(|to| is_manned(to)).cloned())
}

/// Heads and titles of cases; those that come one after the other are read once.
struct Cases<'a, S: Store> {
    shared: &'a Arc<Shared<S>>,
    directory: &'a Arc<Directory>,
    /// Without a definition where that is gone.
    known: BTreeMap<String, (Arc<CaseHead>, Option<Arc<Definition>>)>,
}

impl<S: Store> Cases<'_, S> {
    async fn line(
        &mut self,
        row: &ItemRow,
        item: &Item,
    ) -> Result<Option<(Arc<CaseHead>, String)>, EngineError> {
        if !self.known.contains_key(&row.case) {
            if self.known.len() >= CASES_MAX {
                self.known.clear();
            }
            let Some(case) = self.shared.store.case(&row.case).await? else { return Ok(None) };
            let head: CaseHead = match serde_json::from_str(&case.data) {
                Ok(head) => head,
                Err(error) => {
                    self.shared.note_unreadable(&row.case, "case", &error);
                    return Ok(None);
                }
            };
            let program = self.shared.library.program(&head.definition).await.ok();
            let definition = program.map(|program| Arc::clone(program.definition()));
            self.known.insert(row.case.clone(), (Arc::new(head), definition));
        }
        let Some((head, definition)) = self.known.get(&row.case) else { return Ok(None) };
        let title = match definition {
            Some(definition) => Teller::new(definition, self.directory).item_title(item),
            None => row.key.clone(),
        };
        Ok(Some((Arc::clone(head), format!("{}：{title}", head.title))))
    }
}

fn message<S: Store>(
    shared: &Shared<S>,
    directory: &Directory,
    to: &Assignee,
    said: &[(Cause, Concerned)],
    (today, is_list): (Date, bool),
) -> Outgoing {
    let name = |about: &str| match about.parse::<Assignee>() {
        Ok(assignee) => directory.name_of(&assignee),
        Err(_) => about.to_owned(),
    };
    let day = |at: Instant| date_of(at, ZONE).format("%Y年%-m月%-d日").to_string();
    let (mut total, mut cases) = (0, 0);
    let (mut parts, mut data) = (Vec::new(), Vec::new());
    for (cause, items) in said {
        let kind = cause.kind;
        let about = items.list.clone().unwrap_or_else(|| name(&cause.about));
        let unit = if items.list.is_some() { "件" } else { "项" };
        let more = items.count - items.lines.len();
        let lines = items.lines.join("；");
        let rest = if more > 0 { format!("；另有{more}{unit}") } else { String::new() };
        let since = items.since.map(day).unwrap_or_default();
        *if items.list.is_some() { &mut cases } else { &mut total } += items.count;
        parts.push(format!(
            "{}（{about}，自{since}起）{}{unit}：{lines}{rest}。处理办法：{}。",
            kind.zh(),
            items.count,
            kind.remedy_zh()
        ));
        data.push(json!({
            "kind": kind.as_str(), "title": kind.zh(), "remedy": kind.remedy_zh(),
            "about": cause.about, "name": about, "since": since, "items": items.count,
            "lines": items.lines, "more": more,
        }));
    }
    let again = if is_list { "仍" } else { "" };
    let data = json!({
        "causes": data, "items": total, "cases": cases, "again": is_list, "page": "/attention",
    });
    let mut counts: Vec<String> = Vec::new();
    if total > 0 {
        counts.push(format!("{total}项任务无人可以推进"));
    }
    if cases > 0 {
        counts.push(format!("{cases}件事项的名单需要处理"));
    }
    let sent = Sent {
        kind: Notification::Alarm,
        item: None,
        to: vec![to.clone()],
        people: directory.holders(to),
        text: format!("{again}有{}。{}", counts.join("，"), parts.join("")),
        colour: None,
        number: None,
        data: data.as_object().cloned().unwrap_or_default(),
        names: Names::default(),
        collapsed: false,
    };
    Outgoing {
        case: format!("{KIND}-{today}-{to}"),
        seq: 0,
        kind: KIND.to_owned(),
        at: shared.now().millis(),
        body: Body::People(Box::new(sent)),
    }
}
