//! `duban directory`: tables into the directory of a database, and out of it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use duban_documents::{read_tables, write_csv, write_xlsx};
use duban_model::{
    Difference, Directory, Imported, Mode, Problem, Section, Sheet, export_tables, import_tables,
};
use duban_web::{replace_imported, suite_levels};
use serde_json::json;

use crate::Ended;
use crate::db::{DbArgs, Reading, block_on, engine};
use crate::output::{self, Output};

/// Lines of each kind of change that are printed.
const LINES_MAX: usize = 50;

/// Units, posts and people: in from tables, out as tables.
#[derive(Args)]
pub(crate) struct DirectoryCommand {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Read .xlsx and .csv files and take them over, or say what they would change.
    #[command(after_help = "Examples:
  duban directory import 花名册.xlsx --dry-run --db office.db
  duban directory import 花名册.xlsx --db office.db
  duban directory import 人员.csv 岗位.csv --merge --db office.db

Exit code 1 where the tables have problems; nothing is changed then. While the daemon runs, use
its page “通讯录”.")]
    Import {
        /// One .xlsx with its sheets, or a .csv for each table.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Add and change; what the tables do not name stays. Left out: they are the whole
        /// directory.
        #[arg(long)]
        merge: bool,
        /// Only say what would change.
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        db: DbArgs,
    },
    /// Write the directory as tables; an empty one gives their headings, to be filled in.
    #[command(after_help = "Examples:
  duban directory export office.xlsx --db office.db
  duban directory export 人员.csv --table people --db office.db")]
    Export {
        /// The file to be written: .xlsx, or .csv with --table.
        file: PathBuf,
        /// Which table a .csv holds.
        #[arg(long)]
        table: Option<Table>,
        #[command(flatten)]
        db: DbArgs,
    },
}

/// A table of an export, in the order of its sheets.
#[derive(Clone, Copy, ValueEnum)]
enum Table {
    Units,
    Posts,
    People,
    StandIns,
}

pub(crate) fn run(command: &DirectoryCommand, output: &Output) -> Result<Ended> {
    match &command.what {
        What::Import { files, merge, dry_run, db } => {
            let mode = if *merge { Mode::Merge } else { Mode::Replace };
            block_on(import(files, mode, *dry_run, db, output))
        }
        What::Export { file, table, db } => block_on(export(file, *table, db, output)),
    }
}

async fn import(
    files: &[PathBuf],
    mode: Mode,
    dry_run: bool,
    db: &DbArgs,
    output: &Output,
) -> Result<Ended> {
    let reading = Reading::open(db).await?;
    let levels = suite_levels(&reading.store).await?;
    let read =
        sheets(files)?.and_then(|sheets| import_tables(&sheets, &reading.directory, mode, &levels));
    let Imported { data, warnings } = match read {
        Ok(imported) => imported,
        Err(problems) => {
            tell(&problems);
            return Ok(Ended::WithProblems);
        }
    };
    tell(&warnings);
    let after = Directory::new(data)?;
    let difference = Difference::between(&reading.directory, &after);
    let applied = !dry_run && after.version() != reading.directory.version();
    let expected = reading.directory.version().to_owned();
    duban::Store::close(&reading.store).await?;
    if applied {
        let engine = engine(&db.db).await?;
        let replaced = replace_imported(&engine, &expected, after, &difference, "duban").await;
        let finished = match replaced {
            Ok(applying) => applying.finished().await.map(drop),
            Err(error) => Err(error),
        };
        engine.shutdown().await?;
        finished?;
    }
    let sections = difference.sections(LINES_MAX);
    output.print(&json!({ "applied": applied, "changes": sections }), || {
        let ended = match (applied, dry_run) {
            (true, _) => "已采用",
            (false, true) => "只是核对，没有采用",
            (false, false) => "没有差别",
        };
        let lines = sections.iter().map(told).chain([ended.to_owned()]);
        lines.collect::<Vec<_>>().join("\n")
    })?;
    Ok(Ended::Well)
}

