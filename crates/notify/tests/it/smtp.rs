//! A mail server on loopback that keeps every line and answers as it is told.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::CertifiedKey;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

/// What the server does in place of saying that all is well.
#[derive(Clone, Debug)]
pub(crate) enum Turn {
    /// Answers with these lines.
    Says(&'static str),
    /// Never answers.
    Hangs,
    /// Closes the connection.
    Dies,
}

trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

#[derive(Default)]
struct Kept {
    /// One for each line of a client: a command, or `.` for the end of a message.
    lines: Vec<String>,
    messages: Vec<String>,
    connections: usize,
    turns: VecDeque<(&'static str, Turn)>,
    extensions: Vec<&'static str>,
}

#[derive(Clone)]
pub(crate) struct MailServer {
    pub(crate) port: u16,
    kept: Arc<Mutex<Kept>>,
    acceptor: Option<TlsAcceptor>,
    /// The certificate to trust, in PEM.
    pub(crate) certificate: Vec<u8>,
}

impl MailServer {
    /// Listens on loopback. Each turn is taken once, by the first line that begins with its word.
    pub(crate) async fn start(turns: Vec<(&'static str, Turn)>) -> Self {
        Self::with(turns, vec!["8BITMIME"], false).await
    }

    /// A server with a certificate for `localhost`, that offers STARTTLS.
    pub(crate) async fn with_starttls() -> Self {
        Self::with(Vec::new(), vec!["STARTTLS", "AUTH PLAIN"], false).await
    }

    /// A server that speaks TLS from the first byte.
    pub(crate) async fn with_tls() -> Self {
        Self::with(Vec::new(), vec!["AUTH PLAIN"], true).await
    }

    pub(crate) async fn with(
        turns: Vec<(&'static str, Turn)>,
        extensions: Vec<&'static str>,
        is_wrapped: bool,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (acceptor, certificate) = identity();
        let kept = Kept { turns: turns.into(), extensions, ..Kept::default() };
        let kept = Arc::new(Mutex::new(kept));
        let server = Self { port, kept, acceptor: Some(acceptor), certificate };
        let shared = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = shared.clone();
                // A client that breaks off is part of some tests.
                tokio::spawn(async move { drop(server.serve(stream, is_wrapped).await) });
            }
        });
        server
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.kept.lock().unwrap().lines.clone()
    }

    /// Messages as they came, with dots at the beginning of lines taken back.
    pub(crate) fn messages(&self) -> Vec<String> {
        self.kept.lock().unwrap().messages.clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.kept.lock().unwrap().connections
    }

    async fn serve(&self, stream: TcpStream, is_wrapped: bool) -> io::Result<()> {
        self.kept.lock().unwrap().connections += 1;
        let mut wire: Box<dyn Wire> = Box::new(stream);
        if is_wrapped {
            wire = self.encrypt(wire).await?;
        }
        if !self.answer(&mut wire, "CONNECT", "220 mail.example ready").await? {
            return Ok(());
        }
        loop {
            let Some(line) = read_line(&mut wire).await? else { return Ok(()) };
            self.kept.lock().unwrap().lines.push(line.clone());
            let verb = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
            let usual = match verb.as_str() {
                "EHLO" => self.greeting(),
                "STARTTLS" => "220 go ahead".to_owned(),
                "AUTH" => "235 welcome".to_owned(),
                "DATA" => "354 go ahead".to_owned(),
                "QUIT" => "221 bye".to_owned(),
                _ => "250 OK".to_owned(),
            };
            if !self.answer(&mut wire, &line, &usual).await? {
                return Ok(());
            }
            match verb.as_str() {
                "STARTTLS" => wire = self.encrypt(wire).await?,
                "DATA" => {
                    let message = read_message(&mut wire).await?;
                    self.kept.lock().unwrap().messages.push(message);
                    if !self.answer(&mut wire, ".", "250 taken").await? {
                        return Ok(());
                    }
                }
                "QUIT" => return Ok(()),
                _ => {}
            }
        }
    }

    fn greeting(&self) -> String {
        let mut lines = vec!["mail.example"];
        lines.extend(self.kept.lock().unwrap().extensions.iter().copied());
        let last = lines.len() - 1;
        let line = |(at, text): (usize, &&str)| match at == last {
            true => format!("250 {text}"),
            false => format!("250-{text}\r\n"),
        };
        lines.iter().enumerate().map(line).collect()
    }

    async fn encrypt(&self, wire: Box<dyn Wire>) -> io::Result<Box<dyn Wire>> {
        let acceptor = self.acceptor.clone().unwrap();
        Ok(Box::new(acceptor.accept(wire).await?))
    }

    /// Answers as it was told, or as usual; `false` where it closes the connection.
    async fn answer(&self, wire: &mut Box<dyn Wire>, line: &str, usual: &str) -> io::Result<bool> {
        let turn = {
            let mut kept = self.kept.lock().unwrap();
            let at = kept.turns.iter().position(|(word, _)| line.starts_with(word));
            at.and_then(|at| kept.turns.remove(at)).map(|(_, turn)| turn)
        };
        let (text, goes_on) = match turn {
            None => (usual, true),
            // The client must not send a message after a refusal.
            Some(Turn::Says(text)) if line == "DATA" => (text, false),
            Some(Turn::Says(text)) => (text, true),
            Some(Turn::Dies) => return Ok(false),
            Some(Turn::Hangs) => {
                tokio::time::sleep(Duration::from_secs(600)).await;
                return Ok(false);
            }
        };
        wire.write_all(format!("{text}\r\n").as_bytes()).await?;
        wire.flush().await?;
        Ok(goes_on)
    }
}

async fn read_line(wire: &mut Box<dyn Wire>) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    loop {
        let mut byte = [0];
        if wire.read(&mut byte).await? == 0 {
            return Ok(None);
        }
        bytes.push(byte[0]);
        if let Some(line) = bytes.strip_suffix(b"\r\n") {
            return Ok(Some(String::from_utf8(line.to_vec()).unwrap()));
        }
    }
}

async fn read_message(wire: &mut Box<dyn Wire>) -> io::Result<String> {
    let mut message = String::new();
    loop {
        let Some(line) = read_line(wire).await? else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        match line.strip_prefix('.') {
            Some("") => return Ok(message),
            Some(rest) => message.push_str(rest),
            None => message.push_str(&line),
        }
        message.push_str("\r\n");
    }
}

fn identity() -> (TlsAcceptor, Vec<u8>) {
    drop(rustls::crypto::ring::default_provider().install_default());
    let CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key.into())
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), cert.pem().into_bytes())
}
