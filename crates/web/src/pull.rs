//! The directory fetched from another system, at intervals or when the administrator says so.
//!
//! What arrives takes the place of the directory at once, unless it would lose much of it: then it
//! waits for the administrator. What does not fit changes nothing. Absences are duban's own and
//! stay.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::http::header::{ACCEPT, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderName, HeaderValue, Request, StatusCode};
use duban_calendar::Instant;
use duban_engine::EngineError;
use duban_model::{Difference, Directory, DirectoryData, Mapping, Signed, directory_from_json};
use duban_notify::{FetchError, HttpClient, NotifyError};
use duban_store::{Store, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::auth::digest;
use crate::change::{self, How, PULLED, Staged};
use crate::server::App;

/// The largest answer of a source, in bytes. The client that is handed in should read as much.
pub const PULL_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Where the directory is fetched from.
#[derive(Clone)]
pub struct Pull {
    client: HttpClient,
    url: String,
    header: Option<(HeaderName, HeaderValue)>,
    /// How long after one pull the next one comes.
    pub every: Duration,
    /// How to read another system's JSON; `None`: it is duban's own form.
    pub mapping: Option<Mapping>,
    /// How many percent of units, held posts or people may be lost without a person's word.
    pub loss_percent_max: u32,
}

/// Settings of a source that cannot be used. Correct what is named.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PullError {
    /// The address cannot be fetched from.
    #[error(transparent)]
    Target(#[from] NotifyError),
    /// The header has a name, or the secret a letter, that no header can have.
    #[error("`{0}` and its secret cannot stand in a header")]
    Header(String),
}

impl Pull {
    /// A source that speaks duban's own JSON, asked every hour, which may lose a fifth of the
    /// directory. `header` carries a secret, where the source wants one; `client` guards the
    /// target and should read [`PULL_BYTES_MAX`].
    ///
    /// # Errors
    ///
    /// [`PullError`]. Nothing is fetched.
    pub fn new(
        client: HttpClient,
        url: &str,
        header: Option<(String, String)>,
    ) -> Result<Self, PullError> {
        client.check(url)?;
        let header = header.map(|(name, value)| {
            let pair = name.parse().ok().zip(HeaderValue::from_str(&value).ok());
            pair.ok_or(PullError::Header(name))
        });
        Ok(Self {
            client,
            url: url.to_owned(),
            header: header.transpose()?,
            every: Duration::from_secs(3_600),
            mapping: None,
            loss_percent_max: 20,
        })
    }
}

impl std::fmt::Debug for Pull {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pull")
            .field("url", &self.url)
            .field("every", &self.every)
            .finish_non_exhaustive()
    }
}

/// How the last pull ended.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// Nothing was new.
    Unchanged,
    /// The directory was replaced: kinds of changes and how many.
    Applied(Vec<(String, usize)>),
    /// It waits for the administrator, who reads why.
    Refused(String),
    /// Nothing was changed; why.
    Failed(String),
}

/// What is remembered of the last pull.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Pulled {
    pub(crate) at: Instant,
    pub(crate) outcome: Outcome,
    /// What the source calls what it sent, while the directory follows it.
    etag: Option<String>,
    /// A digest of where and how it was read: another source, another tag.
    source: String,
}

/// The document of the last pull.
const STATE: &str = "directory-pull";

/// How the last pull ended, if there was one.
pub(crate) async fn last<S: Store>(app: &App<S>) -> Result<Option<Pulled>, StoreError> {
    let json = app.engine.store().document(STATE).await?;
    json.map(|json| serde_json::from_str(&json)).transpose().map_err(StoreError::Unreadable)
}

/// Pulls at intervals until the service stops.
pub(crate) async fn run<S: Store>(app: App<S>, pull: Arc<Pull>) {
    let mut stopping = app.stopping();
    loop {
        let wait = match last(&app).await {
            Ok(Some(last)) => {
                let passed = app.engine.now().millis_since(last.at);
                pull.every.saturating_sub(Duration::from_millis(u64::try_from(passed).unwrap_or(0)))
            }
            Ok(None) => Duration::ZERO,
            Err(_) => pull.every,
        };
        tokio::select! {
            () = stopping.wait() => return,
            () = tokio::time::sleep(wait) => {}
        }
        if let Err(error) = now(&app, &pull, "定时", false).await {
            tracing::error!(error = &error as &dyn std::error::Error, "the pull was not recorded");
            tokio::select! {
                () = stopping.wait() => return,
                () = tokio::time::sleep(pull.every) => {}
            }
        }
    }
}

/// Pulls once. Two at a time wait for each other. `forced`: even if the source says that nothing
/// is new.
pub(crate) async fn now<S: Store>(
    app: &App<S>,
    pull: &Pull,
    by: &str,
    forced: bool,
) -> Result<Pulled, EngineError> {
    let _alone = app.pulling().lock().await;
    let before = last(app).await?;
    let source = digest(&format!("{} {:?}", pull.url, pull.mapping));
    let known = before.filter(|before| before.source == source).and_then(|before| before.etag);
    let (outcome, etag) = match fetch(pull, known.as_deref().filter(|_| !forced)).await {
        Ok(Answer::Same) => (Outcome::Unchanged, known),
        Ok(Answer::New { json, etag }) => match take(app, pull, json, by).await {
            Ok(outcome) => {
                let follows = matches!(outcome, Outcome::Unchanged | Outcome::Applied(_));
                (outcome, etag.filter(|_| follows))
            }
            Err(why) => (Outcome::Failed(why), None),
        },
        Err(why) => (Outcome::Failed(why), known),
    };
    if let Outcome::Failed(why) | Outcome::Refused(why) = &outcome {
        tracing::warn!(why, "the directory was not taken over");
    }
    let pulled = Pulled { at: app.engine.now(), outcome, etag, source };
    let json = serde_json::to_string(&pulled).map_err(StoreError::Unreadable)?;
    app.engine.store().put_document(STATE, &json, pulled.at.millis()).await?;
    Ok(pulled)
}

