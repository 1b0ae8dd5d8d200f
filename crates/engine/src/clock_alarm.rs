//! Telling a person that the clock is not right.

use duban_core::CaseId;
use duban_store::{CaseFilter, PageRequest, Store};

use crate::believed::ClockAlarm;
use crate::error::EngineError;
use crate::openings;
use crate::shared::Shared;

impl ClockAlarm {
    fn text(self) -> String {
        match self {
            Self::Doubted(wall) => format!(
                "服务器时钟显示 {wall}，与系统记录相差过大，未予采信：到期提醒、督办和研判暂停，人员办理不受影响。请核对服务器时钟；如时钟无误，请执行 duban clock accept。"
            ),
            Self::Outage(minutes) => format!(
                "服务器时钟跳快 {minutes} 分钟，已按停机处理：其间到期的顺延三个工作日。如时钟有误，请改正后执行 duban clock accept 和 duban clock take-back。"
            ),
        }
    }
}

/// Tells whoever administers each suite, read off one of its cases; once for each epoch.
pub(crate) async fn tell<S: Store>(
    shared: &Shared<S>,
    alarm: ClockAlarm,
) -> Result<(), EngineError> {
    let mut suites: Vec<String> =
        shared.store.currents().await?.into_iter().map(|(suite, ..)| suite).collect();
    suites.sort_unstable();
    suites.dedup();
    let epoch = shared.clock.epoch();
    for suite in suites {
        let filter = CaseFilter { suite: Some(suite.clone()), ..CaseFilter::default() };
        let page = shared.store.cases(&filter, &PageRequest::first(1)).await?;
        if let Some(row) = page.rows.first() {
            let about = match alarm {
                ClockAlarm::Doubted(_) => format!("clock-{epoch}-doubted-{suite}"),
                ClockAlarm::Outage(_) => format!("clock-{epoch}-outage-{suite}"),
            };
            openings::alarm(shared, CaseId::new(&row.id).as_str(), about, alarm.text()).await?;
        }
    }
    Ok(())
}
