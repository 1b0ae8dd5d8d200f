//! Messages of an app to single people: WeCom, DingTalk, Feishu.

use std::fmt;
use std::time::{Duration, Instant};

use duban_engine::{BoxFuture, Channel, ChannelError, Delivery};
use reqwest::{Method, Url};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use crate::error::NotifyError;
use crate::http::{Answer, HttpClient, JSON_TYPE, excerpt};
use crate::recipients::{Contact, Contacts, Round, Taken, Unaddressed, is_for_people};
use crate::robot::cut;
use crate::template::Templates;
use crate::token::TokenCache;

/// Whose app it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AppKind {
    /// 企业微信. People's address is `wecom`: their account there.
    WeCom,
    /// 钉钉, as a work notification. People's address is `dingtalk`: their userid.
    DingTalk,
    /// 飞书. People's address is `feishu`: a user id, an open id or an email address.
    Feishu,
}

impl AppKind {
    /// The key of people's addresses in the directory.
    fn address(self) -> &'static str {
        match self {
            Self::WeCom => "wecom",
            Self::DingTalk => "dingtalk",
            Self::Feishu => "feishu",
        }
    }

    /// People that one request may name.
    fn people_max(self) -> usize {
        match self {
            Self::WeCom => 1_000,
            Self::DingTalk => 100,
            Self::Feishu => 1,
        }
    }

    fn text_bytes_max(self) -> usize {
        match self {
            Self::WeCom | Self::DingTalk => 2_048,
            Self::Feishu => 16 * 1_024,
        }
    }
}

/// An app on one of the platforms.
#[derive(Clone)]
pub struct AppOptions {
    /// Whose it is.
    pub kind: AppKind,
    /// The channel's name in logs and errors.
    pub name: String,
    /// WeCom's corpid, DingTalk's AppKey, Feishu's App ID.
    pub key: String,
    /// The app's secret.
    pub secret: String,
    /// The app's number (agentid); Feishu has none.
    pub agent: u64,
    /// Where tokens are had, without a query.
    pub token_url: String,
    /// Where messages go, without a query.
    pub message_url: String,
    /// What messages say.
    pub templates: Templates,
    /// What becomes of messages for people without an address.
    pub unaddressed: Unaddressed,
    /// How long one attempt may take in all. What is left then follows with the next.
    pub time_max: Duration,
}

impl fmt::Debug for AppOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The secret does not belong into a log.
        let mut shown = f.debug_struct("AppOptions");
        shown.field("kind", &self.kind).field("name", &self.name).field("key", &self.key);
        shown.finish_non_exhaustive()
    }
}

impl AppOptions {
    /// An app of WeCom.
    pub fn wecom(corp_id: &str, secret: &str, agent_id: u64) -> Self {
        let base = "https://qyapi.weixin.qq.com";
        Self::of(AppKind::WeCom, "wecom-app", corp_id, secret, agent_id).at(base, base)
    }

    /// An app of DingTalk.
    pub fn dingtalk(app_key: &str, app_secret: &str, agent_id: u64) -> Self {
        let app = Self::of(AppKind::DingTalk, "dingtalk-app", app_key, app_secret, agent_id);
        app.at("https://api.dingtalk.com", "https://oapi.dingtalk.com")
    }

    /// An app of Feishu with the ability of a bot.
    pub fn feishu(app_id: &str, app_secret: &str) -> Self {
        let base = "https://open.feishu.cn";
        Self::of(AppKind::Feishu, "feishu-app", app_id, app_secret, 0).at(base, base)
    }

    /// The same app on other servers: a platform of the office's own, or a gateway before it.
    #[must_use]
    pub fn at(self, token_base: &str, message_base: &str) -> Self {
        let (token, message) = match self.kind {
            AppKind::WeCom => ("/cgi-bin/gettoken", "/cgi-bin/message/send"),
            AppKind::DingTalk => {
                ("/v1.0/oauth2/accessToken", "/topapi/message/corpconversation/asyncsend_v2")
            }
            AppKind::Feishu => {
                ("/open-apis/auth/v3/tenant_access_token/internal", "/open-apis/im/v1/messages")
            }
        };
        let join = |base: &str, path: &str| format!("{}{path}", base.trim_end_matches('/'));
        Self {
            token_url: join(token_base, token),
            message_url: join(message_base, message),
            ..self
        }
    }

