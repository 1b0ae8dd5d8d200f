//! The channels that a configuration asks for, their rules, and the digest.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use duban::{Engine, FileChannel, SqliteStore};
use duban_calendar::{Calendar, Tz};
use duban_engine::Channel;
use duban_notify::todo::TodoSink;
use duban_notify::{
    App, AppOptions, ClientOptions, Contacts, DayPart, Digest, DigestOptions, Email, EmailOptions,
    Hours, HttpClient, KindPattern, Robot, RobotOptions, Ruled, Rules, Security, TemplateOptions,
    Templates, Webhook, WebhookOptions, WorkingDays,
};

use crate::config::{ChannelConfig, ChannelTable, Config, DigestConfig, MailSecurity, RulesConfig};
use crate::todos;

/// What a configuration comes to.
pub(crate) struct Channels {
    pub(crate) channels: Vec<Arc<dyn Channel>>,
    pub(crate) templates: Templates,
    pub(crate) digest: Option<Digest>,
    pub(crate) todos: Vec<(String, Arc<dyn TodoSink>)>,
    contacts: Contacts,
    days: WorkingDays,
    calendar: String,
}

impl Channels {
    /// Has channels look people and working days up where the engine keeps them.
    pub(crate) fn follow(&self, engine: &Engine<SqliteStore>) {
        let people = engine.clone();
        self.contacts.follow(move || people.directory());
        let (engine, id) = (engine.clone(), self.calendar.clone());
        self.days.follow(move || {
            let (engine, id) = (engine.clone(), id.clone());
            Box::pin(async move { engine.calendar(&id).await.ok() })
        });
    }
}

/// Makes channels, digest and to-dos; nothing is sent and no ledger is opened.
///
/// # Errors
///
/// The first one whose settings do not fit, by name, and what is wrong.
pub(crate) fn make(config: &Config) -> Result<Channels> {
    let client = client(config)?;
    for name in config.channels.keys().chain(config.todos.keys()) {
        check_name(name)?;
    }
    let contacts = Contacts::default();
    let templates = templates(config, &contacts)?;
    let days = WorkingDays::of(calendar(&config.messages.calendar)?);
    let mut channels: Vec<Arc<dyn Channel>> = Vec::new();
    for (name, table) in &config.channels {
        let make = || -> Result<Ruled> {
            let channel = one(name, table, &client, &contacts, &templates)?;
            Ok(Ruled::new(name, channel, rules(name, table, config, &days)?))
        };
        channels.push(Arc::new(make().with_context(|| format!("[channels.{name}]"))?));
    }
    let digest = config.digest.as_ref().map(|digest| daily(digest, config, &days)).transpose();
    let mut todos = Vec::new();
    for (name, wanted) in &config.todos {
        let sink = todos::one(name, wanted, config.messages.site.as_deref(), &client);
        todos.push((name.clone(), sink.with_context(|| format!("[todos.{name}]"))?));
    }
    Ok(Channels {
        channels,
        templates,
        digest: digest.context("[digest]")?,
        todos,
        contacts,
        days,
        calendar: config.messages.calendar.clone(),
    })
}

/// Names stand in the database, in addresses of pages and in names of files.
fn check_name(name: &str) -> Result<()> {
    let is_plain = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_');
    if name.is_empty() || !name.chars().all(is_plain) {
        bail!("`{name}` is no name of a channel; use letters, digits, `-` and `_`");
    }
    Ok(())
}

/// A calendar that comes with the program; the one that the office loads under this id comes
/// before it once the engine runs.
fn calendar(id: &str) -> Result<Calendar> {
    let found = duban::library().calendars.remove(id);
    found.with_context(|| format!("[messages]: there is no calendar `{id}`"))
}

fn daily(digest: &DigestConfig, config: &Config, days: &WorkingDays) -> Result<Digest> {
    for name in &digest.channels {
        if !config.channels.contains_key(name) {
            bail!("there is no channel `{name}`");
        }
    }
    Ok(Digest::new(DigestOptions {
        at: digest.at.clone(),
        working_days: digest.working_days,
        days: days.clone(),
        zone: Tz::Asia__Shanghai,
        lines_max: digest.lines,
    })?)
}

/// What a channel may send when. The digest goes through the channels that it names, and no other.
fn rules(name: &str, table: &ChannelTable, config: &Config, days: &WorkingDays) -> Result<Rules> {
    let RulesConfig { kinds, not, quiet, working_hours, except, per_minute } = &table.rules;
    let patterns = |texts: &[String]| -> Result<Vec<KindPattern>> {
        Ok(texts.iter().map(|text| text.parse()).collect::<Result<_, _>>()?)
    };
    let quiet: Option<DayPart> = quiet.as_deref().map(str::parse).transpose()?;
    let parts = &config.messages.working_hours;
    let working: Option<Vec<DayPart>> = match working_hours {
        true => Some(parts.iter().map(|part| part.parse()).collect::<Result<_, _>>()?),
        false => None,
    };
    let hours = match quiet.is_some() || working.is_some() {
        true => Some((Hours::new(quiet, working, Tz::Asia__Shanghai)?, days.clone())),
        false => None,
    };
    let (mut only, mut not) = (patterns(kinds)?, patterns(not)?);
    // What nobody can move on goes where alarms go.
    if kinds.iter().any(|kind| kind == "alarm") {
        only.push("attention".parse()?);
    }
    let has_digest =
        config.digest.as_ref().is_some_and(|it| it.channels.iter().any(|it| it == name));
    match has_digest {
        true if only.is_empty() => {}
        true => only.push("digest".parse()?),
        false => not.push("digest".parse()?),
    }
    // A robot counts by itself, since its service drops what goes beyond.
    let is_robot = table.channel.is_robot();
    let per_minute = per_minute.filter(|_| !is_robot);
    Ok(Rules { only, not, hours, except: patterns(except)?, per_minute })
}

