//! One attempt of a delivery: which channels are asked, and what their answers come to.
//!
//! Each channel stands for itself: it has its own attempts, its own waits, and is left alone once
//! it has taken a message or given it up. What they said is kept in the store with the delivery,
//! so that a restart changes nothing; where all take a message at once, nothing is kept.

use std::sync::Arc;
use std::time::Duration;

use duban_calendar::Instant;
use duban_core::{Body, CaseId, Notification, Sent};
use duban_store::{
    ChannelNote, ChannelNotes, ChannelState, DeliveryRow, DeliveryState, Noted, NotedState, Store,
    StoreError,
};
use futures_util::future::join_all;
use tracing::Instrument;

use crate::channel::{Channel, ChannelError, Delivery, Hold};
use crate::meanwhile::{self, Meanwhile};
use crate::options::EngineLimits;
use crate::route::{self, DeliveryId};
use crate::shared::{Shared, fnv};

/// What came of a message for another case.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// It arrived.
    Arrived,
    /// It is tried again, until there have been too many attempts.
    Failed(String),
    /// It would be refused for ever.
    Refused(String),
    /// It is tried again for as long as it takes.
    Waits(String),
    /// Trying again would change nothing.
    Never(String),
}

/// What came of one attempt.
#[derive(Debug)]
pub(crate) enum Attempted {
    /// It arrived everywhere, and there is nothing to be told of it.
    Arrived,
    /// Anything else, as the store is to keep it.
    Noted(Noted),
}

/// Makes one attempt.
pub(crate) async fn attempt<S: Store>(shared: Arc<Shared<S>>, row: DeliveryRow) -> Attempted {
    let outgoing = &row.outgoing;
    match &outgoing.body {
        Body::People(sent) => {
            let delivery = Delivery {
                id: outgoing.id(),
                case: outgoing.case.clone(),
                seq: outgoing.seq,
                kind: outgoing.kind.clone(),
                at: Instant::from_millis(outgoing.at),
                attempt: row.attempts.saturating_add(1),
                now: shared.now(),
                sent: Sent::clone(sent),
            };
            match meanwhile::look(&shared, delivery, &row).await {
                Ok(Meanwhile::Goes(delivery)) => {
                    to_people(&shared, &delivery, row.attempts, row.channels).await
                }
                Ok(Meanwhile::Needless) => needless(&shared, &row),
                Err((delivery, error)) => {
                    tracing::error!(%error, delivery = delivery.id, "its item cannot be looked up");
                    to_people(&shared, &delivery, row.attempts, row.channels).await
                }
            }
        }
        Body::Case(_, message) => {
            let id = (outgoing.case.clone(), outgoing.seq);
            let from = CaseId::new(&id.0);
            let verdict = route::route(&shared, &from, &id, message).await;
            to_case(&shared, id, row.attempts.saturating_add(1), verdict)
        }
    }
}

fn to_case<S: Store>(
    shared: &Shared<S>,
    id: DeliveryId,
    attempt: u32,
    verdict: Verdict,
) -> Attempted {
    let again = NotedState::Pending(retry_at(&shared.limits, shared.now(), &id, attempt));
    let (error, state) = match verdict {
        Verdict::Arrived => return Attempted::Arrived,
        Verdict::Refused(error) => (error, NotedState::Dead),
        Verdict::Failed(error) if attempt >= shared.limits.delivery_attempts_max => {
            (error, NotedState::Dead)
        }
        Verdict::Never(error) => (error, NotedState::Dead),
        Verdict::Failed(error) | Verdict::Waits(error) => (error, again),
    };
    Attempted::Noted(failed(id, state, error))
}

/// A failed attempt that leaves alone what channels have said.
pub(crate) fn failed((case, seq): DeliveryId, state: NotedState, error: String) -> Noted {
    Noted { case, seq, state, counts: true, error: Some(error), channels: None, topic: None }
}

