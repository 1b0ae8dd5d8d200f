//! `duban show`: one case in full.

use std::sync::Arc;

use anyhow::Result;
use clap::Args;
use duban::Store;
use duban_core::{Case, CaseId, Event, Item, Teller, decode, due_reason, light};
use duban_engine::{NextStep, Upcoming, next_steps};
use duban_model::{Assignee, Definition};
use serde_json::json;

use crate::Ended;
use crate::db::{DbArgs, Reading, block_on};
use crate::output::{Output, tell};
use crate::render::table::table;

/// Show one case: tasks, timeline, why each due date is what it is, what happens next.
#[derive(Args)]
#[command(after_help = "Examples:
  duban cases --db duban-demo.db --workflow m23-duty-performance
  duban show CASE --db duban-demo.db")]
pub(crate) struct Show {
    /// The case's id.
    case: String,
    /// At most this many lines of the timeline, the latest.
    #[arg(long, default_value_t = 60)]
    lines: usize,
    #[command(flatten)]
    db: DbArgs,
}

/// Events read at once.
const BATCH: u32 = 500;

pub(crate) fn run(command: &Show, output: &Output) -> Result<Ended> {
    block_on(async {
        let reading = Reading::open(&command.db).await?;
        let id = CaseId::new(&command.case);
        let (case, definition) = reading.case(&id).await?;
        let (mut events, mut unreadable) = (Vec::<Event>::new(), Vec::new());
        let mut after = 0;
        loop {
            let rows = reading.store.events(id.as_str(), after, BATCH).await?;
            if rows.is_empty() {
                break;
            }
            for row in rows {
                after = row.seq;
                match decode(&row.text) {
                    Ok(event) => events.push(event),
                    Err(error) => {
                        tell(format_args!("第 {after} 条记录无法读取：{error}"));
                        unreadable.push(after);
                    }
                }
            }
        }
        reading.store.close().await?;
        let next = next_steps(&case, reading.now);
        let value = json!({
            "head": case.head(),
            "items": case.items().map(|item| Item::clone(item)).collect::<Vec<_>>(),
            "events": events,
            "unreadable": unreadable,
            "next": next,
        });
        output.print(&value, || {
            let page = Page { case: &case, definition: &definition, reading: &reading };
            page.text(&events, &next, command.lines)
        })?;
        Ok(Ended::Well)
    })
}

struct Page<'a> {
    case: &'a Case,
    definition: &'a Arc<Definition>,
    reading: &'a Reading,
}

impl Page<'_> {
    fn teller(&self) -> Teller<'_> {
        Teller::new(self.definition, &self.reading.directory).of_case(self.case.head())
    }

    fn text(&self, events: &[Event], next: &[Upcoming], lines: usize) -> String {
        let teller = self.teller();
        let head = self.case.head();
        let unit = teller.name(&Assignee::Unit(head.name.unit.clone()));
        let period = head.name.period.map(|period| period.name()).unwrap_or_default();
        let told: Vec<String> = events.iter().filter_map(|event| teller.line(event)).collect();
        let left_out = told.len().saturating_sub(lines);
        let mut parts =
            vec![format!("{}  {unit} {period}  {}", head.title, head.status.zh()), self.tasks()];
        let mut timeline = Vec::new();
        if left_out > 0 {
            timeline.push(format!("（此前 {left_out} 条略，见 --lines）"));
        }
        timeline.extend(told.into_iter().skip(left_out));
        parts.push(format!("时间线\n{}", timeline.join("\n")));
        let coming: Vec<String> = next.iter().take(20).map(|step| self.coming(step)).collect();
        parts.push(format!("接下来\n{}", coming.join("\n")));
        parts.join("\n\n")
    }

    fn tasks(&self) -> String {
        let teller = self.teller();
        let rows = self.case.items().map(|item| {
            let due = item.deadlines.iter().map(|deadline| {
                format!("{}（{}）", teller.date(deadline.due), due_reason(&deadline.why))
            });
            let lacking =
                item.lacks_due().map(|failed| format!("期限无法计算（{}）", failed.error));
            let due: Vec<String> = due.chain(lacking).collect();
            vec![
                item.key.to_string(),
                teller.item_title(item),
                item.status.zh().to_owned(),
                light(item, self.definition, self.reading.now).zh().to_owned(),
                item.owner.as_ref().map(|owner| teller.name(owner)).unwrap_or_default(),
                due.join(" → "),
            ]
        });
        table(&["条目", "任务", "状态", "灯", "承办", "期限及依据"], rows).to_string()
    }

    fn coming(&self, step: &Upcoming) -> String {
        let teller = self.teller();
        let what = match &step.what {
            NextStep::Resumes => "恢复".to_owned(),
            NextStep::Begins => "可以开始".to_owned(),
            NextStep::StartDue => "应签收".to_owned(),
            NextStep::DueSoon => "转黄灯".to_owned(),
            NextStep::Due => "到期".to_owned(),
            NextStep::ReportDue => "应反馈".to_owned(),
            NextStep::PlanChecked => "对照计划进度".to_owned(),
            NextStep::Stalls => "无进展即停滞".to_owned(),
            NextStep::Rung(ladder, rung) => format!("阶梯 {ladder} 第 {} 级", rung + 1),
            NextStep::ReviewRung(ladder, rung) => format!("审核阶梯 {ladder} 第 {} 级", rung + 1),
            NextStep::ReviewDue => "应审核".to_owned(),
            NextStep::WindowJudged => "判定本期".to_owned(),
            NextStep::WindowOpens(task) => format!("任务 {task} 的下一期开始"),
            NextStep::Renews => "下一期事项立项".to_owned(),
            other => format!("{other:?}"),
        };
        let item = step.item.as_ref().map(|item| teller.key_title(item)).unwrap_or_default();
        format!("{}  {what}  {item}", teller.date(step.at))
    }
}
