//! `duban backup` and `duban restore`: a database copied while it is in use, and put back.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use duban::Store;
use serde_json::json;

use crate::Ended;
use crate::backups::copy_new;
use crate::db::{DbArgs, beside, block_on, must_exist, open};
use crate::output::Output;
use crate::private;

/// Copy a database into a new file. The daemon may go on meanwhile.
#[derive(Args)]
#[command(after_help = "Examples:
  duban backup /backup/office-2027-01-31.db --db office.db
  duban backup /backup/office-2027-01-31.db --evidence /backup/evidence --db office.db

Files of evidence lie in a folder of their own and never change: one folder of copies serves
every backup, and only what is new is copied. Those in a bucket are backed up there.")]
pub(crate) struct Backup {
    /// The new file.
    to: PathBuf,
    /// Copy files of evidence too, into this folder.
    #[arg(long)]
    evidence: Option<PathBuf>,
    /// Where they lie, `DB.evidence` where nothing names it.
    #[arg(long, requires = "evidence")]
    evidence_from: Option<PathBuf>,
    #[command(flatten)]
    db: DbArgs,
}

pub(crate) fn backup(command: &Backup, output: &Output) -> Result<Ended> {
    let db = &command.db.db;
    must_exist(db)?;
    duban_store::backup(db, &command.to)?;
    let bytes = std::fs::metadata(&command.to)?.len();
    // After the database: what a case names was kept before the case named it.
    let files = match &command.evidence {
        Some(to) => {
            let beside = beside(db, ".evidence");
            copy_new(command.evidence_from.as_ref().unwrap_or(&beside), to)?
        }
        None => 0,
    };
    output.print(&json!({ "file": command.to, "bytes": bytes, "evidence": files }), || {
        let to = command.to.display();
        format!("已备份到 {to}（{bytes} 字节），新复制佐证文件 {files} 个")
    })?;
    Ok(Ended::Well)
}

/// Put a backup in the place of a database. Nobody may have it open.
#[derive(Args)]
#[command(after_help = "Examples:
  duban restore /backup/office-2027-01-31.db --db office.db

The backup is checked first. What lay there before is kept beside it, as office.db.before.")]
pub(crate) struct Restore {
    /// The backup.
    from: PathBuf,
    #[command(flatten)]
    db: DbArgs,
}

pub(crate) fn restore(command: &Restore, output: &Output) -> Result<Ended> {
    let db = &command.db.db;
    let shown = command.from.display();
    duban_store::check_file(&command.from).with_context(|| format!("the backup `{shown}`"))?;
    let kept = beside(db, ".before");
    if db.exists() {
        if kept.exists() {
            bail!("`{}` is kept from an earlier restore; move it away first", kept.display());
        }
        // Whoever holds the database is named, and nothing is touched; closing it writes its log
        // into the file.
        block_on(async { Ok(open(db)?.close().await?) })?;
    }
    // Copied beside it first, so that a full disk leaves everything as it was.
    let fresh = beside(db, ".restoring");
    std::fs::copy(&command.from, &fresh)?;
    private::keep(&fresh)?;
    std::fs::File::open(&fresh)?.sync_all()?;
    if db.exists() {
        std::fs::rename(db, &kept)?;
    }
    for ending in ["-wal", "-shm"] {
        let left = beside(db, ending);
        if left.exists() {
            std::fs::remove_file(left)?;
        }
    }
    std::fs::rename(&fresh, db)?;
    output.print(&json!({ "restored": db }), || {
        format!("已恢复 {}；原来的留在 {}", db.display(), kept.display())
    })?;
    Ok(Ended::Well)
}
