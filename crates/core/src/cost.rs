//! What opening a workflow's cases takes, measured on cases that are thrown away.

use std::sync::Arc;

use duban_calendar::{Calendar, Date, start_of};
use duban_model::{Directory, Problem};
use duban_script::{Budget, Program, Spent};
use serde_json::Map;

use crate::command::{Actor, Command, Open};
use crate::decide::{Env, cases_of, decide};
use crate::ids::CaseName;
use crate::refusal::Refusal;

/// Cases of one workflow that are opened: the first, the one in the middle, the last.
const CASES_MEASURED: usize = 3;

/// Opens a few of a workflow's cases at the beginning of the target year, for its units in a
/// directory, and says where that takes more than one decision may (an error), or more than half
/// of it (a warning). What cannot be opened for another reason is passed over. Where the
/// time of the budget ends first, nothing is said.
pub fn opening_cost(
    program: &Arc<Program>,
    directory: &Arc<Directory>,
    calendar: &Arc<Calendar>,
    budget: &Budget,
) -> Option<Problem> {
    let definition = program.definition();
    let on = Date::from_ymd_opt(definition.suite.target_year, 1, 1)?;
    let env = Env {
        previous: None,
        now: start_of(on, definition.suite.time_zone),
        program: Arc::clone(program),
        directory: Arc::clone(directory),
        calendar: Arc::clone(calendar),
        epoch: 0,
        budget: budget.clone(),
    };
    let limits = budget.limits();
    let costs = match cases_of(&env, on) {
        Ok(names) => sample(&names).into_iter().map(|name| open(&env, name)).max(),
        Err(refusal) => Some(cost(Err(refusal))),
    };
    let place = &definition.workflow.place;
    let title = &definition.workflow.title;
    match costs? {
        Cost::Beyond(limit) => Some(
            Problem::error(
                "DB1601",
                place,
                format!("“{title}”立项超过一次操作的上限 {limit}，无法立项"),
            )
            .with_help("减少任务的条目（each），或简化立项时运行的脚本和表达式"),
        ),
        Cost::Operations(taken) if taken > limits.operations_max / 2 => Some(
            Problem::warning(
                "DB1602",
                place,
                format!(
                    "“{title}”立项一次需要 {taken} 次运算，上限为 {}（decision_operations_max）",
                    limits.operations_max
                ),
            )
            .with_help("单位再增加就可能无法立项；请简化立项时运行的脚本和表达式"),
        ),
        Cost::Operations(_) => None,
    }
}

/// What one opening took, the worst last.
#[derive(Eq, Ord, PartialEq, PartialOrd)]
enum Cost {
    Operations(u64),
    Beyond(&'static str),
}

fn cost(opened: Result<u64, Refusal>) -> Cost {
    match opened {
        Ok(operations) => Cost::Operations(operations),
        // How busy the machine is says nothing of the workflow.
        Err(Refusal::OverBudget(Spent::Time)) => Cost::Operations(0),
        Err(Refusal::OverBudget(spent)) => Cost::Beyond(spent.limit()),
        Err(_) => Cost::Operations(0),
    }
}

fn open(env: &Env, name: CaseName) -> Cost {
    let open = Open::new(name, Map::new());
    let command = Command::new(Actor::operator("检查"), open);
    cost(decide(None, &command, env).map(|decision| decision.operations))
}

fn sample(names: &[CaseName]) -> Vec<CaseName> {
    if names.len() <= CASES_MEASURED {
        return names.to_vec();
    }
    [0, names.len() / 2, names.len() - 1].into_iter().map(|at| names[at].clone()).collect()
}
