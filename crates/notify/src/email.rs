//! Email over SMTP: each message as plain text to the people whom it means.

use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use duban_engine::{BoxFuture, Channel, ChannelError, Delivery};
use lettre::Address;
use lettre::message::header::{ContentTransferEncoding, Header, HeaderName, HeaderValue};
use lettre::message::{Body, Mailbox, Message};
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::ClientId;
use tokio::sync::Semaphore;

use crate::error::NotifyError;
use crate::http::dead;
use crate::recipients::{Contact, Contacts, Round, Taken, Unaddressed, is_for_people};
use crate::template::Templates;

/// How the connection to the mail server is kept from being read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Security {
    /// Not at all. A password is refused then, unless the server is this machine.
    None,
    /// STARTTLS, and nothing without it: a server that does not offer it gets no message.
    StartTls,
    /// TLS from the first byte.
    Tls,
}

/// A mail server and how to use it.
#[derive(Clone)]
pub struct EmailOptions {
    /// The channel's name in logs and errors.
    pub name: String,
    /// The server's name or address. It is the operator's choice, so it may lie inside.
    pub host: String,
    /// Its port: 25, 587 with STARTTLS and 465 with TLS are usual.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// User and password, where the server asks for them.
    pub login: Option<(String, String)>,
    /// The sender's address.
    pub from: String,
    /// The sender's name, as people see it.
    pub from_name: Option<String>,
    /// What messages say; the first line is also the subject.
    pub templates: Templates,
    /// What every subject begins with.
    pub subject_prefix: String,
    /// How this machine names itself to the server; otherwise by the domain of `from`.
    pub hello: Option<String>,
    /// Certificates in PEM to trust besides the public ones: an office's own authority.
    pub root_certificates: Option<Vec<u8>>,
    /// Connections at a time; further messages wait for one.
    pub connections_max: NonZeroUsize,
    /// How long one attempt may take in all.
    pub time_max: Duration,
    /// What becomes of messages for people without an address `email`.
    pub unaddressed: Unaddressed,
}

const CONNECTIONS: NonZeroUsize = NonZeroUsize::new(4).expect("invariant: 4 is not 0");

impl EmailOptions {
    /// A server at its usual port, without a login.
    pub fn new(host: &str, security: Security, from: &str) -> Self {
        let port = match security {
            Security::None => 25,
            Security::StartTls => 587,
            Security::Tls => 465,
        };
        Self {
            name: "email".to_owned(),
            host: host.to_owned(),
            port,
            security,
            login: None,
            from: from.to_owned(),
            from_name: None,
            templates: Templates::default(),
            subject_prefix: String::new(),
            hello: None,
            root_certificates: None,
            connections_max: CONNECTIONS,
            time_max: Duration::from_secs(25),
            unaddressed: Unaddressed::default(),
        }
    }
}

impl fmt::Debug for EmailOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The password does not belong into a log.
        f.debug_struct("EmailOptions")
            .field("name", &self.name)
            .field("host", &self.host)
            .field("port", &self.port)
            .field("security", &self.security)
            .field("from", &self.from)
            .finish_non_exhaustive()
    }
}

