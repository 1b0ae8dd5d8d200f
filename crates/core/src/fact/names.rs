//! What a fact is called in the log, and the item that it is about.

use super::Fact;
use crate::ids::ItemKey;

impl Fact {
    /// The kind, as it stands in the log and in filters.
    #[expect(clippy::too_many_lines, reason = "one arm for each fact")]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::CaseOpened { .. } => "case_opened",
            Self::WindowsPlanned { .. } => "windows_planned",
            Self::ItemsAdded { .. } => "items_added",
            Self::ItemOpened { .. } => "item_opened",
            Self::ItemHeldUntil { .. } => "item_held_until",
            Self::ItemReady { .. } => "item_ready",
            Self::OwnerMissing { .. } => "owner_missing",
            Self::ItemSkipped { .. } => "item_skipped",
            Self::ItemCarried { .. } => "item_carried",
            Self::Signed { .. } => "signed",
            Self::Reported { .. } => "reported",
            Self::Submitted { .. } => "submitted",
            Self::Withdrawn { .. } => "withdrawn",
            Self::Countersigned { .. } => "countersigned",
            Self::ReviewRefused { .. } => "review_refused",
            Self::Accepted { .. } => "accepted",
            Self::Returned { .. } => "returned",
            Self::Superseded { .. } => "superseded",
            Self::AnswerOverdue { .. } => "answer_overdue",
            Self::ExtensionLapsed { .. } => "extension_lapsed",
            Self::SuspensionAsked { .. } => "suspension_asked",
            Self::SuspensionRefused { .. } => "suspension_refused",
            Self::CaseSuspended { .. } => "case_suspended",
            Self::CaseResumed => "case_resumed",
            Self::Rescheduled { .. } => "rescheduled",
            Self::JudgementDeferred { .. } => "judgement_deferred",
            Self::Reopened { .. } => "reopened",
            Self::ExtensionAsked { .. } => "extension_asked",
            Self::ExtensionRefused { .. } => "extension_refused",
            Self::DeadlineSet { .. } => "deadline_set",
            Self::CalendarApplied { .. } => "calendar_applied",
            Self::LatenessWithdrawn { .. } => "lateness_withdrawn",
            Self::EarlierDueProposed { .. } => "earlier_due_proposed",
            Self::Transferred { .. } => "transferred",
            Self::Delegated { .. } => "delegated",
            Self::ReviewersChanged { .. } => "reviewers_changed",
            Self::Held { .. } => "held",
            Self::Released { .. } => "released",
            Self::ItemCancelled { .. } => "item_cancelled",
            Self::RungFired { .. } => "rung_fired",
            Self::StartOverdue { .. } => "start_overdue",
            Self::DueSoon { .. } => "due_soon",
            Self::Overdue { .. } => "overdue",
            Self::ReviewOverdue { .. } => "review_overdue",
            Self::ReportMissed { .. } => "report_missed",
            Self::ReportKept { .. } => "report_kept",
            Self::Stalled { .. } => "stalled",
            Self::PlanChecked { .. } => "plan_checked",
            Self::WindowJudged { .. } => "window_judged",
            Self::MadeUp { .. } => "made_up",
            Self::PapersLate { .. } => "papers_late",
            Self::IndicatorJudged { .. } => "indicator_judged",
            Self::Unrectified { .. } => "unrectified",
            Self::Referred { .. } => "referred",
            Self::StruckOff { .. } => "struck_off",
            Self::Sent(_) => "sent",
            Self::VarSet { .. } => "var_set",
            Self::Scored { .. } => "scored",
            Self::Logged { .. } => "logged",
            Self::ScriptFailed { .. } => "script_failed",
            Self::Mended { .. } => "mended",
            Self::EntryCounted { .. } => "entry_counted",
            Self::AxesDiffer { .. } => "axes_differ",
            Self::HandedOver { .. } => "handed_over",
            Self::FinishesAsItIs { .. } => "finishes_as_it_is",
            Self::MessageSent { .. } => "message_sent",
            Self::Watched(_) => "watched",
            Self::NeedAnswered { .. } => "need_answered",
            Self::WatchAnswered { .. } => "watch_answered",
            Self::ChildClosed { .. } => "child_closed",
            Self::SubCaseOpened { .. } => "sub_case_opened",
            Self::SubCaseLeft { .. } => "sub_case_left",
            Self::SubCaseEnded { .. } => "sub_case_ended",
            Self::SubCaseSilent { .. } => "sub_case_silent",
            Self::AttentionNeeded { .. } => "attention_needed",
            Self::AttentionEnded { .. } => "attention_ended",
            Self::NeedAwaited { .. } => "need_awaited",
            Self::NeedMissing { .. } => "need_missing",
            Self::NeedFound { .. } => "need_found",
            Self::NeedEnded { .. } => "need_ended",
            Self::OpeningHeld { .. } => "opening_held",
            Self::SeatFilled { .. } => "seat_filled",
            Self::ParentSaid { .. } => "parent_said",
            Self::Renewed => "renewed",
            Self::CaseClosed => "case_closed",
            Self::CaseReopened => "case_reopened",
            Self::CaseCancelled { .. } => "case_cancelled",
            Self::Migrated { .. } => "migrated",
            Self::NeedsChanged { .. } => "needs_changed",
            Self::PlanMoved { .. } => "plan_moved",
            Self::RungsArmed { .. } => "rungs_armed",
            Self::ReviewPlanned { .. } => "review_planned",
            Self::CadenceTaken { .. } => "cadence_taken",
            Self::BoundReached { .. } => "bound_reached",
            Self::TakenBack { .. } => "taken_back",
            Self::Faulted { .. } => "faulted",
            Self::Repaired { .. } => "repaired",
        }
    }

    /// The item it is about, if it is about one.
    #[expect(clippy::too_many_lines, reason = "one arm for each fact about an item")]
    pub fn item(&self) -> Option<&ItemKey> {
        match self {
            Self::ItemOpened { key: item, .. }
            | Self::ItemHeldUntil { item, .. }
            | Self::ItemReady { item, .. }
            | Self::OwnerMissing { item }
            | Self::ItemSkipped { item, .. }
            | Self::ItemCarried { item, .. }
            | Self::Signed { item, .. }
            | Self::Reported { item, .. }
            | Self::Submitted { item, .. }
            | Self::Withdrawn { item }
            | Self::Countersigned { item, .. }
            | Self::ReviewRefused { item, .. }
            | Self::Accepted { item, .. }
            | Self::Returned { item, .. }
            | Self::Superseded { item, .. }
            | Self::Reopened { item, .. }
            | Self::ExtensionAsked { item, .. }
            | Self::AnswerOverdue { item }
            | Self::ExtensionLapsed { item }
            | Self::ExtensionRefused { item, .. }
            | Self::DeadlineSet { item, .. }
            | Self::EarlierDueProposed { item, .. }
            | Self::LatenessWithdrawn { item, .. }
            | Self::Transferred { item, .. }
            | Self::Delegated { item, .. }
            | Self::ReviewersChanged { item, .. }
            | Self::Held { item, .. }
            | Self::Released { item, .. }
            | Self::SuspensionAsked { item, .. }
            | Self::SuspensionRefused { item, .. }
            | Self::Rescheduled { item, .. }
            | Self::JudgementDeferred { item, .. }
            | Self::ItemCancelled { item, .. }
            | Self::RungFired { item, .. }
            | Self::StartOverdue { item }
            | Self::DueSoon { item }
            | Self::Overdue { item, .. }
            | Self::ReviewOverdue { item, .. }
            | Self::ReportMissed { item, .. }
            | Self::ReportKept { item, .. }
            | Self::Stalled { item }
            | Self::PlanChecked { item, .. }
            | Self::WindowJudged { item, .. }
            | Self::MadeUp { item }
            | Self::PapersLate { item }
            | Self::IndicatorJudged { item, .. }
            | Self::Unrectified { interview: item }
            | Self::Referred { item, .. }
            | Self::NeedAnswered { item, .. }
            | Self::NeedAwaited { item, .. }
            | Self::NeedMissing { item }
            | Self::NeedFound { item, .. }
            | Self::NeedEnded { item, .. }
            | Self::OpeningHeld { item, .. }
            | Self::SeatFilled { item, .. }
            | Self::ChildClosed { item, .. }
            | Self::NeedsChanged { item, .. }
            | Self::PlanMoved { item, .. }
            | Self::RungsArmed { item, .. }
            | Self::ReviewPlanned { item, .. }
            | Self::SubCaseOpened { item, .. }
            | Self::SubCaseLeft { item, .. }
            | Self::SubCaseEnded { item, .. }
            | Self::EntryCounted { item, .. }
            | Self::HandedOver { item, .. }
            | Self::FinishesAsItIs { item, .. }
            | Self::SubCaseSilent { item }
            | Self::BoundReached { item, .. } => Some(item),
            Self::StruckOff { item, .. }
            | Self::Scored { item, .. }
            | Self::Logged { item, .. }
            | Self::Mended { item, .. }
            | Self::AttentionNeeded { item, .. }
            | Self::AttentionEnded { item, .. }
            | Self::ScriptFailed { item, .. } => item.as_ref(),
            Self::Sent(sent) => sent.item.as_ref(),
            Self::CaseOpened { .. }
            | Self::WindowsPlanned { .. }
            | Self::ItemsAdded { .. }
            | Self::AxesDiffer { .. }
            | Self::VarSet { .. }
            | Self::MessageSent { .. }
            | Self::Watched(_)
            | Self::WatchAnswered { .. }
            | Self::ParentSaid { .. }
            | Self::Renewed
            | Self::CaseSuspended { .. }
            | Self::CalendarApplied { .. }
            | Self::CaseResumed
            | Self::CaseClosed
            | Self::CaseReopened
            | Self::CaseCancelled { .. }
            | Self::Migrated { .. }
            | Self::CadenceTaken { .. }
            | Self::TakenBack { .. }
            | Self::Faulted { .. }
            | Self::Repaired { .. } => None,
        }
    }
}
