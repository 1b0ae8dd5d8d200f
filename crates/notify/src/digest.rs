//! The daily digest: one message a day to everybody who owes something.
//!
//! A digest is sent by no case; it goes into the outbox under an id of its own
//! (`digest-DATE-PERSON`) and travels as all messages do: retried, held, parked. The id makes it
//! one a day; a small document says which day is done, so that a restart does not gather all
//! again. A day that nobody was there for is not made up.

use std::collections::BTreeMap;
use std::sync::Arc;

use duban_calendar::{Calendar, Date, Instant, Span, Tz, date_of, end_of, local, start_of};
use duban_core::{Body, Item, ItemRow, Names, Notification, Outgoing, Sent, Status, Teller};
use duban_engine::{Engine, EngineError};
use duban_model::{Assignee, Definition, DefinitionHash, Directory, PersonId};
use duban_store::{PageRequest, Store};
use serde_json::json;

use crate::error::NotifyError;
use crate::hours::{WorkingDays, minute};
use crate::template::DIGEST;
use crate::todo::debtors;

/// When digests are sent and what they hold.
#[derive(Clone, Debug)]
pub struct DigestOptions {
    /// The time of day, as `08:30`.
    pub at: String,
    /// Whether days off are left out.
    pub working_days: bool,
    /// The calendar of working days.
    pub days: WorkingDays,
    /// The zone of the office's clocks.
    pub zone: Tz,
    /// Tasks that one digest names; further ones are counted.
    pub lines_max: usize,
}

/// Sends digests.
#[derive(Debug)]
pub struct Digest {
    at_ms: i64,
    options: DigestOptions,
}

/// The document that holds the last day that is done.
const DONE: &str = "digest";

/// How long digests that have arrived are kept, in milliseconds: 30 days.
const KEPT_MS: i64 = 30 * 24 * 3_600_000;

/// The pause after a failure of the engine or its store, in milliseconds.
const PAUSE_MS: i64 = 60_000;

/// Working days within which a task counts as due soon.
const SOON_WORKDAYS: i64 = 3;

/// Messages that are queued in one transaction.
const BATCH: usize = 500;

/// Cases whose titles are kept while tasks are gathered.
const CASES_MAX: usize = 1_000;

/// What one person owes.
#[derive(Default)]
struct Owed {
    overdue: u64,
    soon: u64,
    review: u64,
    lines: Vec<String>,
}

#[derive(Clone, Copy)]
enum Why {
    Overdue,
    Soon,
    Review,
}

impl Digest {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// [`NotifyError::BadHours`] where the time of day is none.
    pub fn new(options: DigestOptions) -> Result<Self, NotifyError> {
        let at_ms = minute(&options.at).filter(|at| *at < 24 * 3_600_000);
        let bad = || NotifyError::BadHours(format!("`{}` is not as `08:30`", options.at));
        Ok(Self { at_ms: at_ms.ok_or_else(bad)?, options })
    }

    /// Sends a digest a day until the engine shuts down. Where the daemon was away at the time, it
    /// is sent later on the same day.
    pub async fn keep<S: Store>(&self, engine: &Engine<S>) {
        loop {
            let next = match self.step(engine).await {
                Ok(next) => next,
                Err(EngineError::Closed) => return,
                Err(error) => {
                    tracing::error!(%error, "the digest is late");
                    engine.now().plus_millis(PAUSE_MS)
                }
            };
            if engine.sleep_until(next).await.is_err() {
                return;
            }
        }
    }

    /// Sends what is due; answers when to look again.
    ///
    /// # Errors
    ///
    /// [`EngineError`]; called again, it goes on where it was.
    pub async fn step<S: Store>(&self, engine: &Engine<S>) -> Result<Instant, EngineError> {
        let now = engine.now();
        let today = local(now, self.options.zone).date();
        let due = self.moment(today);
        let tomorrow = today.succ_opt().map_or(Instant::MAX, |day| self.moment(day));
        let done = engine.store().document(DONE).await?;
        let done: Option<Date> = done.and_then(|json| serde_json::from_str(&json).ok());
        if done.is_some_and(|done| done >= today) {
            return Ok(tomorrow);
        }
        if now < due {
            return Ok(due);
        }
        let calendar = self.options.days.calendar().await;
        if !self.options.working_days || calendar.is_workday(today) {
            let sent = self.send(engine, &calendar, today).await?;
            tracing::info!(day = %today, sent, "digests");
        }
        let oldest = date_of(due.plus_millis(-KEPT_MS), self.options.zone);
        let (from, until) = (format!("{DIGEST}-"), format!("{DIGEST}-{oldest}"));
        engine.store().prune_messages(&from, &until).await?;
        let json = serde_json::to_string(&today).expect("invariant: a date is plain data");
        engine.store().put_document(DONE, &json, now.millis()).await?;
        Ok(tomorrow)
    }

    fn moment(&self, day: Date) -> Instant {
        start_of(day, self.options.zone).plus_millis(self.at_ms)
    }