/// Asks every channel that owes the message, all at once: a slow one holds no other up.
async fn to_people<S: Store>(
    shared: &Shared<S>,
    delivery: &Delivery,
    attempts: u32,
    mut notes: ChannelNotes,
) -> Attempted {
    // What was tried before channels had notes counts for each of them.
    let before = if notes.is_empty() { attempts } else { 0 };
    if let Err(error) = collapse(shared, delivery, &mut notes).await {
        tracing::error!(%error, delivery = delivery.id, "later reminders could not be looked up");
    }
    let mine = shared.channels.iter().filter(|channel| channel.carries(delivery));
    let (mine, now): (Vec<&Arc<dyn Channel>>, i64) = (mine.collect(), delivery.now.millis());
    let is_due = |note: &ChannelNote| note.state.is_owed() && note.next_at <= now;
    let asked: Vec<&dyn Channel> = mine
        .iter()
        .filter(|channel| notes.get(channel.name()).is_none_or(is_due))
        .map(|channel| channel.as_ref())
        .collect();
    let asking = asked.iter().map(|channel| hand_over(*channel, delivery, shared));
    let answers = join_all(asking).await;
    if notes.is_empty() && answers.iter().all(Result::is_ok) {
        return Attempted::Arrived;
    }
    let is_held =
        |answer: &Result<(), ChannelError>| matches!(answer, Err(ChannelError::Hold { .. }));
    let counts = !answers.iter().all(is_held);
    let is_failure = |answer: &Result<(), ChannelError>| answer.is_err() && !is_held(answer);
    let has_failed = answers.iter().any(is_failure);
    for (channel, answer) in asked.iter().zip(answers) {
        let known = notes.get(channel.name());
        let attempts = known.map_or(before, |note| note.attempts);
        let note = note(shared, delivery, attempts, answer);
        notes.insert(channel.name().to_owned(), note);
    }
    let standing = mine.iter().filter_map(|channel| notes.get(channel.name()));
    let state = stand(standing, shared.now());
    let is_plain = notes.values().all(|note| note.state == ChannelState::Taken);
    if is_plain && matches!(state, NotedState::Delivered(_)) {
        return Attempted::Arrived;
    }
    // All that stands against it, not only what was said just now.
    let says = |(name, note): (&String, &ChannelNote)| {
        let is_error = matches!(note.state, ChannelState::Failed | ChannelState::Dead);
        let said = note.said.as_ref().filter(|_| is_error);
        said.map(|said| format!("{name}: {said}"))
    };
    let errors: Vec<String> = notes.iter().filter_map(says).collect();
    let holds = notes.values().any(|note| note.state == ChannelState::Held);
    Attempted::Noted(Noted {
        case: delivery.case.clone(),
        seq: delivery.seq,
        state,
        counts,
        error: has_failed.then(|| errors.join("; ")),
        channels: Some(notes),
        topic: if holds { topic(delivery) } else { None },
    })
}

/// A reminder of what is done or judged: whichever channel still owes it leaves it out.
fn needless<S: Store>(shared: &Shared<S>, row: &DeliveryRow) -> Attempted {
    let mut notes = row.channels.clone();
    for channel in &shared.channels {
        let known = notes.get(channel.name());
        if known.is_none_or(|note| note.state.is_owed()) {
            let attempts = known.map_or(0, |note| note.attempts);
            let (state, said) = (ChannelState::Collapsed, None);
            let note = ChannelNote { state, attempts, next_at: 0, said };
            notes.insert(channel.name().to_owned(), note);
        }
    }
    Attempted::Noted(Noted {
        case: row.outgoing.case.clone(),
        seq: row.outgoing.seq,
        state: stand(notes.values(), shared.now()),
        counts: false,
        error: None,
        channels: Some(notes),
        topic: None,
    })
}

/// What an answer comes to for its channel.
fn note<S: Store>(
    shared: &Shared<S>,
    delivery: &Delivery,
    attempts: u32,
    answer: Result<(), ChannelError>,
) -> ChannelNote {
    let now = shared.now();
    let id = (delivery.case.clone(), delivery.seq);
    let tried = attempts.saturating_add(1);
    let note = |state, attempts, next_at, said| ChannelNote { state, attempts, next_at, said };
    match answer {
        Ok(()) => note(ChannelState::Taken, attempts, 0, None),
        Err(ChannelError::Hold { until, why }) => {
            let state = match why {
                Hold::Hours => ChannelState::Held,
                Hold::Turn => ChannelState::Paced,
            };
            // Never at once: a channel that names the past must not keep the pump busy.
            let until = until.max(now.plus_millis(HOLD_MS_MIN));
            note(state, attempts, until.millis(), None)
        }
        Err(ChannelError::Retry { error, .. }) if tried >= shared.limits.delivery_attempts_max => {
            note(ChannelState::Dead, tried, 0, Some(error))
        }
        Err(ChannelError::Retry { error, after }) => {
            let wait = after.map(|after| i64::try_from(after.as_millis()).unwrap_or(i64::MAX));
            let next_at = match wait {
                Some(wait) => now.plus_millis(wait).millis(),
                None => retry_at(&shared.limits, now, &id, tried),
            };
            note(ChannelState::Failed, tried, next_at, Some(error))
        }
        Err(ChannelError::Dead { error }) => note(ChannelState::Dead, tried, 0, Some(error)),
    }
}

/// The shortest hold, in milliseconds.
const HOLD_MS_MIN: i64 = 100;

/// Where a delivery stands, by what its channels said.
fn stand<'a>(notes: impl Iterator<Item = &'a ChannelNote>, now: Instant) -> NotedState {
    let (mut next_at, mut is_dead) = (None::<i64>, false);
    for note in notes {
        is_dead |= note.state == ChannelState::Dead;
        if note.state.is_owed() {
            next_at = Some(next_at.map_or(note.next_at, |next| next.min(note.next_at)));
        }
    }
    match next_at {
        Some(at) => NotedState::Pending(at),
        None if is_dead => NotedState::Dead,
        None => NotedState::Delivered(now.millis()),
    }
}

