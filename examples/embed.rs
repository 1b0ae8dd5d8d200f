//! An office-automation program that embeds duban: it opens a case, lets people act on it, and is
//! told what must reach them. Run it with `cargo run -p duban-examples --example embed`.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::sync::Arc;

use duban::{
    Act, Actor, BoxFuture, Channel, ChannelError, Delivery, Engine, OpenSpec, Options, Sources,
    SqliteStore, TestClock, library, load_suite,
};

/// The OA's own to-do list.
struct ToDoList;

impl Channel for ToDoList {
    fn name(&self) -> &'static str {
        "to-do"
    }

    fn deliver<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Result<(), ChannelError>> {
        let to: Vec<&str> = delivery.sent.people.iter().map(|person| person.as_str()).collect();
        println!("{} 待办 → {}：{}", delivery.at, to.join("、"), delivery.sent.text);
        Box::pin(std::future::ready(Ok(())))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut sources = Sources::new();
    for (name, text) in [
        ("suite.yaml", include_str!("oa/suite.yaml")),
        ("directory.yaml", include_str!("oa/directory.yaml")),
        ("summary.yaml", include_str!("oa/summary.yaml")),
    ] {
        sources.insert(name.to_owned(), text.to_owned());
    }
    let loaded = load_suite("oa", &sources, &library());
    for problem in &loaded.problems {
        println!("{problem}");
    }
    let suite = loaded.suite.ok_or("the suite has errors")?;

    // A clock that the program moves, so that the example need not wait until July.
    let clock = TestClock::new("2022-06-01T09:00:00+08:00".parse()?);
    let options = Options {
        clock: Arc::new(clock.clone()),
        channels: vec![Arc::new(ToDoList)],
        ..Options::default()
    };
    let engine = Engine::start(SqliteStore::open_in_memory()?, options).await?;
    engine.publish(&suite).await?;

    let spec = OpenSpec::new("oa", "summary", "D");
    // The key makes the request safe to repeat: the OA may have missed the answer.
    let key = Some("form-4711".to_owned());
    let case = engine.open(spec, Actor::operator("OA"), key).await?.case;
    println!("opened case {case}");

    // Nobody writes the summary; the ladder chases it.
    clock.advance(&engine, "2022-07-04T09:00:00+08:00".parse()?).await?;

    let item = || "write".into();
    let submit = Act::Submit { item: item(), form: Default::default(), evidence: Vec::new() };
    engine.act(&case, Actor::person("li"), submit, None).await?;
    let accept = Act::Accept { item: item(), text: Some("同意".to_owned()), seat: None };
    let outcome = engine.act(&case, Actor::person("zhang"), accept, None).await?;
    let status = engine.case(&case).await?.head().status.zh();
    println!("version {}: {status}", outcome.version);

    engine.shutdown().await?;
    Ok(())
}
