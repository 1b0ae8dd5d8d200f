//! `duban serve` and `duban token`: the daemon, and what programs show to it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use duban::{Engine, SqliteStore};
use duban_web::{
    Accounts, App, HostStats, Messages, Scope, Settings, Tokens, restore_templates, serve,
    serve_metrics,
};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::Ended;
use crate::backups::Backups;
use crate::channels::{self, Channels};
use crate::config::{Config, read};
use crate::db::{DbArgs, block_on, engine_with, existing, is_simulated, present, tell_if_new};
use crate::evidence;
use crate::limits;
use crate::logs::Logs;
use crate::output::Output;
use crate::pull;
use crate::sign_in;
use crate::supervisor::{self, Signals};
use crate::telemetry::Telemetry;
use crate::todos;

/// Run the daemon: API and pages.
#[derive(Args)]
#[command(after_help = "Examples:
  duban serve --db office.db
  duban serve --db office.db --listen 127.0.0.1:9000

The first start prints a link with which the first account is made; it works once.
Ctrl-C or SIGTERM ends it after the requests under way, a second one at once.")]
pub(crate) struct Serve {
    /// The configuration file; left out: `duban.toml` where there is one.
    #[arg(long, env = "DUBAN_CONFIG")]
    config: Option<PathBuf>,
    /// The database file, `duban.db` where nothing names one.
    #[arg(long, env = "DUBAN_DB")]
    db: Option<PathBuf>,
    /// Where it listens, 127.0.0.1:8080 where nothing says otherwise. Anything beyond loopback
    /// needs --behind-proxy as well.
    #[arg(long, env = "DUBAN_LISTEN")]
    listen: Option<SocketAddr>,
    /// A proxy in front of it speaks TLS: cookies travel over TLS alone, and it may listen
    /// beyond loopback.
    #[arg(long, env = "DUBAN_BEHIND_PROXY")]
    behind_proxy: bool,
    /// Origins whose pages may show these in a frame, for example `https://oa.example.cn`.
    #[arg(long, env = "DUBAN_FRAME_ANCESTORS", value_delimiter = ',')]
    frame_ancestors: Vec<String>,
}

pub(crate) fn run(command: &Serve, output: &Output) -> Result<Ended> {
    let (config, _) = read(command.config.as_deref())?;
    let server = &config.server;
    let home = SocketAddr::from(([127, 0, 0, 1], 8080));
    let listen = command.listen.or(server.listen).unwrap_or(home);
    let behind_proxy = command.behind_proxy || server.behind_proxy;
    if !listen.ip().is_loopback() && !behind_proxy {
        bail!(
            "{listen} can be reached from other machines and would speak plain HTTP; put a proxy \
             with TLS in front and say --behind-proxy, or listen on 127.0.0.1"
        );
    }
    let db = command.db.clone().or_else(|| server.db.clone());
    let db = db.unwrap_or_else(|| PathBuf::from("duban.db"));
    let frames = [command.frame_ancestors.as_slice(), &server.frame_ancestors].concat();
    let host = Arc::new(HostStats::default());
    let settings = Settings {
        frame_ancestors: frames,
        is_behind_tls: behind_proxy,
        trusted_proxies: server.trusted_proxies.clone(),
        sign_in: Arc::new(sign_in::make(&config)?),
        library: Arc::new(duban::library()),
        limits: server.limits.make()?,
        token_requests_per_second_max: server.token_requests_per_second_max,
        host: Arc::clone(&host),
        drain: Duration::from_secs(server.drain_seconds),
        shutdown_max: Duration::from_secs(server.shutdown_seconds_max.unwrap_or(30)),
        pull: pull::make(&config)?,
        ..Settings::default()
    };
    let client = channels::client(&config)?;
    block_on(async {
        let (telemetry, spans) = Telemetry::start(&config.telemetry, &client)?.unzip();
        let logs = Logs::start(&config.log, &db, &host, spans.into_iter().collect())?;
        let served = daemon(&config, &db, listen, settings, output).await;
        if let Some(telemetry) = telemetry {
            telemetry.end().await;
        }
        drop(logs);
        served
    })
}

