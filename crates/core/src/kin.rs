//! What an event makes of the bond between a case and its sub-cases.

use duban_calendar::Instant;

use crate::case::{CaseHead, CaseSuspension, ParentItem};
use crate::command::{Message, ParentSays};
use crate::duties;
use crate::ids::CaseId;
use crate::item::{Child, Item};

/// What the case above, or the earlier period's, says of itself.
pub(crate) fn hear(
    head: &mut CaseHead,
    from: &CaseId,
    number: u64,
    says: &ParentSays,
    at: Instant,
) {
    match says {
        ParentSays::End { .. } => head.parent_item = ParentItem::Ended,
        ParentSays::GoOn => {
            head.parent_item = ParentItem::Left;
            head.above = None;
            resumed(head);
        }
        ParentSays::Reopened => head.parent_item = ParentItem::Reopened,
        // Whom the case above has left to itself it suspends no more.
        ParentSays::Suspended { .. }
            if matches!(head.parent_item, ParentItem::Left | ParentItem::Ended) => {}
        ParentSays::Suspended { reason } => {
            let order = CaseSuspension { reason: reason.clone(), since: at, until: None };
            hear_of_suspension(head, number, Some(order));
        }
        ParentSays::Resumed => hear_of_suspension(head, number, None),
        ParentSays::Duties { records } => duties::hear(head, from, number, records),
    }
}

/// Words from above may overtake each other; the one with the largest number holds.
fn hear_of_suspension(head: &mut CaseHead, number: u64, order: Option<CaseSuspension>) {
    if number > head.above_said {
        head.above_said = number;
        head.above = order.map(Box::new);
        resumed(head);
    }
}

/// The next period's case that is asked for while this one is suspended waits for word.
pub(crate) fn asked_for(head: &mut CaseHead, message: &Message) {
    if let Message::Open(request) = message {
        let name = &request.open.name;
        let is_next = name.parent == head.name.parent && name.workflow == head.name.workflow;
        if is_next && request.open.suspended.is_some() {
            head.next_held = Some(name.id());
        }
    }
}

/// Once nothing suspends it any more, nobody waits for word.
pub(crate) fn resumed(head: &mut CaseHead) {
    if head.suspension().is_none() {
        head.next_held = None;
    }
}

/// A case that was opened again at its parent's word has closed: the parent's item is done again.
pub(crate) fn closed(head: &mut CaseHead) {
    if head.parent_item == ParentItem::Reopened {
        head.parent_item = ParentItem::Waits;
    }
}

/// An item parts from its sub-case, which goes on by itself or is asked to end.
pub(crate) fn left(
    item: &mut Item,
    child: &CaseId,
    keeps: bool,
    answer_by: Option<Instant>,
    at: Instant,
) {
    item.child = Some(Box::new(Child {
        asked_at: Some(at),
        answer_by,
        ended: keeps,
        ..Child::new(child.clone())
    }));
}

/// A sub-case has ended; another one that the item has by now goes on.
pub(crate) fn ended(item: &mut Item, child: &CaseId) {
    if let Some(own) = item.child.as_mut().filter(|own| own.case == *child) {
        own.ended = true;
        own.answer_by = None;
    }
}

/// A sub-case that was asked to end has not answered in time.
pub(crate) fn silent(item: &mut Item) {
    if let Some(child) = &mut item.child {
        child.answer_by = None;
        child.silent = true;
    }
}
