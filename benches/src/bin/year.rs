//! The whole suite of 25 measures through the year 2022, with its cast, in virtual time.

use std::sync::Arc;
use std::time::Instant;

use duban::core::Decision;
use duban::model::Definition;
use duban::script::{Limits, Program};
use duban::sim::{Budget, Observer, Plan, simulate};
use duban::{Date, library, load_folder};
use duban_benches::{Failure, say};
use serde_json::json;

struct Nobody;

impl Observer for Nobody {
    fn decided(&mut self, _: &Decision, _: &Arc<Definition>) {}
}

fn main() -> Result<(), Failure> {
    let loaded = load_folder("workflows/jinan-2021", &library())?;
    let suite = loaded.suite.ok_or("the suite has errors")?;
    let programs: Vec<Arc<Program>> = suite
        .definitions
        .values()
        .map(|one| Program::compile(Arc::clone(one), Limits::default()).map(Arc::new))
        .collect::<Result<_, _>>()
        .map_err(|problems| format!("{} problems", problems.len()))?;
    let day = |month, day| Date::from_ymd_opt(2022, month, day).ok_or("a date");
    let (from, to) = (day(1, 1)?, day(12, 31)?);
    let plan = Plan { from, to, seed: 2022, budget: Budget::default() };
    let began = Instant::now();
    let report = simulate(&suite, &programs, &plan, &mut Nobody, |_| ())?;
    let seconds = began.elapsed().as_secs_f64();
    say(&json!({
        "bench": "year", "seconds": (seconds * 100.0).round() / 100.0, "target_seconds": 2,
        "met": seconds <= 2.0, "cases": report.cases, "items": report.items,
        "events": report.events,
    }));
    Ok(())
}
