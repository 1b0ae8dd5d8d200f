//! The channels that a configuration asks for.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use duban::FileChannel;
use duban_engine::Channel;
use duban_notify::{
    App, AppOptions, ClientOptions, Contacts, Email, EmailOptions, HttpClient, Robot, RobotOptions,
    Security, TemplateOptions, Templates, Webhook, WebhookOptions,
};

use crate::config::{ChannelConfig, Config, MailSecurity};

/// Every channel, and where they look people up once the engine runs.
pub(crate) struct Channels {
    pub(crate) channels: Vec<Arc<dyn Channel>>,
    pub(crate) contacts: Contacts,
}

/// Makes the channels; nothing is sent.
///
/// # Errors
///
/// The first channel whose settings do not fit, by name, and what is wrong.
pub(crate) fn make(config: &Config) -> Result<Channels> {
    // A second call finds it installed.
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = HttpClient::new(ClientOptions {
        allowed_hosts: config.network.allowed_hosts.clone(),
        ..ClientOptions::default()
    })?;
    let contacts = Contacts::default();
    let templates = templates(config, &contacts)?;
    let mut channels = Vec::new();
    for (name, wanted) in &config.channels {
        let channel = one(name, wanted, &client, &contacts, &templates);
        channels.push(channel.with_context(|| format!("[channels.{name}]"))?);
    }
    Ok(Channels { channels, contacts })
}

fn templates(config: &Config, contacts: &Contacts) -> Result<Templates> {
    let case_url = config.messages.site.as_ref();
    let options = TemplateOptions {
        contacts: contacts.clone(),
        case_url: case_url.map(|site| format!("{}/cases/{{case}}", site.trim_end_matches('/'))),
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
    wanted: &ChannelConfig,
    client: &HttpClient,
    contacts: &Contacts,
    templates: &Templates,
) -> Result<Arc<dyn Channel>> {
    let named = |options: RobotOptions| RobotOptions {
        name: name.to_owned(),
        templates: templates.clone(),
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
    match wanted {
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