/// The client that reaches other machines, as far as the configuration lets it.
///
/// # Errors
///
/// Where it cannot be set up.
pub(crate) fn client(config: &Config) -> Result<HttpClient> {
    // A second call finds it installed.
    drop(rustls::crypto::ring::default_provider().install_default());
    Ok(HttpClient::new(ClientOptions {
        allowed_hosts: config.network.allowed_hosts.clone(),
        ..ClientOptions::default()
    })?)
}

fn templates(config: &Config, contacts: &Contacts) -> Result<Templates> {
    let site = config.messages.site.as_deref().map(|site| site.trim_end_matches('/'));
    let options = TemplateOptions {
        contacts: contacts.clone(),
        case_url: site.map(|site| format!("{site}/cases/{{case}}")),
        todo_url: site.map(|site| format!("{site}/todo")),
        attention_url: site.map(|site| format!("{site}/attention")),
        ..TemplateOptions::default()
    };
    let sources = match &config.messages.templates {
        Some(folder) => sources(folder)
            .with_context(|| format!("reading the templates in `{}`", folder.display()))?,
        None => BTreeMap::new(),
    };
    Ok(Templates::load(options, &sources)?)
}

/// `KIND.txt` for each kind of message.
fn sources(folder: &Path) -> Result<BTreeMap<String, String>> {
    let mut sources = BTreeMap::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let kind = path.file_stem().and_then(|kind| kind.to_str());
        if let (Some(kind), Some("txt")) = (kind, path.extension().and_then(|end| end.to_str())) {
            sources.insert(kind.to_owned(), std::fs::read_to_string(&path)?);
        }
    }
    Ok(sources)
}

fn one(
    name: &str,
    table: &ChannelTable,
    client: &HttpClient,
    contacts: &Contacts,
    templates: &Templates,
) -> Result<Arc<dyn Channel>> {
    let named = |options: RobotOptions| RobotOptions {
        name: name.to_owned(),
        templates: templates.clone(),
        per_minute: table.rules.per_minute.unwrap_or(options.per_minute),
        ..options
    };
    let robot = |options| -> Result<Arc<dyn Channel>> {
        Ok(Arc::new(Robot::new(client.clone(), named(options))?))
    };
    let app = |options: AppOptions| -> Result<Arc<dyn Channel>> {
        let options = AppOptions { name: name.to_owned(), templates: templates.clone(), ..options };
        Ok(Arc::new(App::new(client.clone(), contacts.clone(), options)?))
    };
    let at = |options: AppOptions, server: &Option<String>| match server {
        Some(server) => options.at(server, server),
        None => options,
    };
    match &table.channel {
        ChannelConfig::File { path } => Ok(Arc::new(FileChannel::open(path)?)),
        ChannelConfig::Webhook { url, secret } => {
            let (name, url) = (name.to_owned(), url.clone());
            let options = WebhookOptions { name, url, secret: secret.reveal()? };
            Ok(Arc::new(Webhook::new(client.clone(), options)?))
        }
        ChannelConfig::DingtalkRobot { url, secret } => {
            robot(RobotOptions::dingtalk(url, &secret.reveal()?))
        }
        ChannelConfig::FeishuRobot { url, secret } => {
            robot(RobotOptions::feishu(url, &secret.reveal()?))
        }
        ChannelConfig::WecomRobot { url } => robot(RobotOptions::wecom(&url.reveal()?)),
        ChannelConfig::WecomApp { corp_id, secret, agent_id, server } => {
            app(at(AppOptions::wecom(corp_id, &secret.reveal()?, *agent_id), server))
        }
        ChannelConfig::DingtalkApp { app_key, secret, agent_id } => {
            app(AppOptions::dingtalk(app_key, &secret.reveal()?, *agent_id))
        }
        ChannelConfig::FeishuApp { app_id, secret, server } => {
            app(at(AppOptions::feishu(app_id, &secret.reveal()?), server))
        }
        ChannelConfig::Email { host, port, security, from, user, password, subject_prefix } => {
            let security = match security {
                MailSecurity::None => Security::None,
                MailSecurity::Starttls => Security::StartTls,
                MailSecurity::Tls => Security::Tls,
            };
            let mut options = EmailOptions::new(host, security, from);
            name.clone_into(&mut options.name);
            options.templates = templates.clone();
            options.subject_prefix.clone_from(subject_prefix);
            options.port = port.unwrap_or(options.port);
            if let Some(user) = user {
                let password = password.as_ref().context("`user` needs `password`")?;
                options.login = Some((user.clone(), password.reveal()?));
            }
            Ok(Arc::new(Email::new(contacts.clone(), options)?))
        }
    }
}
