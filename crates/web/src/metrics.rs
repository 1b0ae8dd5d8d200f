//! Counters for Prometheus, in its text format (version 0.0.4).

use std::fmt::Write;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use duban_engine::Stats;
use duban_store::Store;

use crate::auth::{Caller, Scope};
use crate::problem::Problem;
use crate::server::App;

/// What has been counted since the start, and what waits now.
pub(crate) async fn serve<S: Store>(
    State(app): State<App<S>>,
    caller: Caller,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Scope::Read)?;
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4")], text(&app.engine.stats())))
}

fn text(stats: &Stats) -> String {
    let counters = [
        ("commits_total", "Commits written.", stats.commits),
        ("events_total", "Events in them.", stats.events),
        ("commands_refused_total", "Commands refused by their cases.", stats.refused),
        ("commands_busy_total", "Commands turned away by a full queue.", stats.busy),
        ("commands_repeated_total", "Commands answered from a key.", stats.repeated),
        ("conflicts_total", "Commands overtaken by another writer.", stats.conflicts),
        ("cases_faulted_total", "Cases that failed inside the engine.", stats.faulted),
        ("hook_failures_total", "Scripts that failed.", stats.script_failures),
        ("case_loads_total", "Cases loaded from the store.", stats.loads),
        ("wakeups_total", "Wake-ups handled.", stats.wakes),
        ("wakeups_repaired_total", "Wake-ups whose index was put right.", stats.repaired),
        ("deliveries_total", "Deliveries that arrived.", stats.delivered),
        ("delivery_failures_total", "Attempts that failed.", stats.delivery_failures),
        ("dead_letters_total", "Deliveries given up.", stats.dead_letters),
        ("indexed_total", "Entries written to the search index.", stats.indexed),
        ("index_queries_total", "Looks for what is due.", stats.index_queries),
    ];
    let gauges = [
        ("in_flight", "Work under way or queued.", stats.in_flight),
        ("commands_queued", "People's commands that wait.", stats.commands_queued),
        ("background_queued", "Wake-ups and messages that wait.", stats.background_queued),
        ("index_behind", "Events not yet in the search index.", stats.index_behind),
        ("wakeups_claimed", "Cases claimed as due and not handled.", stats.wakes_claimed),
    ];
    let mut text = String::new();
    for (kind, numbers) in [("counter", &counters[..]), ("gauge", &gauges[..])] {
        for (name, help, number) in numbers {
            line(&mut text, name, help, kind, &number.to_string());
        }
    }
    let sum = seconds(stats.lateness_ms_sum);
    line(&mut text, "wakeup_lateness_seconds_total", "Lateness in sum.", "counter", &sum);
    let max = seconds(stats.lateness_ms_max);
    line(&mut text, "wakeup_lateness_seconds_max", "The latest wake-up.", "gauge", &max);
    text
}

fn seconds(millis: u64) -> String {
    format!("{}.{:03}", millis / 1_000, millis % 1_000)
}

fn line(text: &mut String, name: &str, help: &str, kind: &str, number: &str) {
    writeln!(text, "# HELP duban_{name} {help}\n# TYPE duban_{name} {kind}\nduban_{name} {number}")
        .expect("invariant: writing to a String succeeds");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_has_help_and_type() {
        let stats = Stats { commits: 3, lateness_ms_max: 1_005, ..Stats::default() };
        let text = text(&stats);
        assert!(text.contains("# TYPE duban_commits_total counter\nduban_commits_total 3\n"));
        assert!(text.contains("duban_wakeup_lateness_seconds_max 1.005\n"));
        assert_eq!(text.lines().count() % 3, 0);
    }
}
