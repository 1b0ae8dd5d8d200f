//! What a daemon tells Prometheus. `docs/operations.md` lists every number.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use duban_core::AttentionKind;
use duban_engine::Stats;
use duban_store::{AttentionCount, Backlog, Store, StoreStats};

use crate::access::RouteStats;
use crate::exposition::{Exposition, Unit, seconds};
use crate::problem::Problem;
use crate::server::App;

/// What the process around the service counts, to be shown with the rest.
#[derive(Debug, Default)]
pub struct HostStats {
    /// When a scheduled backup was last written, in seconds UTC; 0: not since the start.
    pub backup_at_s: AtomicI64,
    /// Scheduled backups that failed.
    pub backup_failures: AtomicU64,
    /// Lines of log that no file took: the disk was full, or they came too fast.
    pub log_lines_lost: AtomicU64,
}

/// For a token with the scope `read`.
pub(crate) async fn serve<S: Store>(State(app): State<App<S>>) -> Result<Response, Problem> {
    scrape(&app).await
}

/// For whoever reaches the address that is set apart for it.
pub(crate) async fn serve_openly<S: Store>(State(app): State<App<S>>) -> Result<Response, Problem> {
    scrape(&app).await
}

async fn scrape<S: Store>(app: &App<S>) -> Result<Response, Problem> {
    let store = app.engine.store();
    let backlog = store.backlog().await.map_err(Problem::store)?;
    let mut page = Exposition::default();
    page.head("duban_build_info", "The program; always 1.", "gauge");
    page.sample("duban_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
    let stats = app.engine.stats();
    counters(&mut page, &stats);
    gauges(&mut page, &stats);
    distributions(&mut page, &stats);
    of_store(&mut page, &store.stats());
    let attention = store.attention().await.map_err(Problem::store)?;
    of_attention(&mut page, &attention);
    let age_ms = backlog.oldest_at.map_or(0, |at| app.engine.now().millis() - at);
    of_backlog(&mut page, &backlog, u64::try_from(age_ms).unwrap_or(0));
    of_routes(&mut page, &app.routes().read());
    page.gauge("duban_stream_listeners", "Open event streams.", app.streams().count());
    of_host(&mut page, app.host());
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4")], page.into_text()).into_response())
}

fn counters(page: &mut Exposition, stats: &Stats) {
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
        ("deliveries_held_total", "Attempts that ended in waiting.", stats.deliveries_held),
        ("dead_letters_total", "Deliveries given up.", stats.dead_letters),
        ("unreadable_total", "Rows, events and deliveries passed over.", stats.unreadable),
        ("indexed_total", "Entries written to the search index.", stats.indexed),
        ("index_queries_total", "Looks for what is due.", stats.index_queries),
    ];
    for (name, help, number) in counters {
        page.counter(&format!("duban_{name}"), help, number);
    }
}

fn gauges(page: &mut Exposition, stats: &Stats) {
    let gauges = [
        ("in_flight", "Work under way or queued.", stats.in_flight),
        ("commands_queued", "People's commands that wait.", stats.commands_queued),
        ("background_queued", "Wake-ups and messages that wait.", stats.background_queued),
        ("index_behind", "Events not yet in the search index.", stats.index_behind),
        ("wakeups_claimed", "Cases claimed as due and not handled.", stats.wakes_claimed),
        ("cases_cached", "Cases in memory.", stats.cases_cached),
        ("cases_cached_bytes", "Roughly what they take.", stats.bytes_cached),
    ];
    for (name, help, number) in gauges {
        page.gauge(&format!("duban_{name}"), help, number);
    }
    let latest = seconds(stats.lateness_ms_max.saturating_mul(1_000));
    page.gauge("duban_wakeup_lateness_seconds_max", "The latest wake-up since the start.", latest);
}