/// Everything between the start of the log and its end.
async fn daemon(
    config: &Config,
    db: &Path,
    listen: SocketAddr,
    mut settings: Settings,
    output: &Output,
) -> Result<Ended> {
    let mut made = channels::make(config)?;
    if settings.is_behind_tls && !listen.ip().is_loopback() && settings.trusted_proxies.is_none() {
        tracing::warn!(
            "X-Forwarded-For is believed from this machine alone: name the proxy in \
             server.trusted_proxies, or everybody behind it counts as one address"
        );
    }
    let bind = async |address: SocketAddr| {
        let listener = TcpListener::bind(address).await;
        listener.with_context(|| format!("listening on {address}"))
    };
    let mut listeners = Listeners { pages: bind(listen).await?, metrics: None };
    if let Some(address) = config.metrics.listen {
        listeners.metrics = Some(bind(address).await?);
    }
    let files = evidence::folder(config, db);
    settings.evidence = evidence::make(config, &files).await?;
    let files = (!config.evidence.is_remote()).then_some(files);
    let backups = Backups::new(&config.backup, db, files, &settings.host)?;
    tell_if_new(db);
    let kept = Some(settings.evidence.clone());
    let (engine, _) = engine_with(db, std::mem::take(&mut made.channels), kept).await?;
    made.follow(&engine);
    if !listen.ip().is_loopback() && is_simulated(engine.store()).await? {
        engine.shutdown().await?;
        bail!("`{}` is simulated: anybody could sign in; listen on 127.0.0.1", db.display());
    }
    let names = config.channels.keys().cloned().collect();
    let (messages, mut helpers) = start_helpers(&engine, made, names, db).await?;
    settings.messages = messages;
    if let Some(backups) = backups {
        helpers.spawn(backups.run());
    }
    until_told(engine, listeners, settings, helpers, output).await
}

/// Puts edited templates in force, and starts what works beside the engine: to-dos and digest.
async fn start_helpers(
    engine: &Engine<SqliteStore>,
    made: Channels,
    channels: Vec<String>,
    db: &Path,
) -> Result<(Messages, JoinSet<()>)> {
    let Channels { templates, digest, todos, .. } = made;
    restore_templates(engine.store(), &templates).await?;
    let todos = todos::open(todos, db)?;
    let mut helpers = JoinSet::new();
    for todos in &todos {
        let (todos, engine) = (Arc::clone(todos), engine.clone());
        helpers.spawn(async move { todos.keep(&engine).await });
    }
    if let Some(digest) = digest {
        let engine = engine.clone();
        helpers.spawn(async move { digest.keep(&engine).await });
    }
    Ok((Messages { templates, todos, channels }, helpers))
}

/// Where the daemon is reached.
pub(crate) struct Listeners {
    /// The API and the pages.
    pub(crate) pages: TcpListener,
    /// The monitoring's own address.
    pub(crate) metrics: Option<TcpListener>,
}

/// Serves until Ctrl-C or SIGTERM, then ends the helpers and shuts the engine down; a second
/// signal ends the process.
///
/// # Errors
///
/// Where the database cannot be used.
pub(crate) async fn until_told(
    engine: Engine<SqliteStore>,
    listeners: Listeners,
    mut settings: Settings,
    mut helpers: JoinSet<()>,
    output: &Output,
) -> Result<Ended> {
    settings.is_demonstration = is_simulated(engine.store()).await?;
    limits::fit(&mut settings.limits);
    let mut signals = Signals::listen()?;
    greet(&engine, &listeners, settings.is_demonstration, output).await?;
    let app = App::new(engine.clone(), settings);
    if let Some(listener) = listeners.metrics {
        let served = serve_metrics(app.clone(), listener);
        helpers.spawn(served);
    }
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = async {
        serve(app, listeners.pages, async { drop(stopped.await) }).await;
        // What they had under way is written down and goes on after the next start.
        helpers.shutdown().await;
        engine.shutdown().await
    };
    tokio::pin!(serving);
    supervisor::ready();
    tokio::select! {
        ended = &mut serving => ended?,
        () = signals.told() => {
            supervisor::stopping();
            tracing::info!("told to end");
            engine.give_up_long_decisions();
            drop(stop);
            serving.await?;
        }
    }
    Ok(Ended::Well)
}

