//! `duban config check`: what a configuration comes to, before a daemon runs on it.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::json;

use crate::Ended;
use crate::channels;
use crate::config::read;
use crate::output::Output;
use crate::sign_in;

/// Work on the configuration file.
#[derive(Args)]
pub(crate) struct Config {
    #[command(subcommand)]
    what: ConfigWhat,
}

#[derive(Subcommand)]
enum ConfigWhat {
    /// Read the file, make every channel and way to sign in, send nothing.
    #[command(after_help = "Examples:
  duban config check
  duban config check --config /etc/duban/duban.toml

Exit code 1 where something does not fit.")]
    Check {
        /// The file; left out: `duban.toml` where there is one.
        #[arg(long, env = "DUBAN_CONFIG")]
        config: Option<PathBuf>,
    },
}

pub(crate) fn run(command: &Config, output: &Output) -> Result<Ended> {
    let ConfigWhat::Check { config } = &command.what;
    let (config, path) = read(config.as_deref())?;
    let made = channels::make(&config)?;
    let ways = sign_in::make(&config)?.ways();
    let names: Vec<&String> = config.channels.keys().collect();
    let from = path.map_or("默认设置（没有 duban.toml）".to_owned(), |path| {
        path.display().to_string()
    });
    output.print(&json!({ "file": from, "channels": names, "sign_in": ways }), || {
        let listed = names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join("、");
        let (count, ways) = (made.channels.len(), ways.join("、"));
        format!("{from}：没有问题；渠道 {count} 个 {listed}；登录方式 {ways}")
    })?;
    Ok(Ended::Well)
}
