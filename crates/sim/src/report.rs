//! What a simulated period came to.

use std::collections::BTreeMap;
use std::sync::Arc;

use duban_calendar::{Date, Instant, start_of};
use duban_core::{CaseId, Fact, ItemKind, Light, Refusal, Status, Teller, check_date, light};
use duban_model::Suite;
use duban_script::Program;
use serde::Serialize;

use crate::budget::{Budget, Stop};
use crate::cast::Cast;
use crate::world::{Observer, World};

/// Lights of one measure in one unit.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Cell {
    /// The worst light of any open item; `None`: no case.
    pub light: Option<Light>,
    /// Items that are done.
    pub done: usize,
    /// Items of which something is owed.
    pub open: usize,
    /// Items done late or judged missed.
    pub late: usize,
}

/// An interview and what came of it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Interview {
    /// The measure.
    pub measure: String,
    /// Who was interviewed.
    pub who: String,
    /// Who held it.
    pub by: String,
    /// Why.
    pub why: String,
    /// When it was opened.
    pub opened_on: Date,
    /// What came of it, in Chinese.
    pub outcome: String,
}

/// A script that failed, how and how often.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct ScriptFailure {
    /// The function, or the key whose expression it is.
    pub function: String,
    /// What went wrong, with its place.
    pub error: String,
    /// How often.
    pub count: usize,
    /// The first case in which it did.
    pub first: String,
}

impl std::fmt::Display for ScriptFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { function, error, count, first } = self;
        write!(f, "{function}：{error}（{count} 次，首次在“{first}”）")
    }
}

/// What a simulated period came to.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Report {
    /// Cases opened.
    pub cases: usize,
    /// Items made.
    pub items: usize,
    /// Events recorded.
    pub events: usize,
    /// Units in the order of the table's columns: code and name.
    pub units: Vec<(String, String)>,
    /// Measures in the order of the table's rows: id, row of the document, title.
    pub measures: Vec<(String, String, String)>,
    /// By measure, then unit.
    pub lights: BTreeMap<String, BTreeMap<String, Cell>>,
    /// What was sent, by kind.
    pub sent: BTreeMap<String, usize>,
    /// The unit of the cast that never studies.
    pub never_studies: Option<String>,
    /// Who was interviewed and why.
    pub interviews: Vec<Interview>,
    /// Cases handed to the body in charge.
    pub referrals: usize,
    /// Points by unit, in hundredths.
    pub scores: Vec<(String, i64)>,
    /// Items that nobody can move on at the end, by kind. One may need attention for several.
    pub attention: BTreeMap<String, usize>,
    /// Scripts that failed, each once; the most frequent first.
    pub script_failures: Vec<ScriptFailure>,
    /// Moves of the cast that were refused.
    pub refused: Vec<String>,
}

/// What is simulated.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The first day.
    pub from: Date,
    /// The last day.
    pub to: Date,
    /// What the cast's behaviour follows from.
    pub seed: u64,
    /// What it may use up.
    pub budget: Budget,
}

/// Why there is no report.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum NotSimulated {
    /// A workflow cannot be opened.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A bound of the budget was reached.
    #[error(transparent)]
    Stopped(#[from] Stop),
}

impl NotSimulated {
    /// The code of docs/errors.md.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::Stopped(stop) => stop.code(),
        }
    }

    /// What people read.
    pub fn zh(&self) -> String {
        match self {
            Self::Refused(refusal) => refusal.zh(),
            Self::Stopped(stop) => stop.zh(),
        }
    }
}

/// Simulates a period: opens every workflow, lets the cast live, and sums up.
///
/// # Errors
///
/// [`NotSimulated`] where a workflow cannot be opened, a day lies outside
/// [`CivilDate::RANGE`](duban_calendar::CivilDate::RANGE), or the budget is used up.
pub fn simulate(
    suite: &Suite,
    programs: &[Arc<Program>],
    plan: &Plan,
    observer: &mut (dyn Observer + Send),
    tick: impl FnMut(Instant),
) -> Result<Report, NotSimulated> {
    check_date("from", plan.from)?;
    check_date("to", plan.to)?;
    let tz = suite.head.time_zone;
    let mut world = World::new(suite, programs, start_of(plan.from, tz))
        .within(plan.budget.clone())
        .observed_by(observer);
    let mut cast = Cast::sample(plan.seed, world.directory());
    // At the last moment of the last day; what the next day begins with is left to it.
    let last = duban_calendar::end_of(plan.to, tz).plus_millis(-1);
    plan.budget.stop.during(|| {
        let opened = world.open_all(plan.from);
        // A definition that fails because it was cut off is not to blame.
        if let Some(stop) = world.stopped() {
            return Err(NotSimulated::Stopped(stop));
        }
        opened?;
        Ok(cast.play(&mut world, last, tick)?)
    })?;
    Ok(summarise(&world, &cast))
}