/// Sends each message as an email to the people whom it means and whose `addresses` in the
/// directory hold `email`.
///
/// It goes out once for all of them. Whoever the server refuses (5xx) does not keep it from the
/// others; a dead letter names them. What the server puts off (4xx), and what ends in a broken
/// connection, is tried again for those who do not have it yet. The `Message-ID` follows from the
/// delivery's stable id and the `Date` is when the message came about, so that a repeat is the
/// same email byte for byte and mail servers and programs may drop it. A refusal of the login or
/// of the connection is tried again: the settings may be corrected meanwhile.
///
/// Custom events are for programs and pass by this channel.
///
/// Sources: RFC 5321 (SMTP), RFC 5322 (messages), RFC 3207 (STARTTLS), RFC 4954 (AUTH), RFC 3834
/// (automatic messages).
pub struct Email {
    options: EmailOptions,
    from: Mailbox,
    hello: ClientId,
    tls: Option<TlsParameters>,
    contacts: Contacts,
    taken: Taken,
    room: Semaphore,
    idle: Mutex<Vec<(AsyncSmtpConnection, Instant)>>,
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Email").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Email {
    /// Checks the settings; nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`NotifyError::BadSender`], [`NotifyError::BadHost`], [`NotifyError::OpenPassword`] or
    /// [`NotifyError::Tls`].
    ///
    /// ```
    /// use duban_notify::{Contacts, Email, EmailOptions, Security};
    ///
    /// let options = EmailOptions {
    ///     login: Some(("duban".to_owned(), "secret".to_owned())),
    ///     ..EmailOptions::new("mail.example.org", Security::StartTls, "duban@example.org")
    /// };
    /// let channel = Email::new(Contacts::default(), options.clone())?;
    ///
    /// let open = EmailOptions { security: Security::None, ..options };
    /// assert_eq!(Email::new(Contacts::default(), open).unwrap_err().code(), "DB5007");
    /// # Ok::<(), duban_notify::NotifyError>(())
    /// ```
    pub fn new(contacts: Contacts, options: EmailOptions) -> Result<Self, NotifyError> {
        let from = address(&options.from)
            .map_err(|error| NotifyError::BadSender { from: options.from.clone(), error })?;
        let hello = options.hello.clone().unwrap_or_else(|| from.domain().to_owned());
        for host in [&options.host, &hello] {
            if host.is_empty() || !host.chars().all(is_host_char) {
                return Err(NotifyError::BadHost(host.clone()));
            }
        }
        if options.security == Security::None
            && options.login.is_some()
            && !is_this_machine(&options.host)
        {
            return Err(NotifyError::OpenPassword(options.host));
        }
        let tls = match options.security {
            Security::None => None,
            Security::StartTls | Security::Tls => Some(tls(&options)?),
        };
        let name = options.from_name.as_deref().map(|name| one_line(name, NAME_CHARS_MAX));
        Ok(Self {
            from: Mailbox::new(name, from),
            hello: ClientId::Domain(hello),
            tls,
            contacts,
            taken: Taken::default(),
            room: Semaphore::new(options.connections_max.get()),
            idle: Mutex::default(),
            options,
        })
    }

    async fn send(&self, delivery: &Delivery) -> Result<(), ChannelError> {
        if !is_for_people(delivery) {
            return Ok(());
        }
        let reach = self.contacts.reach(delivery, "email")?;
        let (mailboxes, wrong) = mailboxes(&reach.contacts);
        let open = self.taken.open(&delivery.id, &reach.contacts);
        let open: Vec<(&Contact, &Mailbox)> = open
            .into_iter()
            .filter_map(|contact| Some((contact, mailboxes.get(&contact.person)?)))
            .collect();
        let mut round = Round::default();
        if !open.is_empty() {
            let text = self.options.templates.text_aside(delivery).await;
            let message = self.message(delivery, text, mailboxes.values())?;
            let sending = self.transmit(&message, &open);
            round = tokio::time::timeout(self.options.time_max, sending)
                .await
                .unwrap_or_else(|_| later(format!("no answer within {:?}", self.options.time_max)));
        }
        round.refused.extend(wrong);
        if self.options.unaddressed == Unaddressed::Park {
            round.refused.extend(reach.missing);
        }
        self.taken.close(&delivery.id, round)
    }