enum Answer {
    Same,
    New { json: Vec<u8>, etag: Option<String> },
}

/// Asks the source; what goes wrong is told in Chinese.
async fn fetch(pull: &Pull, known: Option<&str>) -> Result<Answer, String> {
    let mut request = Request::get(&pull.url).header(ACCEPT, "application/json");
    if let Some((name, value)) = &pull.header {
        request = request.header(name, value);
    }
    if let Some(known) = known {
        request = request.header(IF_NONE_MATCH, known);
    }
    let request = request.body(Vec::new()).map_err(|error| format!("地址无效：{error}"))?;
    let answer = pull.client.fetch(request).await.map_err(|error| match error {
        FetchError::Target(error) => format!("地址不能访问：{error}"),
        FetchError::TooLong(max) => format!("回答超过 {max} 字节（pull_bytes_max）"),
        // What a connection failed of stands in its cause.
        other => format!(
            "连接不上：{}",
            std::error::Error::source(&other)
                .map_or_else(|| other.to_string(), ToString::to_string)
        ),
    })?;
    match answer.status() {
        StatusCode::NOT_MODIFIED => Ok(Answer::Same),
        StatusCode::OK => {
            let etag = answer.headers().get(ETAG).and_then(|etag| etag.to_str().ok());
            Ok(Answer::New { etag: etag.map(str::to_owned), json: answer.into_body() })
        }
        other => Err(format!("对方回答 HTTP {}", other.as_u16())),
    }
}

/// Takes over what the source sent, or says why not.
async fn take<S: Store>(
    app: &App<S>,
    pull: &Pull,
    json: Vec<u8>,
    by: &str,
) -> Result<Outcome, String> {
    let (current, mapping) = (app.engine.directory(), pull.mapping.clone());
    let before = Arc::clone(&current);
    let work = move || {
        let after = Arc::new(read(&json, mapping.as_ref(), &before)?);
        let difference = Difference::between(&before, &after);
        Ok::<_, String>((after, difference))
    };
    let read = tokio::task::spawn_blocking(work).await;
    let (after, difference) = read.map_err(|_| "读取中断".to_owned())??;
    let expected = current.version();
    if expected == after.version() {
        forget(app).await?;
        return Ok(Outcome::Unchanged);
    }
    if let Some(why) = loss(&difference, &current, pull.loss_percent_max) {
        let staged = Staged {
            expected: expected.to_owned(),
            digest: after.version().to_owned(),
            signed: Signed { by: by.to_owned(), at: app.engine.now() },
            warnings: Vec::new(),
            data: after.data().clone(),
        };
        change::stage(&app.engine, PULLED, &staged).await.map_err(|error| error.to_string())?;
        return Ok(Outcome::Refused(why));
    }
    let sections = difference.sections(0);
    let counts = sections.iter().map(|one| (one.zh.to_owned(), one.total)).collect();
    let after = Directory::clone(&after);
    let replaced = change::replace(&app.engine, expected, after, &difference, How::Pull, by).await;
    replaced.map_err(|error| error.zh())?;
    forget(app).await?;
    Ok(Outcome::Applied(counts))
}

/// What waited is overtaken by what has arrived since.
async fn forget<S: Store>(app: &App<S>) -> Result<(), String> {
    let gone = app.engine.store().remove_document(PULLED).await;
    gone.map(drop).map_err(|error| error.to_string())
}

fn read(json: &[u8], mapping: Option<&Mapping>, before: &Directory) -> Result<Directory, String> {
    let unreadable = |error: serde_json::Error| format!("回答不是通讯录：{error}");
    let mut data: DirectoryData = match mapping {
        None => {
            let json: Json = serde_json::from_slice(json).map_err(unreadable)?;
            directory_from_json(json).map_err(|error| format!("回答不是通讯录：{}", error.zh()))?
        }
        Some(mapping) => {
            let json: Json = serde_json::from_slice(json).map_err(unreadable)?;
            mapping.read(&json).map_err(|problems| problems.join("；"))?
        }
    };
    let people: BTreeSet<_> = data.people.iter().map(|person| &person.id).collect();
    let mut kept = before.data().stand_ins.clone();
    kept.retain(|one| people.contains(&one.absent) && people.contains(&one.by));
    data.stand_ins = kept;
    Directory::new(data).map_err(|error| format!("数据对不上：{}", error.zh()))
}

/// Why a directory should not be taken over unseen.
fn loss(difference: &Difference, before: &Directory, percent_max: u32) -> Option<String> {
    let losses = difference.losses(before);
    let kinds = [("单位", losses.units), ("在任岗位", losses.posts), ("人员", losses.people)];
    let large = kinds.into_iter().filter(|(_, loss)| loss.exceeds(percent_max));
    let told: Vec<String> =
        large.map(|(what, loss)| format!("{what} {} 个中会少 {} 个", loss.of, loss.lost)).collect();
    let limit = format!("超过上限 loss_percent_max（{percent_max}%）");
    (!told.is_empty()).then(|| format!("{}，{limit}", told.join("，")))
}