/// What a reminder is about. Only reminders overtake each other: everything else is a document
/// with a number, or was written by a person, and each counts.
fn topic(delivery: &Delivery) -> Option<String> {
    let is_reminder = delivery.sent.kind == Notification::Remind && delivery.seq > 0;
    let item = delivery.sent.item.as_ref().filter(|_| is_reminder)?;
    Some(format!("{} {item}", delivery.case))
}

/// Leaves out the channels whose hours have begun for a reminder that a later one of the same item,
/// for the same people, has overtaken in the meantime.
async fn collapse<S: Store>(
    shared: &Shared<S>,
    delivery: &Delivery,
    notes: &mut ChannelNotes,
) -> Result<(), StoreError> {
    let now = delivery.now.millis();
    let is_released = |note: &ChannelNote| note.state == ChannelState::Held && note.next_at <= now;
    if !notes.values().any(is_released) {
        return Ok(());
    }
    let Some(topic) = topic(delivery) else { return Ok(()) };
    let later = shared.store.overtaking(&topic, delivery.seq).await?;
    for (name, note) in notes.iter_mut().filter(|(_, note)| is_released(note)) {
        if let Some(by) = later.iter().rev().find(|later| overtakes(later, &delivery.sent, name)) {
            note.state = ChannelState::Collapsed;
            note.said = Some(by.outgoing.id());
        }
    }
    Ok(())
}

/// Whether a later reminder reaches everybody through a channel whom an earlier one was to reach.
fn overtakes(later: &DeliveryRow, earlier: &Sent, channel: &str) -> bool {
    let Body::People(sent) = &later.outgoing.body else { return false };
    let goes_out = match later.channels.get(channel).map(|note| note.state) {
        Some(ChannelState::Dead) => false,
        Some(ChannelState::Taken) => true,
        _ => later.state != DeliveryState::Dead,
    };
    goes_out
        && earlier.people.iter().all(|person| sent.people.contains(person))
        && earlier.to.iter().all(|to| sent.to.contains(to))
}

async fn hand_over<S: Store>(
    channel: &dyn Channel,
    delivery: &Delivery,
    shared: &Shared<S>,
) -> Result<(), ChannelError> {
    let (name, begun) = (channel.name(), std::time::Instant::now());
    let span = tracing::info_span!("deliver", delivery = delivery.id, channel = name);
    let patience_ms = shared.limits.delivery_ms_max;
    let delivered = channel.deliver(delivery).instrument(span);
    let answer = tokio::time::timeout(Duration::from_millis(patience_ms), delivered).await;
    let answer = answer.unwrap_or_else(|_| {
        let error = format!("no answer within `delivery_ms_max` ({patience_ms} ms)");
        Err(ChannelError::Retry { error, after: None })
    });
    shared.meters.note_attempt(name, &answer, begun.elapsed());
    answer
}

/// When to try again after a failed attempt, in milliseconds UTC.
pub(crate) fn retry_at(limits: &EngineLimits, now: Instant, id: &DeliveryId, attempt: u32) -> i64 {
    let wait = i64::try_from(retry_wait_ms(limits, id, attempt)).unwrap_or(i64::MAX);
    now.plus_millis(wait).millis()
}

/// How long to wait after a failed attempt, in milliseconds.
///
/// `cap = min(retry_ms_max, retry_ms_initial · 2^(attempt − 1))`; the wait lies in
/// `cap / 2 ..= cap`, at a place that follows from case, position and attempt alone, so that
/// deliveries that failed together do not come back together, and a run can be repeated.
///
/// Source: M. Brooker, "Exponential Backoff And Jitter" ("equal jitter"), AWS Architecture Blog,
/// 2015.
fn retry_wait_ms(limits: &EngineLimits, id: &DeliveryId, attempt: u32) -> u64 {
    let doublings = attempt.saturating_sub(1);
    let cap = limits
        .retry_ms_initial
        .saturating_mul(2_u64.saturating_pow(doublings))
        .min(limits.retry_ms_max);
    let draw = fnv(format!("{}-{}-{attempt}", id.0, id.1).as_bytes());
    let half = cap / 2;
    cap - half + draw % half.saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_limit_and_differ_between_deliveries() {
        let limits = EngineLimits::default();
        let wait = |case: &str, attempt| retry_wait_ms(&limits, &(case.to_owned(), 1), attempt);
        for attempt in 1..=40 {
            let cap = (1_000_u64 << (attempt - 1).min(20)).min(3_600_000);
            let wait = wait("a", attempt);
            assert!(cap / 2 <= wait && wait <= cap, "attempt {attempt}: {wait} of {cap}");
        }
        assert_eq!(wait("a", 3), wait("a", 3));
        assert_ne!(wait("a", 3), wait("b", 3));
    }
}
