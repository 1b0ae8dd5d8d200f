//! Evidence: files named by their content, in a folder or in a bucket that speaks S3.
//!
//! Files come and go in parts: a large one is never in memory as a whole.

use std::fmt::Display;
use std::path::{Path as FilePath, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::body::{Body, Bytes};
use duban_notify::{HttpClient, NotifyError};
use duban_store::StoreError;
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt};
use object_store::aws::AmazonS3Builder;
use object_store::client::{HttpClient as Transport, HttpConnector};
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt as _, RetryConfig};
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use crate::leftovers;

/// What is taken, and how much of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FileLimits {
    /// The largest file, in bytes.
    pub bytes_max: u64,
    /// Endings of names that are taken, in lower case. Browsers save files of every kind and
    /// never show one inside a page of this site.
    pub kinds: Vec<String>,
    /// What all files of one case come to at most, in bytes.
    pub case_bytes_max: u64,
    /// How many files one case has at most.
    pub case_files_max: usize,
    /// What one person uploads in a day at most, in bytes, whether the moves are made or not.
    pub person_day_bytes_max: u64,
}

impl Default for FileLimits {
    /// 20 MiB; what offices write, print, photograph and film; 4 GiB and 1,000 files a case, 1 GiB
    /// a person and day.
    fn default() -> Self {
        let kinds = [
            "csv", "doc", "docx", "jpeg", "jpg", "md", "mp4", "ofd", "pdf", "png", "ppt", "pptx",
            "txt", "wps", "xls", "xlsx", "zip",
        ];
        Self {
            bytes_max: 20 * 1024 * 1024,
            kinds: kinds.map(str::to_owned).to_vec(),
            case_bytes_max: 4 * 1024 * 1024 * 1024,
            case_files_max: 1_000,
            person_day_bytes_max: 1024 * 1024 * 1024,
        }
    }
}

/// A bucket, and who is to be known there.
#[derive(Clone)]
pub struct S3Options {
    /// The bucket's name.
    pub bucket: String,
    /// What the names of files begin with; may be empty.
    pub prefix: String,
    /// The address of the service; without one, that of AWS in the region.
    pub endpoint: Option<String>,
    /// The region, which every signature names.
    pub region: String,
    /// The name of the key.
    pub access_key: String,
    /// The key.
    pub secret_key: String,
}

/// Why a file was not kept or not found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// It is larger than the limit `file_bytes_max`. Compress or split it.
    #[error("文件“{name}”超过上限 file_bytes_max（{max} 字节）；请压缩或拆分")]
    TooLarge {
        /// Its name.
        name: String,
        /// The limit, in bytes.
        max: u64,
    },
    /// There is nothing in it. Look whether it is the file that was meant.
    #[error("文件“{name}”是空的；请检查后重新上传")]
    Empty {
        /// Its name.
        name: String,
    },
    /// Its ending is none that is taken.
    #[error("不收“{name}”这种文件；可用：{kinds}")]
    WrongKind {
        /// Its name.
        name: String,
        /// The endings that are taken.
        kinds: String,
    },
    /// The case has as many files, or as many bytes of them, as it may have.
    #[error("本事项的文件已达上限 {limit}（{max}）；请压缩文件，或请管理员调高上限")]
    CaseFull {
        /// The limit's name.
        limit: &'static str,
        /// Its value, in bytes or files.
        max: u64,
    },
    /// The person has uploaded as much as they may in one day.
    #[error(
        "今天上传的文件已达上限 person_day_bytes_max（{max} 字节）；请明天再传，或请管理员调高上限"
    )]
    DayFull {
        /// The limit, in bytes.
        max: u64,
    },
    /// There is no such file.
    #[error("没有这个文件")]
    Missing,
    /// It did not arrive whole. Send it again.
    #[error("文件没有传完：{0}")]
    Broken(String),
    /// The place where files lie failed.
    #[error("文件存取失败，请稍后再试")]
    Failed(#[source] object_store::Error),
    /// The database failed.
    #[error("数据库出错，请稍后再试")]
    Store(#[from] StoreError),
}

/// What a try of the place came to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Probed {
    /// A file was written and read.
    Works,
    /// The place does not answer now; it may later.
    Unreachable(String),
    /// The place answers, but not to these settings: no such bucket, a wrong key.
    Refused(String),
}