/// Says where the daemon is, and how the first account is made.
async fn greet(
    engine: &Engine<SqliteStore>,
    listeners: &Listeners,
    is_demonstration: bool,
    output: &Output,
) -> Result<()> {
    let address = listeners.pages.local_addr()?;
    let metrics = listeners.metrics.as_ref().map(TcpListener::local_addr).transpose()?;
    let link = if is_demonstration {
        None
    } else {
        Accounts::first_link(engine.store(), engine.now().millis()).await?
    };
    let link = link.map(|path| format!("http://{address}{path}"));
    let told = json!({
        "listening": address.to_string(),
        "metrics": metrics.map(|metrics| metrics.to_string()),
        "first_link": link,
    });
    output.print(&told, || {
        let mut lines = vec![format!("督办服务 http://{address}  （Ctrl-C 结束）")];
        if let Some(metrics) = metrics {
            lines.push(format!("监控指标 http://{metrics}/metrics"));
        }
        if let Some(link) = &link {
            lines.push(format!("还没有账号。用这个一次性链接建立安全管理员：\n  {link}"));
        }
        if is_demonstration {
            lines.push("模拟库：时间停在年末，登录页可任选身份。".to_owned());
        }
        lines.join("\n")
    })
}

/// Tokens of programs that call the API.
#[derive(Args)]
#[command(after_help = "Examples:
  duban token add oa --scope act --db office.db
  duban token list --db office.db
  duban token revoke oa --db office.db

While the daemon runs, tokens are made on its page “账号”.")]
pub(crate) struct Token {
    #[command(subcommand)]
    what: TokenWhat,
}

#[derive(Subcommand)]
enum TokenWhat {
    /// Make a token and print it; it cannot be read again.
    Add {
        /// Whose it is.
        name: String,
        /// read, act, admin, security or audit; of the first three each includes those before it.
        #[arg(long, default_value = "read")]
        scope: Scope,
        #[command(flatten)]
        db: DbArgs,
    },
    /// List names and scopes.
    List {
        #[command(flatten)]
        db: DbArgs,
    },
    /// Take a token away.
    Revoke {
        /// Whose it is.
        name: String,
        #[command(flatten)]
        db: DbArgs,
    },
}

pub(crate) fn token(command: &Token, output: &Output) -> Result<Ended> {
    let (TokenWhat::Add { db, .. } | TokenWhat::List { db } | TokenWhat::Revoke { db, .. }) =
        &command.what;
    block_on(async {
        let store = existing(&db.db)?;
        let ended = match &command.what {
            TokenWhat::Add { name, scope, .. } => {
                let token = Tokens::create(&store, name, *scope, present().millis()).await?;
                output.print(&json!({ "name": name, "token": token }), || token.clone())?;
                Ended::Well
            }
            TokenWhat::List { .. } => {
                let tokens = Tokens::list(&store).await?;
                output.print(&serde_json::to_value(&tokens)?, || {
                    let line = |token: &duban_web::TokenInfo| {
                        format!("{}  {}", token.name, token.scope.as_str())
                    };
                    tokens.iter().map(line).collect::<Vec<_>>().join("\n")
                })?;
                Ended::Well
            }
            TokenWhat::Revoke { name, .. } => {
                let is_gone = Tokens::revoke(&store, name).await?;
                if !is_gone {
                    bail!("there is no token `{name}`; see `duban token list`");
                }
                output.print(&json!({ "revoked": name }), || format!("已撤销 {name}"))?;
                Ended::Well
            }
        };
        duban::Store::close(&store).await?;
        Ok(ended)
    })
}
