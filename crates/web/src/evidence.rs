//! Evidence: files named by their content, in a folder or whatever `object_store` reaches.

use std::path::Path as FilePath;
use std::sync::Arc;

use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use sha2::{Digest, Sha256};

/// The largest file, in bytes.
pub(crate) const FILE_BYTES_MAX: usize = 20 * 1024 * 1024;

/// Endings of names that are taken. Browsers never show any of them inside a page of this site.
const ENDINGS: &[&str] = &[
    "csv", "doc", "docx", "jpeg", "jpg", "md", "mp4", "ofd", "pdf", "png", "ppt", "pptx", "txt",
    "wps", "xls", "xlsx", "zip",
];

/// Why a file was not kept or not found.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EvidenceError {
    #[error("文件“{0}”超过上限 file_bytes_max（20 MiB）；请压缩或拆分")]
    TooLarge(String),
    #[error("不收“{0}”这种文件；可用：{list}", list = ENDINGS.join("、"))]
    WrongKind(String),
    #[error("没有这个文件")]
    Missing,
    #[error("文件存取失败：{0}")]
    Failed(String),
}

/// The place where files lie. A cheap handle.
#[derive(Clone, Debug)]
pub struct Evidence {
    store: Arc<dyn ObjectStore>,
}

impl Evidence {
    /// Files in a folder, which is made where there is none.
    ///
    /// # Errors
    ///
    /// Where the folder cannot be made or read.
    pub fn folder(path: &FilePath) -> std::io::Result<Self> {
        std::fs::create_dir_all(path)?;
        let store = LocalFileSystem::new_with_prefix(path).map_err(std::io::Error::other)?;
        Ok(Self { store: Arc::new(store.with_fsync(true)) })
    }

    /// Files in memory, gone with the process: for a host that keeps none.
    pub fn in_memory() -> Self {
        Self { store: Arc::new(InMemory::new()) }
    }

    /// Keeps a file under its content address, for example `sha256:9f86…`. Repeated: nothing
    /// changes.
    pub(crate) async fn keep(&self, name: &str, bytes: Vec<u8>) -> Result<String, EvidenceError> {
        if bytes.len() > FILE_BYTES_MAX {
            return Err(EvidenceError::TooLarge(name.to_owned()));
        }
        let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
        if !ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str())) {
            return Err(EvidenceError::WrongKind(name.to_owned()));
        }
        let digest = crate::auth::hex(&Sha256::digest(&bytes));
        self.store.put(&place(&digest), bytes.into()).await.map_err(failed)?;
        Ok(format!("sha256:{digest}"))
    }

    /// A file by the hexadecimal part of its address.
    pub(crate) async fn read(&self, digest: &str) -> Result<Vec<u8>, EvidenceError> {
        let is_digest = digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_digest {
            return Err(EvidenceError::Missing);
        }
        match self.store.get(&place(digest)).await {
            Ok(found) => Ok(found.bytes().await.map_err(failed)?.to_vec()),
            Err(object_store::Error::NotFound { .. }) => Err(EvidenceError::Missing),
            Err(error) => Err(failed(error)),
        }
    }
}

/// Spread over folders, so that none of them holds too many.
fn place(digest: &str) -> Path {
    Path::from(format!("{}/{digest}", &digest[..2]))
}

#[expect(clippy::needless_pass_by_value, reason = "handed to map_err")]
fn failed(error: object_store::Error) -> EvidenceError {
    EvidenceError::Failed(error.to_string())
}