/// The place where files lie. A cheap handle.
#[derive(Clone, Debug)]
pub struct Evidence {
    store: Arc<dyn ObjectStore>,
    limits: Arc<FileLimits>,
    /// Where it is a folder: what a crash left there is looked for by hand.
    folder: Option<PathBuf>,
    /// Held by whoever settles what is there: files of one content are shared.
    pub(crate) settling: Arc<Mutex<()>>,
}

/// How much of a file is in memory: a part of an upload, the least that S3 takes.
const PART_BYTES: usize = 5 * 1024 * 1024;

/// Where large files lie until they have arrived whole.
pub(crate) const INCOMING: &str = "incoming";

/// How long parts of an upload may lie about before they count as left by a crash.
const PARTS_KEPT_FOR: Duration = Duration::from_secs(24 * 3_600);

/// How often a request to a bucket is tried again, and for how long.
const RETRIES_MAX: usize = 3;
const RETRY_FOR: Duration = Duration::from_secs(20);

impl Evidence {
    fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self { store, limits: Arc::default(), folder: None, settling: Arc::default() }
    }

    /// Files in a folder, which is made where there is none.
    ///
    /// # Errors
    ///
    /// Where the folder cannot be made or read.
    pub fn folder(path: &FilePath) -> std::io::Result<Self> {
        std::fs::create_dir_all(path)?;
        let store = LocalFileSystem::new_with_prefix(path).map_err(std::io::Error::other)?;
        let place = Self::new(Arc::new(store.with_fsync(true)));
        Ok(Self { folder: Some(path.to_owned()), ..place })
    }

    /// Files in memory, gone with the process: for a host that keeps none.
    pub fn in_memory() -> Self {
        Self::new(Arc::new(InMemory::new()))
    }

    /// Files in a bucket, reached through the guarded client; plain HTTP only to hosts that are
    /// listed there. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// An endpoint that may not be sent to, or settings that make no address.
    pub fn s3(options: S3Options, client: &HttpClient) -> Result<Self, S3Error> {
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(options.bucket)
            .with_region(options.region)
            .with_access_key_id(options.access_key)
            .with_secret_access_key(options.secret_key)
            .with_http_connector(Guarded(Transport::new(client.transport())))
            .with_retry(RetryConfig {
                max_retries: RETRIES_MAX,
                retry_timeout: RETRY_FOR,
                ..RetryConfig::default()
            });
        if let Some(endpoint) = options.endpoint {
            client.check(&endpoint)?;
            let is_plain = endpoint.starts_with("http:");
            if is_plain && !client.lists(&endpoint) {
                return Err(S3Error::Plain(endpoint));
            }
            builder = builder.with_allow_http(is_plain).with_endpoint(endpoint);
        }
        let bucket = builder.build().map_err(S3Error::Settings)?;
        let prefix = Path::from(options.prefix);
        Ok(Self::new(Arc::new(PrefixStore::new(bucket, prefix))))
    }

    /// The same place with other limits.
    #[must_use]
    pub fn limited(self, limits: FileLimits) -> Self {
        Self { limits: Arc::new(limits), ..self }
    }

    pub(crate) fn limits(&self) -> &FileLimits {
        &self.limits
    }

    /// Writes a small file named `probe` and reads it again.
    pub async fn probe(&self) -> Probed {
        let path = Path::from("probe");
        let tried = async {
            self.store.put(&path, Bytes::from_static(b"duban").into()).await?;
            self.store.get(&path).await?.bytes().await
        };
        match tried.await {
            Ok(bytes) if &*bytes == b"duban" => Probed::Works,
            Ok(_) => Probed::Refused("it gave other bytes than it was given".to_owned()),
            Err(error @ object_store::Error::Generic { .. }) => {
                Probed::Unreachable(error.to_string())
            }
            Err(error) => Probed::Refused(error.to_string()),
        }
    }

    /// Takes a file in, up to where it can be kept. One that is too large or cut short leaves
    /// nothing behind.
    pub(crate) async fn receive<E: Display>(
        &self,
        name: &str,
        parts: impl Stream<Item = Result<Bytes, E>>,
    ) -> Result<Incoming<'_>, FileError> {
        let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
        if !ending.is_some_and(|ending| self.limits.kinds.contains(&ending)) {
            let kinds = self.limits.kinds.join("、");
            return Err(FileError::WrongKind { name: name.to_owned(), kinds });
        }
        let mut file = Incoming::new(self);
        match fill(&mut file, name, parts).await {
            Ok(()) => Ok(file),
            Err(error) => {
                file.abandon().await;
                Err(error)
            }
        }
    }

    /// The size in bytes of the file of a digest; `None`: there is none.
    pub(crate) async fn size(&self, digest: &str) -> Result<Option<u64>, FileError> {
        match self.store.head(&place(digest)).await {
            Ok(found) => Ok(Some(found.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(FileError::Failed(error)),
        }
    }

    /// Takes a file away that nobody rests on. One that is gone is no failure.
    pub(crate) async fn remove(&self, digest: &str) -> Result<(), FileError> {
        match self.store.delete(&place(digest)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(FileError::Failed(error)),
        }
    }

    /// Takes away parts of uploads that a crash has left; returns how many.
    pub(crate) async fn sweep_parts(&self) -> Result<usize, FileError> {
        let before = SystemTime::now().checked_sub(PARTS_KEPT_FOR);
        let Some(before) = before else { return Ok(0) };
        if let Some(folder) = self.folder.clone() {
            let swept = spawn_blocking(move || leftovers::sweep(&folder, before)).await;
            let swept = swept.map_err(std::io::Error::other).and_then(|swept| swept);
            return swept.map_err(|error| FileError::Failed(generic(error)));
        }
        let mut count = 0;
        let mut left = self.store.list(Some(&Path::from(INCOMING)));
        while let Some(one) = left.next().await {
            let one = one.map_err(FileError::Failed)?;
            if SystemTime::from(one.last_modified) < before {
                self.store.delete(&one.location).await.map_err(FileError::Failed)?;
                count += 1;
            }
        }
        Ok(count)
    }

    /// A file by the hexadecimal part of its address.
    pub(crate) async fn open(&self, digest: &str) -> Result<Found, FileError> {
        if !is_digest(digest) {
            return Err(FileError::Missing);
        }
        match self.store.get(&place(digest)).await {
            Ok(found) => {
                let size = found.meta.size;
                Ok(Found { size, parts: verified(found.into_stream(), digest).boxed() })
            }
            Err(object_store::Error::NotFound { .. }) => Err(FileError::Missing),
            Err(error) => Err(FileError::Failed(error)),
        }
    }
}

/// Why a bucket could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum S3Error {
    /// The endpoint may not be sent to. Correct it, or list its host.
    #[error(transparent)]
    Target(#[from] NotifyError),
    /// Keys and files would travel in plain text. Use `https`, or list the host.
    #[error("`{0}` is not encrypted; use https, or list its host in `network.allowed_hosts`")]
    Plain(String),
    /// The settings make no address.
    #[error("the bucket's settings do not fit")]
    Settings(#[source] object_store::Error),
}

/// Hands out the guarded client.
#[derive(Debug)]
struct Guarded(Transport);

impl HttpConnector for Guarded {
    fn connect(&self, _: &object_store::ClientOptions) -> object_store::Result<Transport> {
        Ok(self.0.clone())
    }
}

async fn fill<E: Display>(
    file: &mut Incoming<'_>,
    name: &str,
    parts: impl Stream<Item = Result<Bytes, E>>,
) -> Result<(), FileError> {
    let max = file.evidence.limits.bytes_max;
    let mut parts = pin!(parts);
    while let Some(part) = parts.next().await {
        let part = part.map_err(|error| FileError::Broken(error.to_string()))?;
        file.bytes += u64::try_from(part.len()).unwrap_or(u64::MAX);
        if file.bytes > max {
            return Err(FileError::TooLarge { name: name.to_owned(), max });
        }
        file.take(&part).await?;
    }
    // A file without content shows nothing.
    if file.bytes == 0 { Err(FileError::Empty { name: name.to_owned() }) } else { Ok(()) }
}

/// A file on its way in. Its name follows from its content, which is known at the end: until then
/// a large one lies under a name of its own.
pub(crate) struct Incoming<'a> {
    evidence: &'a Evidence,
    hasher: Sha256,
    bytes: u64,
    waiting: Vec<u8>,
    upload: Option<(Path, Box<dyn MultipartUpload>)>,
}

impl<'a> Incoming<'a> {
    fn new(evidence: &'a Evidence) -> Self {
        Self { evidence, hasher: Sha256::new(), bytes: 0, waiting: Vec::new(), upload: None }
    }

    async fn take(&mut self, part: &[u8]) -> Result<(), FileError> {
        self.hasher.update(part);
        self.waiting.extend_from_slice(part);
        if self.waiting.len() >= PART_BYTES { self.send().await } else { Ok(()) }
    }

    async fn send(&mut self) -> Result<(), FileError> {
        let part = std::mem::take(&mut self.waiting);
        if self.upload.is_none() {
            let name =
                crate::auth::random_hex().map_err(|error| FileError::Broken(error.to_string()))?;
            let path = Path::from(format!("{INCOMING}/{name}"));
            let begun = self.evidence.store.put_multipart(&path).await;
            self.upload = Some((path, begun.map_err(FileError::Failed)?));
        }
        let Some((_, upload)) = &mut self.upload else { return Ok(()) };
        upload.put_part(part.into()).await.map_err(FileError::Failed)
    }

    /// The hexadecimal part of its address, for example `9f86…`.
    pub(crate) fn digest(&self) -> String {
        crate::auth::hex(&self.hasher.clone().finalize())
    }

    /// Its size so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Keeps it under its content address. Repeated: nothing changes.
    pub(crate) async fn keep(mut self) -> Result<(), FileError> {
        if self.upload.is_some() && !self.waiting.is_empty() {
            self.send().await?;
        }
        let (store, place) = (&self.evidence.store, place(&self.digest()));
        let kept = match self.upload {
            None => store.put(&place, self.waiting.into()).await.map(drop),
            Some((path, mut upload)) => match upload.complete().await {
                Ok(_) => store.rename(&path, &place).await,
                Err(error) => Err(error),
            },
        };
        kept.map_err(FileError::Failed)
    }

    /// Drops what has arrived.
    pub(crate) async fn abandon(self) {
        if let Some((path, mut upload)) = self.upload
            && let Err(error) = upload.abort().await
        {
            tracing::warn!(%path, %error, "an upload that broke off is left behind");
        }
    }
}

/// A file that was found: its size in bytes, and its content.
pub(crate) struct Found {
    pub(crate) size: u64,
    parts: BoxStream<'static, std::io::Result<Bytes>>,
}

impl Found {
    pub(crate) fn into_body(self) -> Body {
        Body::from_stream(self.parts)
    }
}

/// Passes a file on while its digest is taken. The last part waits for the digest: a file that is
/// not what it was never arrives whole.
fn verified(
    parts: BoxStream<'static, object_store::Result<Bytes>>,
    digest: &str,
) -> impl Stream<Item = std::io::Result<Bytes>> + 'static {
    struct Reading {
        parts: BoxStream<'static, object_store::Result<Bytes>>,
        hasher: Sha256,
        held: Option<Bytes>,
        digest: String,
    }
    let reading = Reading { parts, hasher: Sha256::new(), held: None, digest: digest.to_owned() };
    stream::unfold(Some(reading), |reading| async move {
        let mut reading = reading?;
        loop {
            match reading.parts.next().await {
                Some(Ok(part)) => {
                    reading.hasher.update(&part);
                    if let Some(held) = reading.held.replace(part) {
                        return Some((Ok(held), Some(reading)));
                    }
                }
                Some(Err(error)) => return Some((Err(error.into()), None)),
                None => break,
            }
        }
        if crate::auth::hex(&reading.hasher.finalize()) == reading.digest {
            return reading.held.map(|held| (Ok(held), None));
        }
        tracing::error!(file = reading.digest, "a file of evidence is not what it was");
        Some((Err(std::io::Error::other("the file is not what it was")), None))
    })
}

