//! Simulates a small suite for a year.
//!
//! Goal: the same seed gives the same year, nobody's move is refused, no script fails, and the
//! unit that never studies ends at the body in charge.

mod support;

use duban_calendar::Date;
use duban_sim::{Report, simulate};

fn year(seed: u64) -> Report {
    let loaded = support::small("");
    let (from, to) = ("2022-01-01".parse::<Date>().unwrap(), "2022-12-31".parse().unwrap());
    simulate(&loaded.suite, &loaded.programs, from, to, seed, &mut (), |_| ()).unwrap()
}

#[test]
fn the_same_seed_gives_the_same_year() {
    let text = |seed| serde_json::to_string(&year(seed)).unwrap();
    let first = text(1);
    assert_eq!(first, text(1));
    assert_ne!(first, text(2));
}

#[test]
fn the_year_comes_to_what_a_year_comes_to() {
    let report = year(1);
    assert_eq!(report.script_failures, Vec::<String>::new());
    assert_eq!(report.refused, Vec::<String>::new());
    assert!(report.referrals > 0, "{:#?}", report.interviews);
    assert!(report.interviews.iter().any(|interview| interview.outcome.contains("销号")));
}