    async fn send<S: Store>(
        &self,
        engine: &Engine<S>,
        calendar: &Calendar,
        day: Date,
    ) -> Result<u64, EngineError> {
        let soon = calendar.add(day, Span::Workdays(SOON_WORKDAYS));
        let soon = soon.map_or(day, |soon| soon.date);
        let owed = self.gather(engine, end_of(soon, self.options.zone)).await?;
        let at = engine.now();
        let messages: Vec<Outgoing> =
            owed.into_iter().map(|(person, owed)| message(&person, owed, day, at)).collect();
        let mut sent = 0;
        for batch in messages.chunks(BATCH) {
            sent += engine.send(batch.to_vec()).await?;
        }
        Ok(sent)
    }

    /// What everybody owes, page by page through what waits on somebody, the most urgent first.
    async fn gather<S: Store>(
        &self,
        engine: &Engine<S>,
        soon: Instant,
    ) -> Result<BTreeMap<PersonId, Owed>, EngineError> {
        let (directory, now) = (engine.directory(), engine.now());
        let mut titles =
            Titles { engine, directory: Arc::clone(&directory), cases: BTreeMap::new() };
        let mut owed: BTreeMap<PersonId, Owed> = BTreeMap::new();
        let mut page = PageRequest::first(PageRequest::LIMIT_MAX);
        loop {
            let found = engine.waiting(&[], page.clone()).await?;
            for row in found.rows {
                let item: Item = match serde_json::from_str(&row.data) {
                    Ok(item) => item,
                    // Everybody else is owed their digest.
                    Err(error) => {
                        engine.note_unreadable(&row.case, &row.key, &error);
                        continue;
                    }
                };
                let Some(why) = why(&item, now, soon) else { continue };
                for person in debtors(&item, &directory) {
                    let owed = owed.entry(person).or_default();
                    owed.count(why);
                    if owed.lines.len() < self.options.lines_max {
                        owed.lines.push(titles.line(&row, &item, why, self.options.zone).await?);
                    }
                }
            }
            match found.next {
                Some(next) => page.after = Some(next),
                None => return Ok(owed),
            }
        }
    }
}

impl Owed {
    fn count(&mut self, why: Why) {
        match why {
            Why::Overdue => self.overdue += 1,
            Why::Soon => self.soon += 1,
            Why::Review => self.review += 1,
        }
    }
}

/// Why a task stands in a digest, if it does. What is suspended waits on nobody.
fn why(item: &Item, now: Instant, soon: Instant) -> Option<Why> {
    if !item.holds.is_empty() {
        return None;
    }
    match (item.status, item.due()) {
        (Status::Submitted, _) => Some(Why::Review),
        (Status::Ready | Status::Active, _) if item.is_late(now) => Some(Why::Overdue),
        // A window that was kept is not near its end any more.
        (Status::Ready | Status::Active, Some(due)) if due <= soon && item.window_met.is_none() => {
            Some(Why::Soon)
        }
        _ => None,
    }
}

/// Titles of tasks; cases that come one after the other are read once.
struct Titles<'a, S: Store> {
    engine: &'a Engine<S>,
    directory: Arc<Directory>,
    cases: BTreeMap<String, (String, Arc<Definition>)>,
}

impl<S: Store> Titles<'_, S> {
    async fn line(
        &mut self,
        row: &ItemRow,
        item: &Item,
        why: Why,
        zone: Tz,
    ) -> Result<String, EngineError> {
        if !self.cases.contains_key(&row.case) {
            if self.cases.len() >= CASES_MAX {
                self.cases.clear();
            }
            let Some(case) = self.engine.store().case(&row.case).await? else {
                return Ok(row.task.clone());
            };
            let definition = self.engine.definition(&DefinitionHash::new(&case.definition)).await?;
            self.cases.insert(row.case.clone(), (case.title, definition));
        }
        let Some((measure, definition)) = self.cases.get(&row.case) else {
            return Ok(row.task.clone());
        };
        let title = Teller::new(definition, &self.directory).item_title(item);
        let day = |due| date_of(due, zone).format("%-m月%-d日").to_string();
        let due = item.due().map(day).unwrap_or_default();
        Ok(match why {
            Why::Overdue => format!("{measure}：{title}，{due}到期，已逾期"),
            Why::Soon => format!("{measure}：{title}，{due}到期"),
            Why::Review => format!("{measure}：{title}，待审核"),
        })
    }
}

fn message(person: &PersonId, owed: Owed, day: Date, at: Instant) -> Outgoing {
    let Owed { overdue, soon, review, lines } = owed;
    let named = u64::try_from(lines.len()).unwrap_or(u64::MAX);
    let more = (overdue + soon + review).saturating_sub(named);
    let date = day.format("%Y年%-m月%-d日").to_string();
    let text = format!(
        "{date}：逾期{overdue}项，三个工作日内到期{soon}项，待您审核{review}项。{}",
        lines.join("；")
    );
    let data = [
        ("date", json!(date)),
        ("overdue", json!(overdue)),
        ("soon", json!(soon)),
        ("review", json!(review)),
        ("lines", json!(lines)),
        ("more", json!(more)),
    ];
    let data = data.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let sent = Sent {
        kind: Notification::Remind,
        item: None,
        to: vec![Assignee::Person(person.clone())],
        people: vec![person.clone()],
        text,
        colour: None,
        number: None,
        data,
        names: Names::default(),
        collapsed: false,
    };
    Outgoing {
        case: format!("digest-{day}-{person}"),
        seq: 0,
        kind: DIGEST.to_owned(),
        at: at.millis(),
        body: Body::People(Box::new(sent)),
    }
}
