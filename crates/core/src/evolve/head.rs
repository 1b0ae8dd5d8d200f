//! What an event makes of a case besides its items.

use crate::case::{CaseHead, CaseStatus, CaseSuspension, Recounting};
use crate::event::{Event, Notification, Sent};
use crate::fact::Fact;
use crate::migration::PastTitles;
use crate::{attention, duties, failed, growth, kin};

#[expect(clippy::too_many_lines, reason = "one arm for each fact about a case")]
pub(super) fn evolve_head(head: &mut CaseHead, event: &Event) {
    match &event.fact {
        Fact::WindowsPlanned { task, next } => match next {
            Some(next) => {
                head.windows.insert(task.clone(), *next);
            }
            None => {
                head.windows.remove(task);
            }
        },
        Fact::ItemsAdded { task, items, .. } => {
            head.expanded.insert(task.clone());
            failed::settle_came(head, items);
        }
        Fact::ScriptFailed { item: None, keeps, error, .. } => {
            failed::of_head(head, keeps.as_ref(), error, event.at);
        }
        Fact::Mended { item: None, what, .. } => failed::mend_lists(head, what),
        Fact::AxesDiffer { came, gone } => failed::differ(head, came, gone),
        Fact::ItemCancelled { item, .. }
        | Fact::ItemSkipped { item, .. }
        | Fact::HandedOver { item, .. }
        | Fact::FinishesAsItIs { item, .. }
        | Fact::Accepted { item, done: true, .. } => failed::settle_gone(head, item),
        Fact::ItemOpened { .. } => head.opened += 1,
        Fact::Sent(sent) => count_papers(head, sent),
        Fact::VarSet { name, value } => {
            head.vars.insert(name.clone(), value.clone());
        }
        Fact::Scored { rule: Some(rule), points, .. } => {
            *head.scored.entry(rule.clone()).or_default() += points;
        }
        Fact::MessageSent { number, about, message } => {
            head.messages = *number;
            kin::asked_for(head, message);
            duties::told(head, message);
            growth::count_opened(head, message);
            if let Some(about) = about {
                head.asked.insert(*number, about.clone());
            }
        }
        Fact::Watched(watch) => {
            head.handled.insert((watch.from.clone(), watch.number));
            head.watchers.push(watch.clone());
        }
        Fact::WatchAnswered { from, number } => {
            head.watchers.retain(|watch| !(watch.from == *from && watch.number == *number));
        }
        Fact::NeedAnswered { item, need, name, form, .. } => {
            head.asked.retain(|_, about| !(about.0 == *item && about.1 == *need));
            head.foreign.insert(name.clone(), form.clone());
        }
        Fact::ChildClosed { child, number, .. } => {
            head.handled.insert((child.clone(), *number));
        }
        Fact::StruckOff { item: None, .. } => head.status = CaseStatus::StruckOff,
        Fact::CaseSuspended { reason, until } => {
            let (reason, since, until) = (reason.clone(), event.at, *until);
            head.suspended = Some(Box::new(CaseSuspension { reason, since, until }));
        }
        Fact::CaseResumed => {
            head.suspended = None;
            kin::resumed(head);
        }
        Fact::Renewed => head.renew_at = None,
        Fact::BoundReached { bound, .. } => {
            head.bounds.insert(*bound);
        }
        Fact::CaseClosed => {
            head.status = CaseStatus::Closed;
            head.closed_at = Some(event.at);
            kin::closed(head);
        }
        Fact::CaseReopened => {
            head.status = CaseStatus::Open;
            head.closed_at = None;
        }
        Fact::CaseCancelled { .. } => {
            head.status = CaseStatus::Cancelled;
            head.closed_at = Some(event.at);
        }
        Fact::Migrated { definition, title, map } => {
            head.definition = definition.clone();
            head.title.clone_from(title);
            let lost = map.as_ref().map(|map| &map.titles).filter(|titles| !titles.is_empty());
            head.past_titles.extend(lost.map(|titles| {
                let (until, titles) = (event.seq, titles.clone());
                PastTitles { until, titles }
            }));
        }
        Fact::Faulted { error } => head.faulted = Some(error.clone()),
        Fact::Repaired { .. } => head.faulted = None,
        Fact::CalendarApplied { years, next } => match next {
            Some(next) => {
                let (years, next) = (years.clone(), next.clone());
                head.recounting = Some(Box::new(Recounting { years, next }));
            }
            None => {
                head.counted = Some(years.clone());
                head.recounting = None;
            }
        },
        Fact::AttentionNeeded { item: None, kind, about } => {
            attention::need(&mut head.attention, *kind, about, event.at);
        }
        Fact::AttentionEnded { item: None, kind, about } => {
            attention::end(&mut head.attention, *kind, about);
        }
        Fact::CadenceTaken { task, kind } => {
            head.cadences.insert(task.clone(), *kind);
        }
        Fact::SubCaseEnded { child, number, .. } => {
            head.handled.insert((child.clone(), *number));
        }
        Fact::ParentSaid { from, number, says } => {
            head.handled.insert((from.clone(), *number));
            kin::hear(head, from, *number, says, event.at);
        }
        // Makes the head itself, or is an item's alone.
        Fact::TakenBack { .. }
        | Fact::AttentionNeeded { item: Some(_), .. }
        | Fact::AttentionEnded { item: Some(_), .. }
        | Fact::NeedAwaited { .. }
        | Fact::NeedMissing { .. }
        | Fact::NeedFound { .. }
        | Fact::NeedEnded { .. }
        | Fact::OpeningHeld { .. }
        | Fact::SeatFilled { .. }
        | Fact::LatenessWithdrawn { .. }
        | Fact::CaseOpened { .. }
        | Fact::ItemHeldUntil { .. }
        | Fact::ItemReady { .. }
        | Fact::OwnerMissing { .. }
        | Fact::ItemCarried { .. }
        | Fact::Signed { .. }
        | Fact::Reported { .. }
        | Fact::Submitted { .. }
        | Fact::Withdrawn { .. }
        | Fact::Countersigned { .. }
        | Fact::ReviewRefused { .. }
        | Fact::Accepted { done: false, .. }
        | Fact::Returned { .. }
        | Fact::Superseded { .. }
        | Fact::Reopened { .. }
        | Fact::ExtensionAsked { .. }
        | Fact::AnswerOverdue { .. }
        | Fact::ExtensionLapsed { .. }
        | Fact::ExtensionRefused { .. }
        | Fact::DeadlineSet { .. }
        | Fact::EarlierDueProposed { .. }
        | Fact::Transferred { .. }
        | Fact::Delegated { .. }
        | Fact::ReviewersChanged { .. }
        | Fact::Held { .. }
        | Fact::Released { .. }
        | Fact::SuspensionAsked { .. }
        | Fact::SuspensionRefused { .. }
        | Fact::Rescheduled { .. }
        | Fact::JudgementDeferred { .. }
        | Fact::RungFired { .. }
        | Fact::StartOverdue { .. }
        | Fact::DueSoon { .. }
        | Fact::Overdue { .. }
        | Fact::ReviewOverdue { .. }
        | Fact::ReportMissed { .. }
        | Fact::ReportKept { .. }
        | Fact::Stalled { .. }
        | Fact::PlanChecked { .. }
        | Fact::WindowJudged { .. }
        | Fact::MadeUp { .. }
        | Fact::PapersLate { .. }
        | Fact::IndicatorJudged { .. }
        | Fact::Unrectified { .. }
        | Fact::Referred { .. }
        | Fact::StruckOff { item: Some(_), .. }
        | Fact::Scored { rule: None, .. }
        | Fact::Logged { .. }
        | Fact::ScriptFailed { item: Some(_), .. }
        | Fact::Mended { item: Some(_), .. }
        | Fact::EntryCounted { .. }
        | Fact::SubCaseOpened { .. }
        | Fact::SubCaseLeft { .. }
        | Fact::SubCaseSilent { .. }
        | Fact::NeedsChanged { .. }
        | Fact::PlanMoved { .. }
        | Fact::RungsArmed { .. }
        | Fact::ReviewPlanned { .. } => {}
    }
}

fn count_papers(head: &mut CaseHead, sent: &Sent) {
    let Some(number) = sent.number else { return };
    match sent.kind {
        Notification::Slip => head.slips = number,
        Notification::Notice => head.notices = number,
        Notification::Remind
        | Notification::Urge
        | Notification::Interview
        | Notification::Refer
        | Notification::Ask
        | Notification::Tell
        | Notification::Alarm
        | Notification::Emit => {}
    }
}