/// Every sheet of every file, or what is wrong with any of them.
fn sheets(files: &[PathBuf]) -> Result<Result<Vec<Sheet>, Vec<Problem>>> {
    let (mut sheets, mut problems) = (Vec::new(), Vec::new());
    for path in files {
        let bytes = std::fs::read(path).with_context(|| format!("reading `{}`", path.display()))?;
        match read_tables(&name_of(path), &bytes) {
            Ok(read) => sheets.extend(read),
            Err(found) => problems.extend(found),
        }
    }
    Ok(if problems.is_empty() { Ok(sheets) } else { Err(problems) })
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn tell(problems: &[Problem]) {
    problems.iter().for_each(output::tell);
}

fn told(section: &Section) -> String {
    let mut text = format!("{} {}", section.zh, section.total);
    for line in &section.lines {
        text.push_str("\n  ");
        text.push_str(line);
    }
    if section.lines.len() < section.total {
        text.push_str("\n  …");
    }
    text
}

async fn export(file: &Path, table: Option<Table>, db: &DbArgs, output: &Output) -> Result<Ended> {
    let reading = Reading::open(db).await?;
    let sheets = export_tables(&reading.directory);
    duban::Store::close(&reading.store).await?;
    let ending = file.extension().and_then(|ending| ending.to_str());
    let bytes = match (ending, table) {
        (Some("xlsx"), None) => write_xlsx(&sheets)?,
        (Some("csv"), Some(table)) => {
            let place = match table {
                Table::Units => 0,
                Table::Posts => 1,
                Table::People => 2,
                Table::StandIns => 3,
            };
            sheets.get(place).map(write_csv).context("there is no such table")?
        }
        _ => bail!("write a .xlsx, or a .csv with --table units, posts, people or stand-ins"),
    };
    std::fs::write(file, bytes).with_context(|| format!("writing `{}`", file.display()))?;
    let shown = file.display().to_string();
    output.print(&json!({ "file": shown }), || format!("已写入 {shown}"))?;
    Ok(Ended::Well)
}

#[cfg(test)]
mod tests {
    use duban::SqliteStore;

    use super::*;

    const ROSTER: &str = "编号,姓名,单位,岗位\nli,李四,D,书记\n";
    const UNITS: &str = "代码,名称,级别\nD,历下区,district\n";

    #[tokio::test(flavor = "multi_thread")]
    async fn tables_go_in_and_come_out_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        let db = DbArgs { db: file("office.db") };
        duban::Store::close(&SqliteStore::open(&db.db).unwrap()).await.unwrap();
        std::fs::write(file("单位.csv"), UNITS).unwrap();
        std::fs::write(file("花名册.csv"), ROSTER).unwrap();
        let output = Output { json: true };
        let files = [file("单位.csv"), file("花名册.csv")];
        let units = async || Reading::open(&db).await.unwrap().directory.units().count();
        for (dry_run, expected) in [(true, 0), (false, 1)] {
            let ended = import(&files, Mode::Replace, dry_run, &db, &output).await;
            assert!(matches!(ended.unwrap(), Ended::Well));
            assert_eq!(units().await, expected);
        }
        export(&file("all.xlsx"), None, &db, &output).await.unwrap();
        let before = Reading::open(&db).await.unwrap().directory.version().to_owned();
        import(&[file("all.xlsx")], Mode::Replace, false, &db, &output).await.unwrap();
        assert_eq!(Reading::open(&db).await.unwrap().directory.version(), before);
        std::fs::write(file("单位.csv"), "代码,名称,级别\n,x,\n").unwrap();
        let ended = import(&files, Mode::Merge, false, &db, &output).await.unwrap();
        assert!(matches!(ended, Ended::WithProblems));
        assert!(export(&file("x.csv"), None, &db, &output).await.is_err());
    }
}
