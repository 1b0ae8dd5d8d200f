//! Taking back what a wrong clock brought about, case by case.

use duban_core::{Actor, CaseHead, CaseId, Command, Event, Operation, Refusal, WrongFuture};
use duban_store::{CaseFilter, DeliveryFilter, DeliveryState, PageRequest, Store};
use serde::Serialize;

use crate::engine::Engine;
use crate::error::EngineError;
use crate::upkeep;
use crate::work::Asked;

/// What became of the cases that a wrong clock had reached.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct TakenBack {
    /// Cases that are as they were before.
    pub restored: Vec<Restored>,
    /// Cases that are left as they are, with the reason: somebody has moved in them since.
    pub left: Vec<(CaseId, String)>,
    /// Cases that were opened by the wrong clock. They stand; cancel those that should not be.
    pub opened: Vec<CaseId>,
}

/// A case that is as it was before.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Restored {
    /// Which.
    pub case: CaseId,
    /// The last event that stands.
    pub after: u64,
    /// Cases that it asked for meanwhile; they are not undone.
    pub cases: Vec<CaseId>,
    /// Numbered papers that it issued meanwhile: kind and number. They are not undone.
    pub papers: Vec<(String, u32)>,
}

impl Restored {
    fn of(case: &CaseId, wrong: &WrongFuture) -> Self {
        let papers = wrong.papers.iter();
        Self {
            case: case.clone(),
            after: wrong.after,
            cases: wrong.cases.clone(),
            papers: papers
                .filter_map(|paper| Some((paper.kind.as_str().to_owned(), paper.number?)))
                .collect(),
        }
    }
}

impl<S: Store> Engine<S> {
    /// Takes back what time brought about since an epoch of the clock began, in every case where
    /// nobody has moved since; [`ClockState::epochs`](crate::ClockState::epochs) lists them. With
    /// `dry` nothing is changed and the answer is the same. Messages of it that have not been
    /// delivered are given up. Repeated: what was restored is not found again.
    ///
    /// # Errors
    ///
    /// [`EngineError::ClockDoubted`]: the clock is to be accepted first, so that what is taken back
    /// does not happen again. [`EngineError::NoEpoch`]: a number that no event names.
    /// [`EngineError::Store`], and what keeps a log from being read. What was restored before it
    /// stands.
    pub async fn take_back(
        &self,
        epoch: u32,
        actor: Actor,
        dry: bool,
    ) -> Result<TakenBack, EngineError> {
        self.shared().check_clock()?;
        let present = self.shared().clock.epoch();
        if !(1..=present).contains(&epoch) {
            return Err(EngineError::NoEpoch { epoch, present });
        }
        let mut all = TakenBack::default();
        let mut request = PageRequest::first(PageRequest::LIMIT_MAX);
        loop {
            let page = self.cases(CaseFilter::default(), request.clone()).await?;
            for row in &page.rows {
                // A head that cannot be read is set aside elsewhere.
                let head = serde_json::from_str::<CaseHead>(&row.data).ok();
                if head.is_some_and(|head| head.epoch >= epoch) {
                    let case = CaseId::new(&row.id);
                    self.take_back_in(&case, epoch, (&actor, dry), &mut all).await?;
                }
            }
            match page.next {
                Some(next) => request.after = Some(next),
                None => return Ok(all),
            }
        }
    }

    async fn take_back_in(
        &self,
        case: &CaseId,
        epoch: u32,
        (actor, dry): (&Actor, bool),
        all: &mut TakenBack,
    ) -> Result<(), EngineError> {
        let log = self.log_of(case).await?;
        let Some(wrong) = WrongFuture::of(&log, epoch) else {
            let opened = log.first().is_some_and(|(event, _)| event.epoch == epoch);
            all.opened.extend(opened.then(|| case.clone()));
            return Ok(());
        };
        let (restored, after) = (Restored::of(case, &wrong), wrong.after);
        let command = Command::new(actor.clone(), Operation::TakeBack(Box::new(wrong)));
        if dry {
            let decided = self.imagine(case, command).await;
            match decided {
                Ok(_) => all.restored.push(restored),
                Err(EngineError::Refused(refusal)) => all.leave(case, &refusal),
                Err(error) => return Err(error),
            }
            return Ok(());
        }
        match self.command(case, command, Asked::default()).await {
            Ok(_) => {
                // Rows of items that do not exist any more go with it.
                self.rebuild(case).await?;
                self.give_up_since(case, after).await?;
                all.restored.push(restored);
            }
            Err(EngineError::Refused(refusal)) => all.leave(case, &refusal),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    async fn log_of(&self, case: &CaseId) -> Result<Vec<(Event, String)>, EngineError> {
        let case = case.clone();
        let store = self.store().clone();
        self.shared()
            .on_runtime(async move {
                let rows = upkeep::read_log(&store, &case).await?;
                rows.iter()
                    .map(|row| Ok((upkeep::decoded(&case, row)?, row.hash.clone())))
                    .collect()
            })
            .await
    }

    /// Messages that have not left yet say what was not so.
    async fn give_up_since(&self, case: &CaseId, after: u64) -> Result<(), EngineError> {
        let filter = DeliveryFilter {
            case: Some(case.to_string()),
            state: Some(DeliveryState::Pending),
            ..DeliveryFilter::default()
        };
        let mut request = PageRequest::first(PageRequest::LIMIT_MAX);
        loop {
            let page = self.deliveries(filter.clone(), request.clone()).await?;
            for row in page
                .rows
                .iter()
                .filter(|row| row.outgoing.seq > after && row.outgoing.kind != "message")
            {
                self.give_up_delivery(case, row.outgoing.seq, "系统时钟有误，已撤回").await?;
            }
            match page.next {
                Some(next) => request.after = Some(next),
                None => return Ok(()),
            }
        }
    }
}

impl TakenBack {
    fn leave(&mut self, case: &CaseId, refusal: &Refusal) {
        self.left.push((case.clone(), refusal.zh()));
    }
}