/// What a failure of files is for whoever asks the store.
fn generic(error: std::io::Error) -> object_store::Error {
    object_store::Error::Generic { store: "folder", source: Box::new(error) }
}

/// Whether it is a SHA-256 in hexadecimal.
pub(crate) fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Spread over folders, so that none of them holds too many.
fn place(digest: &str) -> Path {
    Path::from(format!("{}/{digest}", &digest[..2]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(count: usize, size: usize) -> impl Stream<Item = Result<Bytes, String>> {
        stream::iter(
            (0..count)
                .map(move |part| Ok(Bytes::from(vec![u8::try_from(part % 251).unwrap(); size]))),
        )
    }

    async fn keep(
        evidence: &Evidence,
        name: &str,
        parts: impl Stream<Item = Result<Bytes, String>>,
    ) -> Result<String, FileError> {
        let file = evidence.receive(name, parts).await?;
        let digest = file.digest();
        file.keep().await?;
        Ok(digest)
    }

    async fn whole(evidence: &Evidence, digest: &str) -> Result<Vec<u8>, axum::Error> {
        let found = evidence.open(digest).await.unwrap();
        let size = found.size;
        let bytes = axum::body::to_bytes(found.into_body(), usize::MAX).await?.to_vec();
        assert_eq!(u64::try_from(bytes.len()).unwrap(), size);
        Ok(bytes)
    }

    #[tokio::test]
    async fn files_of_every_size_come_back_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let evidence = Evidence::folder(folder.path()).unwrap();
        // Less than a part, a part exactly, parts and a rest.
        for (count, size) in [(1, 10), (5, 1024 * 1024), (23, 512 * 1024)] {
            let first = keep(&evidence, "a.pdf", parts(count, size)).await.unwrap();
            let again = keep(&evidence, "b.PDF", parts(count, size)).await.unwrap();
            assert_eq!(first, again);
            let bytes = whole(&evidence, &first).await.unwrap();
            assert_eq!(bytes.len(), count * size);
            assert_eq!(first, crate::auth::hex(&Sha256::digest(&bytes)));
        }
        let left = folder.path().join("incoming");
        assert_eq!(std::fs::read_dir(left).map_or(0, Iterator::count), 0);
    }

    #[tokio::test]
    async fn what_is_too_large_or_cut_short_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let limits = FileLimits { bytes_max: 12 * 1024 * 1024, ..FileLimits::default() };
        let evidence = Evidence::folder(folder.path()).unwrap().limited(limits);
        let large = keep(&evidence, "a.pdf", parts(13, 1024 * 1024)).await;
        assert!(matches!(large, Err(FileError::TooLarge { .. })), "{large:?}");
        let empty = keep(&evidence, "a.pdf", parts(0, 0)).await;
        assert!(matches!(empty, Err(FileError::Empty { .. })), "{empty:?}");
        let cut = parts(7, 1024 * 1024).chain(stream::iter([Err("gone".to_owned())]));
        let cut = keep(&evidence, "a.pdf", cut).await;
        assert!(matches!(cut, Err(FileError::Broken(_))), "{cut:?}");
        let kind = keep(&evidence, "a.exe", parts(1, 1)).await;
        assert!(matches!(kind, Err(FileError::WrongKind { .. })), "{kind:?}");
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            let path = entry.unwrap().path();
            assert_eq!(std::fs::read_dir(&path).unwrap().count(), 0, "{}", path.display());
        }
    }

    #[tokio::test]
    async fn a_file_that_was_edited_never_arrives_whole() {
        let folder = tempfile::tempdir().unwrap();
        let evidence = Evidence::folder(folder.path()).unwrap();
        let digest = keep(&evidence, "a.txt", parts(1, 100)).await.unwrap();
        let path = folder.path().join(&digest[..2]).join(&digest);
        std::fs::write(path, "something else").unwrap();
        assert!(whole(&evidence, &digest).await.is_err());
    }
}