    fn of(kind: AppKind, name: &str, key: &str, secret: &str, agent: u64) -> Self {
        Self {
            kind,
            name: name.to_owned(),
            key: key.to_owned(),
            secret: secret.to_owned(),
            agent,
            token_url: String::new(),
            message_url: String::new(),
            templates: Templates::default(),
            unaddressed: Unaddressed::default(),
            time_max: Duration::from_secs(25),
        }
    }
}

/// Sends each message as plain text to the people whom it means, through an app of the office.
///
/// Whoever the platform does not know does not keep it from the others; a dead letter names them.
/// After a failure it is tried again for those who do not have it. A token that the platform
/// calls expired is fetched anew within the same attempt. Against doubles, WeCom is asked to drop
/// equal texts within half an hour and Feishu to drop the same id within an hour; DingTalk drops
/// equal texts to one person within a day by itself.
///
/// Custom events are for programs and pass by this channel.
///
/// Sources: the open platforms of WeCom ("send application messages"), DingTalk ("asynchronous
/// work notifications") and Feishu ("send messages").
#[derive(Debug)]
pub struct App {
    client: HttpClient,
    options: AppOptions,
    contacts: Contacts,
    token_target: Url,
    message_target: Url,
    taken: Taken,
    token: TokenCache,
}

/// What the platform said to one request.
enum Said {
    /// It has the message for all but these addresses.
    Taken { unknown: Vec<String> },
    /// It does not take it now, for all in the request.
    Later { error: String, after: Option<Duration> },
    /// It does not know anybody in the request.
    Never(String),
    /// The token does not hold any more.
    Expired,
}

impl App {
    /// Checks the settings; nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`NotifyError`] names what is wrong with them.
    ///
    /// ```
    /// use duban_notify::{App, AppOptions, ClientOptions, Contacts, HttpClient};
    ///
    /// let client = HttpClient::new(ClientOptions::default())?;
    /// let app = AppOptions::wecom("wwc0ffee", "SECRET", 1_000_002);
    /// let channel = App::new(client, Contacts::default(), app)?;
    /// # Ok::<(), duban_notify::NotifyError>(())
    /// ```
    pub fn new(
        client: HttpClient,
        contacts: Contacts,
        options: AppOptions,
    ) -> Result<Self, NotifyError> {
        let token_target = client.target(&options.token_url)?;
        let message_target = client.target(&options.message_url)?;
        if options.secret.trim().is_empty() || options.key.trim().is_empty() {
            let error = "it, or the key that goes with it, is empty".to_owned();
            return Err(NotifyError::BadSecret { channel: options.name, error });
        }
        let (taken, token) = (Taken::default(), TokenCache::default());
        Ok(Self { client, options, contacts, token_target, message_target, taken, token })
    }

    async fn send(&self, delivery: &Delivery) -> Result<(), ChannelError> {
        if !is_for_people(delivery) {
            return Ok(());
        }
        let reach = self.contacts.reach(delivery, self.options.kind.address())?;
        let mut round = Round::default();
        let open = self.taken.open(&delivery.id, &reach.contacts);
        let (open, wrong): (Vec<&Contact>, Vec<&Contact>) =
            open.into_iter().partition(|contact| is_account(&contact.address));
        self.send_to(&open, delivery, &mut round).await;
        let told = |contact: &Contact| {
            format!("`{}` of `{}` is no account", contact.address, contact.person)
        };
        round.refused.extend(wrong.into_iter().map(told));
        if self.options.unaddressed == Unaddressed::Park {
            round.refused.extend(reach.missing);
        }
        self.taken.close(&delivery.id, round)
    }

    async fn send_to(&self, open: &[&Contact], delivery: &Delivery, round: &mut Round) {
        let text = self.options.templates.text_aside(delivery).await;
        let begun = Instant::now();
        for part in open.chunks(self.options.kind.people_max()) {
            let left = self.options.time_max.saturating_sub(begun.elapsed());
            let said = tokio::time::timeout(left, self.ask(part, &text, &delivery.id)).await;
            let said = said.unwrap_or_else(|_| {
                let error = format!("no answer within {:?}", self.options.time_max);
                Err(ChannelError::Retry { error, after: None })
            });
            match said {
                Ok(said) => note(said, part, round),
                // The platform cannot be reached: the rest would only wait as long.
                Err(ChannelError::Retry { error, after }) => {
                    round.later.push(error);
                    round.after = after;
                    return;
                }
                Err(ChannelError::Dead { error }) => round.refused.push(error),
                Err(held @ ChannelError::Hold { .. }) => round.later.push(held.to_string()),
            }
        }
    }