    /// The email in bytes: the same at every attempt.
    fn message<'a>(
        &self,
        delivery: &Delivery,
        text: String,
        to: impl Iterator<Item = &'a Mailbox>,
    ) -> Result<Vec<u8>, ChannelError> {
        let subject = format!("{}{}", self.options.subject_prefix, first_line(&text));
        let millis = u64::try_from(delivery.at.millis()).unwrap_or(0).min(DATE_MS_MAX);
        let builder = Message::builder()
            .from(self.from.clone())
            .subject(one_line(&subject, SUBJECT_CHARS_MAX))
            .date(SystemTime::UNIX_EPOCH + Duration::from_millis(millis))
            .message_id(Some(self.message_id(&delivery.id)))
            .header(AutoSubmitted);
        let builder = to.fold(builder, |builder, mailbox| builder.to(mailbox.clone()));
        // Base64 has neither long lines nor lines of one dot, whatever people write.
        let body = Body::new_with_encoding(text, ContentTransferEncoding::Base64)
            .map_err(|_| dead("the text cannot be encoded".to_owned()))?;
        let builder = builder.header(lettre::message::header::ContentType::TEXT_PLAIN);
        let message = builder.body(body).map_err(|error| dead(error.to_string()))?;
        Ok(message.formatted())
    }

    fn message_id(&self, id: &str) -> String {
        format!("<{}@{}>", escaped(id), self.from.email.domain())
    }

    /// Sends the bytes to those who do not have them.
    async fn transmit(&self, message: &[u8], open: &[(&Contact, &Mailbox)]) -> Round {
        let Ok(_permit) = self.room.acquire().await else {
            return later("the channel is closed".to_owned());
        };
        let mut connection = match self.connection().await {
            Ok(connection) => connection,
            Err(error) => return later(error.to_string()),
        };
        let mut round = Round::default();
        match self.converse(&mut connection, message, open, &mut round).await {
            Ok(()) => self.keep(connection),
            Err(error) => {
                round.taken.clear();
                if error.status().is_some() && !is_farewell(&error) {
                    drop(tokio::time::timeout(FAREWELL_MAX, connection.abort()).await);
                }
                put(&mut round, error.to_string(), is_final(&error));
            }
        }
        round
    }

    /// One mail transaction. An error concerns everybody who was not refused before it.
    async fn converse(
        &self,
        connection: &mut AsyncSmtpConnection,
        message: &[u8],
        open: &[(&Contact, &Mailbox)],
        round: &mut Round,
    ) -> Result<(), SmtpError> {
        connection.command(Mail::new(Some(self.from.email.clone()), Vec::new())).await?;
        for (contact, mailbox) in open {
            match connection.command(Rcpt::new(mailbox.email.clone(), Vec::new())).await {
                Ok(_) => round.taken.push(contact.person.clone()),
                Err(error) if error.status().is_some() && !is_farewell(&error) => {
                    put(round, format!("`{}`: {error}", contact.person), is_final(&error));
                }
                Err(error) => return Err(error),
            }
        }
        if round.taken.is_empty() {
            return connection.command(Rset).await.map(drop);
        }
        connection.command(Data).await?;
        connection.message(message).await.map(drop)
    }

    /// A connection that is ready for a message: one that was kept, or a new one.
    async fn connection(&self) -> Result<AsyncSmtpConnection, SmtpError> {
        while let Some(mut connection) = self.kept() {
            if connection.test_connected().await {
                return Ok(connection);
            }
        }
        let wrapped = self.tls.clone().filter(|_| self.options.security == Security::Tls);
        let server = (self.options.host.as_str(), self.options.port);
        let (patience, hello) = (Some(self.options.time_max), &self.hello);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(server, patience, hello, wrapped, None).await?;
        if self.options.security == Security::StartTls
            && let Some(tls) = self.tls.clone()
        {
            connection.starttls(tls, hello).await?;
        }
        if let Some((user, password)) = self.options.login.clone() {
            let login = Credentials::new(user, password);
            connection.auth(DEFAULT_MECHANISMS, &login).await?;
        }
        Ok(connection)
    }

    fn kept(&self) -> Option<AsyncSmtpConnection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(_, since)| since.elapsed() < IDLE_MAX);
        idle.pop().map(|(connection, _)| connection)
    }

    fn keep(&self, connection: AsyncSmtpConnection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push((connection, Instant::now()));
    }
}

impl Channel for Email {
    fn name(&self) -> &str {
        &self.options.name
    }

    fn deliver<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Result<(), ChannelError>> {
        Box::pin(self.send(delivery))
    }
}

/// How long a connection is kept for the next message. Servers close idle ones after five minutes
/// at the earliest (RFC 5321, 4.5.3.2.7).
const IDLE_MAX: Duration = Duration::from_secs(30);

/// How long a server may take to say goodbye after a refusal.
const FAREWELL_MAX: Duration = Duration::from_secs(1);

/// Characters of a subject and of a name.
const SUBJECT_CHARS_MAX: usize = 100;
const NAME_CHARS_MAX: usize = 64;

/// The last millisecond of the year 9999, the last that a `Date` can show.
const DATE_MS_MAX: u64 = 253_402_300_799_999;

/// `Auto-Submitted: auto-generated`, so that absence notes are not sent in answer.
#[derive(Clone, Copy)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

fn later(error: String) -> Round {
    Round { later: vec![error], ..Round::default() }
}

fn put(round: &mut Round, error: String, is_final: bool) {
    let list = if is_final { &mut round.refused } else { &mut round.later };
    list.push(error);
}

/// Whether the server will never take this message. Refusals for want of a login are no such
/// thing: they concern the settings (RFC 4954, section 6).
fn is_final(error: &SmtpError) -> bool {
    let code = error.status().map(u16::from);
    error.is_permanent() && !code.is_some_and(|code| matches!(code, 530 | 534 | 535 | 538))
}

