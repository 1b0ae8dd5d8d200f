//! What operators look at: metrics, readiness, the names of requests.

use std::collections::{BTreeMap, BTreeSet};

use duban_web::Scope;
use reqwest::Method;
use serde_json::json;

use crate::support::Office;

/// One sample as it stands on its line: name, labels without `le`, `le`, value.
struct Sample {
    name: String,
    labels: String,
    le: Option<f64>,
    value: f64,
}

fn sample(line: &str) -> Sample {
    let (series, value) = line.rsplit_once(' ').unwrap();
    let (name, labels) = match series.split_once('{') {
        Some((name, rest)) => (name, rest.strip_suffix('}').unwrap()),
        None => (series, ""),
    };
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    assert!(name.bytes().all(legal), "{line}");
    let (labels, le) = match labels.rsplit_once("le=\"") {
        Some((labels, le)) => {
            let le = le.strip_suffix('"').unwrap();
            (labels, Some(if le == "+Inf" { f64::INFINITY } else { le.parse().unwrap() }))
        }
        None => (labels, None),
    };
    let labels = labels.trim_end_matches(',').to_owned();
    Sample { name: name.to_owned(), labels, le, value: value.parse().unwrap() }
}

/// Holds a page to the format: each family is described once, stands together, and is of its
/// type; buckets rise to `+Inf`, which is the count.
fn check(page: &str) -> BTreeSet<String> {
    let (mut families, mut series) = (BTreeMap::new(), BTreeSet::new());
    let mut current = String::new();
    let mut buckets: Vec<Sample> = Vec::new();
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            current = rest.split_once(' ').unwrap().0.to_owned();
            assert!(!families.contains_key(&current), "{current} comes twice");
            families.insert(current.clone(), String::new());
            continue;
        }
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert_eq!(name, current);
            families.insert(current.clone(), kind.to_owned());
            continue;
        }
        let sample = sample(line);
        let kind = families[&current].as_str();
        assert!(series.insert(line.rsplit_once(' ').unwrap().0.to_owned()), "{line} twice");
        if kind != "histogram" {
            assert_eq!(sample.name, current, "{line}");
            assert!(kind == "gauge" || (kind == "counter" && current.ends_with("_total")));
            continue;
        }
        match sample.name.strip_prefix(&current).unwrap() {
            "_bucket" => {
                if let Some(last) = buckets.last() {
                    assert!(last.le < sample.le && last.value <= sample.value, "{line}");
                    assert_eq!(last.labels, sample.labels, "{line}");
                }
                buckets.push(sample);
            }
            "_sum" => assert!(sample.value >= 0.0, "{line}"),
            "_count" => {
                let last = buckets.last().unwrap();
                assert_eq!((last.le, last.value), (Some(f64::INFINITY), sample.value), "{line}");
                assert_eq!(last.labels, sample.labels, "{line}");
                buckets.clear();
            }
            other => panic!("{other}: {line}"),
        }
    }
    families.into_keys().collect()
}

#[tokio::test]
async fn metrics_keep_to_their_format_and_count() {
    let office = Office::new().await;
    let case = office.open().await;
    assert_eq!(
        office.act(&case, "li", json!({ "kind": "sign", "item": "write" })).await.status(),
        200
    );
    office.bare(Method::GET, "/no/such/page").send().await.unwrap();
    let stream = office.call(Scope::Read, Method::GET, "/api/v1/stream").send().await.unwrap();
    let response = office.call(Scope::Read, Method::GET, "/metrics").send().await.unwrap();
    let page = response.text().await.unwrap();
    let families = check(&page);
    let documented = include_str!("../../../../docs/operations.md");
    for family in &families {
        assert!(documented.contains(&format!("`{family}`")), "docs/operations.md: {family}");
    }
    for line in [
        "duban_commits_total 2\n",
        "duban_commit_events_count 2\n",
        "duban_stream_listeners 1\n",
        "duban_cases_cached 1\n",
        "duban_http_request_seconds_count{method=\"POST\",\
         route=\"/api/v1/cases/{case}/moves\",status=\"2xx\"} 1\n",
        "duban_http_request_seconds_count{method=\"GET\",route=\"-\",status=\"4xx\"} 1\n",
    ] {
        assert!(page.contains(line), "{line}{page}");
    }
    drop(stream);
}

#[tokio::test]
async fn a_request_has_a_name_and_the_service_is_ready() {
    let office = Office::new().await;
    let ready = office.bare(Method::GET, "/readyz").header("x-request-id", "a-1").send().await;
    let ready = ready.unwrap();
    assert_eq!(
        (ready.status().as_u16(), &ready.headers()["x-request-id"]),
        (200, &"a-1".parse().unwrap())
    );
    let made = office.bare(Method::GET, "/healthz").header("x-request-id", "a b").send().await;
    assert_eq!(made.unwrap().headers()["x-request-id"].len(), 16);
    office.engine.shutdown().await.unwrap();
    // The answer of a moment ago holds; a fresh one is asked of the store.
    let fresh = Office::new().await;
    fresh.engine.shutdown().await.unwrap();
    let ready = fresh.bare(Method::GET, "/readyz").send().await.unwrap();
    assert_eq!(ready.status(), 503);
}