    /// One request, with a fresh token where the one kept is refused.
    async fn ask(&self, to: &[&Contact], text: &str, id: &str) -> Result<Said, ChannelError> {
        for _ in 0..2 {
            let token = self.token.get(|| self.fetch_token()).await?;
            match self.post(to, text, id, &token).await? {
                Said::Expired => self.token.forget(&token).await,
                said => return Ok(said),
            }
        }
        let error = "the platform refuses a token that it has just given".to_owned();
        Err(ChannelError::Retry { error, after: None })
    }

    async fn post(
        &self,
        to: &[&Contact],
        text: &str,
        id: &str,
        token: &str,
    ) -> Result<Said, ChannelError> {
        let (target, body) = self.request(to, text, id, token);
        let mut headers = vec![("content-type", JSON_TYPE.to_owned())];
        if self.options.kind == AppKind::Feishu {
            headers.push(("authorization", format!("Bearer {token}")));
        }
        let body = body.to_string().into_bytes();
        let answer = self.client.exchange(Method::POST, target, headers, body).await?;
        self.read(answer)
    }

    fn request(&self, to: &[&Contact], text: &str, id: &str, token: &str) -> (Url, Json) {
        let mut target = self.message_target.clone();
        let text = cut(text, self.options.kind.text_bytes_max());
        let accounts = |separator: &str| -> String {
            let accounts: Vec<&str> = to.iter().map(|contact| contact.address.as_str()).collect();
            accounts.join(separator)
        };
        let agent = self.options.agent;
        let body = match self.options.kind {
            AppKind::WeCom => {
                target.query_pairs_mut().append_pair("access_token", token);
                json!({
                    "touser": accounts("|"), "msgtype": "text", "agentid": agent,
                    "text": { "content": text },
                    "enable_duplicate_check": 1, "duplicate_check_interval": 1_800,
                })
            }
            AppKind::DingTalk => {
                target.query_pairs_mut().append_pair("access_token", token);
                json!({
                    "agent_id": agent, "userid_list": accounts(","), "to_all_user": false,
                    "msg": { "msgtype": "text", "text": { "content": text } },
                })
            }
            AppKind::Feishu => {
                let account = accounts(",");
                target.query_pairs_mut().append_pair("receive_id_type", receive_id_type(&account));
                // Feishu reads mentions out of the text itself.
                let content = json!({ "text": text.replace("<at", "＜at") }).to_string();
                json!({
                    "receive_id": account, "msg_type": "text", "content": content,
                    "uuid": short_id(id, &account),
                })
            }
        };
        (target, body)
    }

    fn read(&self, answer: Answer) -> Result<Said, ChannelError> {
        let read: Json = serde_json::from_slice(&answer.body).unwrap_or_default();
        let (field, expired, too_fast): (_, &[i64], &[i64]) = match self.options.kind {
            AppKind::WeCom => ("errcode", &[40_014, 41_001, 42_001], &[45_009, 45_033]),
            AppKind::DingTalk => ("errcode", &[40_001, 40_014, 41_001, 42_001], &[88, 90_018]),
            AppKind::Feishu => {
                ("code", &[99_991_661, 99_991_663, 99_991_668, 99_991_671], &[99_991_400, 230_020])
            }
        };
        let unknown: Vec<String> = ["invaliduser", "unlicenseduser"]
            .iter()
            .filter_map(|field| read[*field].as_str())
            .flat_map(|list| list.split('|'))
            .filter(|account| !account.is_empty())
            .map(str::to_owned)
            .collect();
        match read[field].as_i64() {
            Some(0) => Ok(Said::Taken { unknown }),
            Some(code) if expired.contains(&code) => Ok(Said::Expired),
            // WeCom: all of them are unknown.
            Some(81_013) if self.options.kind == AppKind::WeCom => {
                Ok(Said::Never(excerpt(&answer.body)))
            }
            Some(code) => {
                let after = too_fast.contains(&code).then_some(TOO_FAST_WAIT);
                let after = answer.after.or(after);
                Ok(Said::Later { error: excerpt(&answer.body), after })
            }
            None => {
                let body = answer.judge()?;
                Ok(Said::Later { error: excerpt(&body), after: None })
            }
        }
    }

