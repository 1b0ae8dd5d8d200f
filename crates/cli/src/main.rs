//! The binary `duban`: what authors, offices and operators type.
//!
//! Exit codes: 0 done; 1 problems were found in a suite, a test failed, or an audit found a
//! break; 2 the command line is wrong; 3 a move, or a token of a name
//! that is taken, was refused; 4 the database cannot be used.

mod backups;
mod channels;
mod commands;
mod config;
mod db;
mod evidence;
mod limits;
mod log_files;
mod logs;
mod output;
mod private;
mod pull;
mod render;
mod sign_in;
mod suite_files;
mod supervisor;
mod telemetry;
mod todos;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use mimalloc::MiMalloc;

use crate::output::{Output, tell};

/// Workers hand what they allocated to the writer's thread, which frees it: this allocator is
/// made for that.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// duban（督办）: work that people owe by a date, chased by itself.
#[derive(Parser)]
#[command(
    name = "duban",
    version,
    after_help = "Examples:
  duban demo                                     a whole year of 25 measures, then its pages
  duban serve --db office.db                     the daemon
  duban check workflows/jinan-2021               every problem of every file
  duban test workflows/jinan-2021                the authors' workflow tests
  duban simulate workflows/jinan-2021 --from 2022-01-01 --to 2022-12-31
  duban workday add 2026-02-12 5                 five working days later

Exit codes: 0 done, 1 problems found, 2 wrong usage, 3 refused, 4 database."
)]
struct Cli {
    /// Print JSON in place of text, where a program may read it.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Demo(commands::demo::Demo),
    Check(commands::check::Check),
    Test(commands::test::Test),
    Simulate(commands::simulate::Simulate),
    Graph(commands::graph::Graph),
    Workday(commands::workday::Workday),
    Publish(commands::publish::Publish),
    Open(commands::publish::Open),
    Migrate(commands::migrate::Migrate),
    Cases(commands::listing::Cases),
    Tasks(commands::listing::Tasks),
    Show(commands::show::Show),
    Act(commands::act::Act),
    Directory(commands::directory::DirectoryCommand),
    Serve(commands::serve::Serve),
    Clock(commands::clock::Clock),
    Config(commands::config::Config),
    Token(commands::serve::Token),
    Backup(commands::backup::Backup),
    Restore(commands::backup::Restore),
    Rebuild(commands::upkeep::Rebuild),
    Repair(commands::repair::Repair),
    Audit(commands::upkeep::Audit),
}

/// How a command ended, when nothing went wrong on the way.
pub(crate) enum Ended {
    /// It did what it was asked.
    Well,
    /// It found problems, and has said so.
    WithProblems,
}

fn main() -> ExitCode {
    private::by_default();
    let cli = Cli::parse();
    let output = Output { json: cli.json };
    let ended = match &cli.command {
        Command::Demo(demo) => commands::demo::run(demo, &output),
        Command::Check(check) => commands::check::run(check, &output),
        Command::Test(test) => commands::test::run(test, &output),
        Command::Simulate(simulate) => commands::simulate::run(simulate, &output),
        Command::Graph(graph) => commands::graph::run(graph, &output),
        Command::Workday(workday) => commands::workday::run(workday, &output),
        Command::Publish(publish) => commands::publish::publish(publish, &output),
        Command::Open(open) => commands::publish::open(open, &output),
        Command::Migrate(migrate) => commands::migrate::run(migrate, &output),
        Command::Cases(cases) => commands::listing::cases(cases, &output),
        Command::Tasks(tasks) => commands::listing::tasks(tasks, &output),
        Command::Show(show) => commands::show::run(show, &output),
        Command::Act(act) => commands::act::run(act, &output),
        Command::Clock(clock) => commands::clock::run(clock, &output),
        Command::Config(config) => commands::config::run(config, &output),
        Command::Directory(directory) => commands::directory::run(directory, &output),
        Command::Serve(serve) => commands::serve::run(serve, &output),
        Command::Token(token) => commands::serve::token(token, &output),
        Command::Backup(backup) => commands::backup::backup(backup, &output),
        Command::Restore(restore) => commands::backup::restore(restore, &output),
        Command::Repair(repair) => commands::repair::run(repair, &output),
        Command::Rebuild(rebuild) => commands::upkeep::rebuild(rebuild, &output),
        Command::Audit(audit) => commands::upkeep::audit(audit, &output),
    };
    match ended {
        Ok(Ended::Well) => ExitCode::SUCCESS,
        Ok(Ended::WithProblems) => ExitCode::from(1),
        Err(error) => {
            tell(format_args!("duban: {}", commands::message(&error)));
            ExitCode::from(commands::exit_code(&error))
        }
    }
}