/// 421: the server closes the connection.
fn is_farewell(error: &SmtpError) -> bool {
    error.status().map(u16::from) == Some(421)
}

fn tls(options: &EmailOptions) -> Result<TlsParameters, NotifyError> {
    let bad = |source| NotifyError::Tls { host: options.host.clone(), source };
    let mut builder = TlsParameters::builder(options.host.clone());
    if let Some(pem) = &options.root_certificates {
        builder = builder.add_root_certificate(Certificate::from_pem(pem).map_err(bad)?);
    }
    builder.build_rustls().map_err(bad)
}

/// An address that every mail server takes: ASCII alone.
fn address(text: &str) -> Result<Address, String> {
    if !text.is_ascii() || text.chars().any(|char| char.is_ascii_control()) {
        return Err("it has characters that mail servers may not take".to_owned());
    }
    text.parse::<Address>().map_err(|error| error.to_string())
}

type Mailboxes = std::collections::BTreeMap<duban_model::PersonId, Mailbox>;

/// The addresses that are such, and what is wrong with the others.
fn mailboxes(contacts: &[Contact]) -> (Mailboxes, Vec<String>) {
    let (mut good, mut wrong) = (Mailboxes::new(), Vec::new());
    for Contact { person, name, address: text } in contacts {
        match address(text) {
            Ok(email) => {
                let name = one_line(name, NAME_CHARS_MAX);
                let name = Some(name).filter(|name| !name.is_empty());
                good.insert(person.clone(), Mailbox::new(name, email));
            }
            Err(error) => wrong.push(format!("`{text}` of `{person}` is no address: {error}")),
        }
    }
    (good, wrong)
}

fn is_host_char(char: char) -> bool {
    char.is_ascii_alphanumeric() || matches!(char, '.' | '-' | ':' | '[' | ']')
}

fn is_this_machine(host: &str) -> bool {
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = literal.parse().is_ok_and(|address: IpAddr| address.is_loopback());
    is_loopback || host.eq_ignore_ascii_case("localhost")
}

fn first_line(text: &str) -> &str {
    text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default()
}

/// A text for a header: no line ends or other control characters, and not too long.
fn one_line(text: &str, chars_max: usize) -> String {
    let plain: String =
        text.chars().map(|char| if is_breaking(char) { ' ' } else { char }).collect();
    let plain = plain.trim();
    if plain.chars().count() <= chars_max {
        return plain.to_owned();
    }
    plain.chars().take(chars_max - 1).chain(['…']).collect()
}

fn is_breaking(char: char) -> bool {
    char.is_control() || matches!(char, '\u{2028}' | '\u{2029}')
}

/// An id as the left part of a `Message-ID`: what may not stand there is written as `=XX`.
fn escaped(id: &str) -> String {
    let mut text = String::with_capacity(id.len());
    for byte in id.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => text.push(char::from(byte)),
            _ => text.push_str(&format!("={byte:02X}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_hold_one_line() {
        assert_eq!(one_line("一\r\nBcc: x@y\u{2028}二\u{85}", 100), "一  Bcc: x@y 二");
        assert_eq!(one_line(&"督".repeat(5), 4), "督督督…");
        assert_eq!(first_line("\n \n 督办\n二"), "督办");
    }

    #[test]
    fn ids_that_differ_stay_different() {
        assert_eq!(escaped("c0ffee-7"), "c0ffee-7");
        assert_eq!(escaped("a b>\r\n=督"), "a=20b=3E=0D=0A=3D=E7=9D=A3");
    }

    #[test]
    fn addresses_with_more_in_them_are_refused() {
        for text in ["a@b.cn", "\"a b\"@b.cn", "a@[10.0.0.1]"] {
            assert!(address(text).is_ok(), "{text}");
        }
        for text in ["", "a", "a@", "a@b.cn>", "a@b.cn\r\nRCPT TO:<x@y.cn>", "督@b.cn", "a@督.cn"]
        {
            assert!(address(text).is_err(), "{text}");
        }
    }

    #[test]
    fn this_machine_is_known_by_all_its_names() {
        for host in ["localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "::1", "[::1]"] {
            assert!(is_this_machine(host), "{host}");
        }
        for host in ["localhost.example.org", "10.0.0.1", "mail.example.org", "127.0.0.1.cn"] {
            assert!(!is_this_machine(host), "{host}");
        }
    }
}
