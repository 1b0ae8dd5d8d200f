//! The examples of docs/api.md run as they stand there.

use std::path::Path;
use std::process::{Output, Stdio};

use duban_web::Scope;
use tokio::process::Command;

use crate::support::Office;

/// The code blocks of a language, one after the other.
fn examples(language: &str) -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/api.md");
    let page = std::fs::read_to_string(page).unwrap();
    let blocks = page.split("```").skip(1).step_by(2);
    let own = blocks.filter_map(|block| block.strip_prefix(&format!("{language}\n")));
    own.collect::<Vec<_>>().join("\n")
}

async fn run(program: &str, script: &str, office: &Office) -> Output {
    let mut command = Command::new(program);
    let address = office.url("");
    command.env("DUBAN", &address).env("TOKEN", office.token(Scope::Admin));
    command.arg("-c").arg(script).stdin(Stdio::null()).output().await.unwrap()
}

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}\n{}", text(&output.stdout), text(&output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_of_the_page_does_what_it_says() {
    let office = Office::new().await;
    let commands = examples("sh");
    assert!(commands.matches("call ").count() > 10, "{commands}");
    // What follows the stream goes on until the stream ends: it must not keep the pipe open.
    let errors = tempfile::NamedTempFile::new().unwrap();
    let script = format!("exec 2>{}\nset -xeuo pipefail\n{commands}", errors.path().display());
    let output = run("bash", &script, &office).await;
    let told = std::fs::read_to_string(errors.path()).unwrap();
    assert!(output.status.success(), "{}\n{told}", said(&output));
}

#[tokio::test]
async fn the_check_of_a_webhook_takes_what_is_genuine_and_nothing_else() {
    let office = Office::new().await;
    // The example of the Standard Webhooks specification.
    let checks = r#"
secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
headers = {"webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": "1614265330",
           "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}
body = b'{"test": 2432232314}'
assert is_genuine(secret, headers, body, 1614265331)
assert not is_genuine(secret, headers, body + b" ", 1614265331)
assert not is_genuine(secret, headers, body, 1614266331)
assert not is_genuine(secret, {**headers, "webhook-id": "other"}, body, 1614265331)
"#;
    let output = run("python3", &format!("{}{checks}", examples("python")), &office).await;
    assert!(output.status.success(), "{}", said(&output));
}
