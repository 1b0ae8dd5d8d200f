//! `duban serve` and `duban token`: the daemon, and what programs show to it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use duban::{Engine, SqliteStore};
use duban_web::{
    Accounts, App, Evidence, Messages, Scope, Settings, Tokens, restore_templates, serve,
};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::Ended;
use crate::channels::{self, Channels};
use crate::config::read;
use crate::db::{DbArgs, beside, block_on, engine_with, is_simulated, present};
use crate::output::Output;
use crate::sign_in;
use crate::todos;

/// Run the daemon: API and pages.
#[derive(Args)]
#[command(after_help = "Examples:
  duban serve --db office.db
  duban serve --db office.db --listen 127.0.0.1:9000

The first start prints a link with which the first account is made; it works once.
Ctrl-C or SIGTERM ends it after the requests under way.")]
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
    let mut settings = Settings {
        frame_ancestors: frames,
        is_behind_tls: behind_proxy,
        trusted_proxies: server.trusted_proxies.clone(),
        sign_in: Arc::new(sign_in::make(&config)?),
        library: Arc::new(duban::library()),
        token_requests_per_second_max: server.token_requests_per_second_max,
        ..Settings::default()
    };
    let files = server.evidence.clone().unwrap_or_else(|| beside(&db, ".evidence"));
    let mut made = channels::make(&config)?;
    block_on(async {
        let listener = TcpListener::bind(listen).await;
        let listener = listener.with_context(|| format!("listening on {listen}"))?;
        let engine = engine_with(&db, std::mem::take(&mut made.channels)).await?;
        made.follow(&engine);
        if !listen.ip().is_loopback() && is_simulated(engine.store()).await? {
            engine.shutdown().await?;
            bail!("`{}` is simulated: anybody could sign in; listen on 127.0.0.1", db.display());
        }
        settings.evidence = Evidence::folder(&files)
            .with_context(|| format!("the folder of evidence `{}`", files.display()))?;
        let names = config.channels.keys().cloned().collect();
        let (messages, helpers) = start_helpers(&engine, made, names, &db).await?;
        settings.messages = messages;
        until_told(engine, listener, settings, helpers, output).await
    })
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

/// Serves until Ctrl-C or SIGTERM, then ends the helpers and shuts the engine down.
///
/// # Errors
///
/// Where the database cannot be used or the listener fails.
pub(crate) async fn until_told(
    engine: Engine<SqliteStore>,
    listener: TcpListener,
    mut settings: Settings,
    mut helpers: JoinSet<()>,
    output: &Output,
) -> Result<Ended> {
    let address = listener.local_addr()?;
    settings.is_demonstration = is_simulated(engine.store()).await?;
    let link = if settings.is_demonstration {
        None
    } else {
        Accounts::first_link(engine.store(), engine.now().millis()).await?
    };
    let link = link.map(|path| format!("http://{address}{path}"));
    output.print(&json!({ "listening": address.to_string(), "first_link": link }), || {
        let mut lines = vec![format!("督办服务 http://{address}  （Ctrl-C 结束）")];
        if let Some(link) = &link {
            lines.push(format!("还没有账号。用这个一次性链接建立安全管理员：\n  {link}"));
        }
        if settings.is_demonstration {
            lines.push("模拟库：时间停在年末，登录页可任选身份。".to_owned());
        }
        lines.join("\n")
    })?;
    let stopped = stop_signal()?;
    let served = serve(App::new(engine.clone(), settings), listener, stopped).await;
    // What they had under way is written down and goes on after the next start.
    helpers.shutdown().await;
    engine.shutdown().await?;
    served.context("serving")?;
    Ok(Ended::Well)
}

/// Resolves with the first Ctrl-C or SIGTERM.
fn stop_signal() -> Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("listening for Ctrl-C")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
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
        let store = SqliteStore::open(&db.db)?;
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