    async fn fetch_token(&self) -> Result<(String, Duration), ChannelError> {
        let AppOptions { kind, key, secret, .. } = &self.options;
        let mut target = self.token_target.clone();
        let (method, body) = match kind {
            AppKind::WeCom => {
                target
                    .query_pairs_mut()
                    .append_pair("corpid", key)
                    .append_pair("corpsecret", secret);
                (Method::GET, Json::Null)
            }
            AppKind::DingTalk => (Method::POST, json!({ "appKey": key, "appSecret": secret })),
            AppKind::Feishu => (Method::POST, json!({ "app_id": key, "app_secret": secret })),
        };
        let (token, lifetime) = match kind {
            AppKind::WeCom => ("access_token", "expires_in"),
            AppKind::DingTalk => ("accessToken", "expireIn"),
            AppKind::Feishu => ("tenant_access_token", "expire"),
        };
        fetch_token(&self.client, method, target, &body, (token, lifetime)).await
    }
}

impl Channel for App {
    fn name(&self) -> &str {
        &self.options.name
    }

    fn deliver<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Result<(), ChannelError>> {
        Box::pin(self.send(delivery))
    }
}

/// The window of the platforms' own limits.
const TOO_FAST_WAIT: Duration = Duration::from_secs(60);

/// Asks for a token, and reads it and its lifetime in seconds from the fields named.
pub(crate) async fn fetch_token(
    client: &HttpClient,
    method: Method,
    target: Url,
    body: &Json,
    (token, lifetime): (&str, &str),
) -> Result<(String, Duration), ChannelError> {
    let headers = vec![("content-type", JSON_TYPE.to_owned())];
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    let answer = client.exchange(method, target, headers, body).await?.judge()?;
    let read: Json = serde_json::from_slice(&answer).unwrap_or_default();
    match (read[token].as_str(), read[lifetime].as_u64()) {
        (Some(token), Some(seconds)) if !token.is_empty() => {
            Ok((token.to_owned(), Duration::from_secs(seconds)))
        }
        // Not the answer itself: it may hold half of what is needed to log in.
        _ => {
            let code = ["errcode", "code"].iter().find_map(|field| read[*field].as_i64());
            let error = format!("no token was given (code {})", code.unwrap_or(-1));
            Err(ChannelError::Retry { error, after: None })
        }
    }
}

fn note(said: Said, part: &[&Contact], round: &mut Round) {
    match said {
        Said::Taken { unknown } => {
            for contact in part {
                let is_unknown =
                    unknown.iter().any(|account| account.eq_ignore_ascii_case(&contact.address));
                match is_unknown {
                    true => round.refused.push(format!(
                        "`{}` of `{}` is not known there, or not to the app",
                        contact.address, contact.person
                    )),
                    false => round.taken.push(contact.person.clone()),
                }
            }
        }
        Said::Later { error, after } => {
            round.later.push(error);
            round.after = round.after.max(after);
        }
        Said::Never(error) => round.refused.push(error),
        Said::Expired => {}
    }
}

/// Whether a text can be one person's account: nothing that lists several, and not `@all`.
fn is_account(text: &str) -> bool {
    let is_part = |char: char| char.is_ascii_alphanumeric() || "_-.@+".contains(char);
    text.chars().all(is_part) && !text.starts_with('@')
}

fn receive_id_type(account: &str) -> &'static str {
    if account.starts_with("ou_") {
        "open_id"
    } else if account.contains('@') {
        "email"
    } else {
        "user_id"
    }
}

/// An id for one person's copy of a message; Feishu takes at most 50 characters.
fn short_id(id: &str, account: &str) -> String {
    let hash = Sha256::digest(format!("{id}\n{account}"));
    hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_one_person() {
        for text in ["LiSi", "li.si@example.org", "ou_7d8a6e", "0123-45_6"] {
            assert!(is_account(text), "{text}");
        }
        for text in ["@all", "a|b", "a,b", "李四", "a b", "a\n"] {
            assert!(!is_account(text), "{text}");
        }
    }

    #[test]
    fn ids_are_short_and_differ_between_people() {
        assert_eq!(short_id("c0ffee-7", "a").len(), 32);
        assert_ne!(short_id("c0ffee-7", "a"), short_id("c0ffee-7", "b"));
        assert_ne!(short_id("c0ffee-7", "a"), short_id("c0ffee-8", "a"));
    }
}
