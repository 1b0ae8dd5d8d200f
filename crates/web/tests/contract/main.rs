//! The API keeps to its own document: schemathesis sends it what the document allows and what it
//! does not, and finds no server error and no answer outside the contract.

#![expect(clippy::unwrap_used, reason = "a test ends where something is missing")]

#[path = "../it/support.rs"]
#[expect(dead_code, reason = "shared with the tests of the API, which use the rest")]
mod support;

use duban_web::Scope;
use tokio::process::Command;

use crate::support::Office;

/// Cases that schemathesis makes up for each operation.
const EXAMPLES: &str = "25";

#[tokio::test(flavor = "multi_thread")]
async fn schemathesis_finds_no_answer_outside_the_contract() {
    let office = Office::new().await;
    office.open().await;
    office.open_of("plan").await;
    check(&office, Scope::Admin, &["--exclude-tag", "security", "--exclude-tag", "audit"]).await;
    check(&office, Scope::Audit, &["--include-tag", "audit"]).await;
    check(&office, Scope::Security, &["--include-tag", "security"]).await;
}

/// Checks the operations that one scope may ask for.
async fn check(office: &Office, scope: Scope, operations: &[&str]) {
    let program = std::env::var("DUBAN_SCHEMATHESIS")
        .expect("DUBAN_SCHEMATHESIS names schemathesis; `cargo xtask test` installs it");
    let output = Command::new(program)
        .args(["run", "--no-color", "--phases", "examples,coverage,fuzzing", "--max-examples"])
        .args([EXAMPLES, "--seed", "1", "--exclude-path", "/api/v1/stream"])
        .args(["--exclude-checks", "positive_data_acceptance,unsupported_method"])
        .args(operations)
        .arg("--header")
        .arg(format!("Authorization: Bearer {}", office.token(scope)))
        .arg(office.url("/api/openapi.json"))
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
}
