//! `duban config check`: what a configuration comes to, before a daemon runs on it.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::json;

use crate::Ended;
use crate::channels;
use crate::config::read;
use crate::evidence;
use crate::output::Output;
use crate::pull;
use crate::sign_in;

/// Work on the configuration file.
#[derive(Args)]
pub(crate) struct Config {
    #[command(subcommand)]
    what: ConfigWhat,
}

#[derive(Subcommand)]
enum ConfigWhat {
    /// Read the file, make every channel, to-do system and way to sign in, send nothing.
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
    config.log.check()?;
    config.server.limits.make()?;
    config.telemetry.check(&channels::client(&config)?)?;
    config.backup.check()?;
    evidence::check(&config)?;
    pull::make(&config)?;
    let names: Vec<&String> = config.channels.keys().collect();
    let todos: Vec<&String> = config.todos.keys().collect();
    let from = path.map_or("默认设置（没有 duban.toml）".to_owned(), |path| {
        path.display().to_string()
    });
    let digest = config.digest.as_ref().map(|digest| &digest.at);
    let told = json!({
        "file": from, "channels": names, "todos": todos, "digest": digest, "sign_in": ways,
    });
    output.print(&told, || {
        let list = |names: &[&String]| {
            names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join("、")
        };
        let mut text =
            format!("{from}：没有问题；渠道 {} 个 {}", made.channels.len(), list(&names));
        if !todos.is_empty() {
            text.push_str(&format!("；统一待办 {} 个 {}", todos.len(), list(&todos)));
        }
        if let Some(at) = digest {
            text.push_str(&format!("；每日 {at} 发送待办汇总"));
        }
        text.push_str(&format!("；登录方式 {}", ways.join("、")));
        text
    })?;
    Ok(Ended::Well)
}
