//! The kinds of facts that keep the books of a case, named once for those who pass over them.

/// Bookkeeping: facts that nobody is told of, so that they name nobody. A pattern.
macro_rules! bookkeeping {
    () => {
        Fact::WindowsPlanned { .. }
            | Fact::ItemsAdded { .. }
            | Fact::ItemHeldUntil { .. }
            | Fact::Rescheduled { .. }
            | Fact::RungFired { .. }
            | Fact::ReportKept { .. }
            | Fact::PlanChecked { .. }
            | Fact::VarSet { .. }
            | Fact::MessageSent { .. }
            | Fact::Watched(_)
            | Fact::NeedAnswered { .. }
            | Fact::WatchAnswered { .. }
            | Fact::ChildClosed { .. }
            | Fact::SubCaseOpened { .. }
            | Fact::CalendarApplied { next: Some(_), .. }
            | Fact::NeedAwaited { .. }
            | Fact::NeedMissing { .. }
            | Fact::NeedFound { .. }
            | Fact::NeedsChanged { .. }
            | Fact::PlanMoved { .. }
            | Fact::RungsArmed { .. }
    };
}
pub(crate) use bookkeeping;