fn distributions(page: &mut Exposition, stats: &Stats) {
    let name = "duban_wakeup_lateness_seconds";
    page.head(name, "From the moment that was due to its handling.", "histogram");
    page.distribution(name, &[], Unit::Micros, &stats.lateness_us);
    let name = "duban_commit_events";
    page.head(name, "Events in a commit.", "histogram");
    page.distribution(name, &[], Unit::Pieces, &stats.commit_events);
    let name = "duban_delivery_attempt_seconds";
    page.head(name, "Attempts to hand a message to a channel.", "histogram");
    for one in &stats.attempts {
        let labels = [("channel", one.channel.as_str()), ("outcome", one.outcome)];
        page.distribution(name, &labels, Unit::Micros, &one.took_us);
    }
}

fn of_store(page: &mut Exposition, stats: &StoreStats) {
    let name = "duban_transaction_seconds";
    page.head(name, "Writing a transaction, its disk synchronisation included.", "histogram");
    page.distribution(name, &[], Unit::Micros, &stats.transaction_us);
    let name = "duban_transaction_commits";
    page.head(name, "Commits, or other writes, that shared a transaction.", "histogram");
    page.distribution(name, &[], Unit::Pieces, &stats.transaction_commits);
    let failures = stats.write_failures;
    page.counter("duban_write_failures_total", "Transactions that failed.", failures);
    if let Some(bytes) = stats.database_bytes {
        page.gauge("duban_database_bytes", "The database on the disk.", bytes);
    }
    if let Some(bytes) = stats.log_bytes {
        page.gauge("duban_database_log_bytes", "Its write-ahead log.", bytes);
    }
}

fn of_backlog(page: &mut Exposition, backlog: &Backlog, oldest_ms: u64) {
    page.gauge("duban_deliveries_pending", "Deliveries that have not arrived.", backlog.pending);
    page.gauge("duban_deliveries_dead", "Deliveries given up and not put back.", backlog.dead);
    let age = seconds(oldest_ms.saturating_mul(1_000));
    page.gauge("duban_deliveries_oldest_seconds", "The age of the oldest pending one.", age);
}

/// Kinds that nothing needs now are shown as 0, so that an alert has something to compare.
fn of_attention(page: &mut Exposition, counts: &[AttentionCount]) {
    let name = "duban_attention_items";
    page.head(name, "Tasks that nobody can move on.", "gauge");
    for kind in AttentionKind::ALL {
        let own = counts.iter().filter(|one| one.kind == kind.as_str());
        page.sample(name, &[("kind", kind.as_str())], own.map(|one| one.items).sum::<u64>());
    }
    let name = "duban_attention_cases";
    page.head(name, "Cases that need attention themselves, for their lists.", "gauge");
    for kind in AttentionKind::ALL.into_iter().filter(|kind| kind.is_of_case()) {
        let own = counts.iter().filter(|one| one.kind == kind.as_str());
        page.sample(name, &[("kind", kind.as_str())], own.map(|one| one.cases).sum::<u64>());
    }
}

fn of_routes(page: &mut Exposition, routes: &[RouteStats]) {
    let name = "duban_http_request_seconds";
    page.head(name, "From a request to the head of its answer.", "histogram");
    for one in routes {
        let labels = [("method", one.method), ("route", one.route.as_str()), ("status", one.class)];
        page.distribution(name, &labels, Unit::Micros, &one.took_us);
    }
}

fn of_host(page: &mut Exposition, host: &HostStats) {
    let lost = host.log_lines_lost.load(Ordering::Relaxed);
    page.counter("duban_log_lines_lost_total", "Lines that no log file took.", lost);
    let failures = host.backup_failures.load(Ordering::Relaxed);
    page.counter("duban_backup_failures_total", "Scheduled backups that failed.", failures);
    let at = host.backup_at_s.load(Ordering::Relaxed);
    page.gauge("duban_backup_timestamp_seconds", "When one was last written; 0: never.", at);
    if let Some(bytes) = resident_bytes() {
        page.gauge("process_resident_memory_bytes", "Memory that the process occupies.", bytes);
    }
}

/// Linux alone tells.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1_024)
}
