//! What became of an item between the moment in which a message about it came about and the moment
//! in which a channel is handed it: messages wait for hours, for their turn, for a channel that
//! does not answer, and for the end of an outage.
//!
//! A reminder about something that was done or judged meanwhile is left out. A paper with a number
//! goes out, because a ledger must have no gaps, and says what was done.

use duban_calendar::{Instant, date_of};
use duban_core::{Item, Notification, Sent, Status};
use duban_store::{DeliveryRow, Store, StoreError};

use crate::channel::Delivery;
use crate::shared::Shared;

/// A message that goes out within this time of its making is not looked at again, in milliseconds.
const FRESH_MS: i64 = 60_000;

/// What is to be done with a message that waited.
pub(crate) enum Meanwhile {
    /// It goes out; a numbered paper perhaps with a remark.
    Goes(Box<Delivery>),
    /// It reminds of what is done or judged.
    Needless,
}

/// Looks at a message again that did not go out at once.
///
/// # Errors
///
/// [`StoreError`] where the item cannot be looked up; the message then goes out as it is.
pub(crate) async fn look<S: Store>(
    shared: &Shared<S>,
    delivery: Delivery,
    row: &DeliveryRow,
) -> Result<Meanwhile, (Box<Delivery>, StoreError)> {
    let waited = row.attempts > 0
        || !row.channels.is_empty()
        || delivery.now.millis_since(delivery.at) > FRESH_MS;
    let is_paper = delivery.sent.number.is_some();
    let reminds = delivery.sent.kind == Notification::Remind;
    let item = delivery.sent.item.clone().filter(|_| waited && (is_paper || reminds));
    let Some(key) = item else { return Ok(Meanwhile::Goes(Box::new(delivery))) };
    let found = match shared.store.item(&delivery.case, key.as_str()).await {
        Ok(found) => found,
        Err(error) => return Err((Box::new(delivery), error)),
    };
    let item = found.and_then(|row| serde_json::from_str::<Item>(&row.data).ok());
    let Some(item) = item else { return Ok(Meanwhile::Goes(Box::new(delivery))) };
    if reminds && is_over(&item, delivery.at) {
        return Ok(Meanwhile::Needless);
    }
    let remark = remark(&item, delivery.at).filter(|_| is_paper);
    let sent = match remark {
        Some(remark) => Sent { text: format!("{}{remark}", delivery.sent.text), ..delivery.sent },
        None => delivery.sent,
    };
    Ok(Meanwhile::Goes(Box::new(Delivery { sent, ..delivery })))
}

/// Whether an item was done, ended or judged after an instant.
fn is_over(item: &Item, since: Instant) -> bool {
    let judged = item
        .history
        .iter()
        .any(|(kind, at)| *at > since && matches!(kind.as_str(), "met" | "missed"));
    (item.status.is_closed() && item.since > since) || (judged && item.window_met.is_some())
}

/// What a paper says of what was done about its item after an instant.
fn remark(item: &Item, since: Instant) -> Option<String> {
    if item.since <= since {
        return None;
    }
    let what = match item.status {
        Status::Submitted => "申请办结",
        Status::Done => "办结",
        Status::Skipped | Status::Cancelled => "不再办理",
        Status::Waiting | Status::Ready | Status::Active => return None,
    };
    let date = date_of(item.since, duban_calendar::Tz::Asia__Shanghai);
    Some(format!("（送达前，该任务已于{}{what}。）", date.format("%Y年%-m月%-d日")))
}
