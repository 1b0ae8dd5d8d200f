//! The repository's own tasks: `cargo xtask test`, `cargo xtask tidy`, `cargo xtask bench`.
//!
//! Plain Rust instead of shell scripts, so that they run alike on every machine. A task prints
//! each command before it runs and stops at the first one that fails.

#![expect(clippy::print_stderr, reason = "a task speaks to its terminal")]

mod tools;

use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context, Result, bail};

const USAGE: &str = "\
cargo xtask test     formatting, lints, documentation, all tests, the workflows; installs a
                     browser where there is none (Debian)
cargo xtask tidy     formatting and lints alone
cargo xtask bench    every benchmark; one JSON object a line on standard output
cargo xtask bless    accept what snapshot tests now print";

fn main() -> ExitCode {
    let task = std::env::args().nth(1).unwrap_or_default();
    let done = match task.as_str() {
        "test" => test(),
        "tidy" => tidy(),
        "bench" => bench(),
        "bless" => bless(),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn tidy() -> Result<()> {
    cargo(&["fmt", "--all", "--check"])?;
    cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"])
}

fn test() -> Result<()> {
    tidy()?;
    run(Command::new("cargo")
        .args(["doc", "--workspace", "--no-deps", "--locked"])
        .env("RUSTDOCFLAGS", "-D warnings"))?;
    let tools = tools::prepare()?;
    run(Command::new("cargo").args(["test", "--workspace", "--locked"]).envs(tools))?;
    // The real suite goes through the real binary, as an author would run it.
    cargo(&["run", "--quiet", "--release", "--locked", "--bin", "duban", "--", "check", SUITE])?;
    cargo(&["run", "--quiet", "--release", "--locked", "--bin", "duban", "--", "test", SUITE])
}

const SUITE: &str = "workflows/jinan-2021";

fn bench() -> Result<()> {
    let metadata = output(Command::new("cargo").args([
        "metadata",
        "--format-version",
        "1",
        "--no-deps",
        "--locked",
    ]))?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata)?;
    let packages = metadata["packages"].as_array().context("cargo metadata lists packages")?;
    let benches = packages
        .iter()
        .find(|package| package["name"] == "duban-benches")
        .context("the benches package")?;
    let targets = benches["targets"].as_array().context("its targets")?;
    for target in targets.iter().filter(|target| target["kind"][0] == "bin") {
        let name = target["name"].as_str().context("a target has a name")?;
        cargo(&["run", "--quiet", "--release", "--locked", "-p", "duban-benches", "--bin", name])?;
    }
    Ok(())
}

fn bless() -> Result<()> {
    run(Command::new("cargo").args(["test", "--workspace"]).env("INSTA_UPDATE", "always"))
}

fn cargo(args: &[&str]) -> Result<()> {
    run(Command::new("cargo").args(args))
}

pub(crate) fn run(command: &mut Command) -> Result<()> {
    let shown = show(command);
    eprintln!("xtask: {shown}");
    let started = Instant::now();
    let status = command.status().with_context(|| format!("`{shown}` did not start"))?;
    eprintln!("xtask: {:.0} s", started.elapsed().as_secs_f64());
    if status.success() { Ok(()) } else { bail!("`{shown}` failed: {status}") }
}

fn output(command: &mut Command) -> Result<String> {
    let shown = show(command);
    let output = command.output().with_context(|| format!("`{shown}` did not start"))?;
    if !output.status.success() {
        bail!("`{shown}` failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn show(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