fn summarise(world: &World<'_>, cast: &Cast) -> Report {
    let mut report = Report {
        cases: 0,
        items: 0,
        events: 0,
        units: Vec::new(),
        measures: Vec::new(),
        lights: BTreeMap::new(),
        sent: BTreeMap::new(),
        never_studies: cast
            .never_studies()
            .map(|unit| world.directory().name_of(&duban_model::Assignee::Unit(unit.clone()))),
        interviews: Vec::new(),
        referrals: 0,
        scores: Vec::new(),
        attention: BTreeMap::new(),
        script_failures: Vec::new(),
        refused: Vec::new(),
    };
    let mut sums = Sums::default();
    for (id, case) in world.cases() {
        report.cases += 1;
        report.items += case.items().count();
        for one in case.items().flat_map(|item| &item.attention) {
            *report.attention.entry(one.kind.as_str().to_owned()).or_default() += 1;
        }
        add_lights(&mut report, world, id);
        add_events(&mut report, &mut sums, world, id);
    }
    name_columns(&mut report, world);
    report.interviews.sort_by(|one, two| {
        (&one.measure, one.opened_on, &one.who).cmp(&(&two.measure, two.opened_on, &two.who))
    });
    report.script_failures = sums.failures.into_values().collect();
    report.script_failures.sort_by_key(|failure| std::cmp::Reverse(failure.count));
    report.scores = sums.scores.into_iter().collect();
    report.scores.sort_by_key(|(unit, points)| (*points, unit.clone()));
    report.refused = cast
        .refusals()
        .iter()
        .map(|(_, _, item, refusal)| format!("{item}：{}", refusal.zh()))
        .collect();
    report
}

fn add_lights(report: &mut Report, world: &World<'_>, id: &CaseId) {
    let (Some(case), Some(definition)) = (world.case(id), world.definition(id)) else { return };
    let name = &case.head().name;
    let cell = report
        .lights
        .entry(name.workflow.to_string())
        .or_default()
        .entry(name.unit.to_string())
        .or_default();
    for item in case.items() {
        let shown = light(item, definition, world.now());
        cell.light = cell.light.max(Some(shown));
        cell.done += usize::from(item.status == Status::Done);
        cell.open += usize::from(item.status.is_open());
        cell.late += usize::from(item.on_time == Some(false) || item.is_breached());
    }
}

/// What is added up before it is put in order.
#[derive(Default)]
struct Sums {
    scores: BTreeMap<String, i64>,
    /// By function and error.
    failures: BTreeMap<(String, String), ScriptFailure>,
}

fn add_events(report: &mut Report, sums: &mut Sums, world: &World<'_>, id: &CaseId) {
    let (Some(case), Some(definition)) = (world.case(id), world.definition(id)) else { return };
    let teller = Teller::new(definition, world.directory());
    for event in world.log(id) {
        report.events += 1;
        match &event.fact {
            Fact::Sent(sent) if !sent.collapsed => {
                *report.sent.entry(sent.kind.as_str().to_owned()).or_default() += 1;
            }
            Fact::Referred { .. } => report.referrals += 1,
            Fact::Scored { unit, points, .. } => {
                let name = teller.name(&duban_model::Assignee::Unit(unit.clone()));
                *sums.scores.entry(name).or_default() += points;
            }
            Fact::ScriptFailed { function, error, .. } => {
                let key = (function.clone(), error.clone());
                let failure = sums.failures.entry(key).or_insert_with(|| ScriptFailure {
                    function: function.clone(),
                    error: error.clone(),
                    count: 0,
                    first: case.head().title.clone(),
                });
                failure.count += 1;
            }
            Fact::ItemOpened { key, kind: ItemKind::Interview { who, why, .. }, ready, .. } => {
                report.interviews.push(Interview {
                    measure: definition.workflow.basis.join(" "),
                    who: teller.name(who),
                    by: ready.owner.as_ref().map(|by| teller.name(by)).unwrap_or_default(),
                    why: why.clone(),
                    opened_on: duban_calendar::date_of(event.at, definition.suite.time_zone),
                    outcome: outcome(case, key).to_owned(),
                });
            }
            _ => {}
        }
    }
}

fn outcome(case: &duban_core::Case, interview: &duban_core::ItemKey) -> &'static str {
    let Some(item) = case.item(interview) else { return "" };
    let rectification = case.items_of("rectification").find(|other| {
        matches!(&other.kind, ItemKind::Rectification { interview: of, .. } if of == interview)
    });
    if item.struck_off_at.is_some() {
        "已整改，销号"
    } else if item.unrectified {
        "逾期未整改，移送"
    } else if rectification.is_some_and(|other| other.status == Status::Done) {
        "已整改，待销号"
    } else if rectification.is_some() {
        "整改中"
    } else {
        "待约谈"
    }
}

fn name_columns(report: &mut Report, world: &World<'_>) {
    let shown = |unit: &&duban_model::Unit| {
        report.lights.values().any(|units| units.contains_key(unit.id.as_str()))
    };
    report.units = world
        .directory()
        .units()
        .filter(shown)
        .map(|unit| (unit.id.to_string(), unit.name.clone()))
        .collect();
    report.measures = report
        .lights
        .keys()
        .filter_map(|id| world.program(id))
        .map(|program| {
            let workflow = &program.definition().workflow;
            (workflow.id.to_string(), workflow.basis.join(" "), workflow.title.clone())
        })
        .collect();
}
