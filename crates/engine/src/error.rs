//! What can go wrong between a caller and a case.

use duban_calendar::Instant;
use duban_core::{CaseId, DecodeError, Refusal, RowError};
use duban_model::Problem;
use duban_store::StoreError;

use crate::evidence::EvidenceError;

/// Why a call of the engine gave no answer. Unless said otherwise nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The case says no. Tell the caller why.
    #[error("refused: {0}")]
    Refused(#[from] Refusal),
    /// The move names a file that it cannot name. Give the file for the case first.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// A queue is full. Try again in a moment; nothing was taken on.
    #[error("limit `{0}` reached; try again")]
    Busy(&'static str),
    /// The idempotency key was used before for another request. Use a new one.
    #[error("the idempotency key `{key}` was used for another request")]
    KeyReused {
        /// The key.
        key: String,
    },
    /// Nobody published such a workflow. Publish its suite first.
    #[error("workflow `{workflow}` of suite `{suite}` is not published")]
    NoWorkflow {
        /// The suite.
        suite: String,
        /// The workflow.
        workflow: String,
    },
    /// Nobody published a suite of this id. Publish it first.
    #[error("suite `{0}` is not published")]
    NoSuite(String),
    /// The store does not hold a definition that it should. Publish the suite it came with.
    #[error("definition `{0}` is not in the store")]
    NoDefinition(String),
    /// A suite names a calendar that nobody has loaded. Load it first.
    #[error("calendar `{0}` is not loaded")]
    NoCalendar(String),
    /// The suite cannot be used. Correct the problems named.
    #[error("the definition has {} problems, the first: {}", .0.len(), first(.0))]
    Invalid(Vec<Problem>),
    /// The engine failed in this case and has marked it; an operator must repair it.
    #[error("case `{case}` failed inside the engine: {error}")]
    Faulted {
        /// The case.
        case: CaseId,
        /// What happened.
        error: String,
    },
    /// Other writers came first, again and again. Try again.
    #[error("case `{case}` changed under {attempts} attempts")]
    Contended {
        /// The case.
        case: CaseId,
        /// How often it was tried: the limit `attempts_max`.
        attempts: u32,
    },
    /// The case is at another version than the one that was looked at. Look again.
    #[error("case `{case}` has changed; it is at version {version}")]
    Changed {
        /// The case.
        case: CaseId,
        /// The version that it is at.
        version: u64,
    },
    /// A stored row cannot be read. Run `duban rebuild`.
    #[error(transparent)]
    Unreadable(#[from] RowError),
    /// A stored event cannot be read; the case is left alone. Upgrade, or look for damage.
    #[error("event {seq} of case `{case}` cannot be read")]
    UnreadableEvent {
        /// The case.
        case: CaseId,
        /// The event's position.
        seq: u64,
        /// What the reader said.
        #[source]
        source: DecodeError,
    },
    /// The case's log is damaged. Restore it from a backup.
    #[error("the log of case `{case}` is broken at event {seq}: {what}")]
    BrokenLog {
        /// The case.
        case: CaseId,
        /// Where it was noticed.
        seq: u64,
        /// What is wrong.
        what: String,
    },
    /// A document of the host, stored by name, cannot be read. Store it anew.
    #[error("stored document `{name}` cannot be read: {error}")]
    BadDocument {
        /// Its name.
        name: String,
        /// What the reader said.
        error: String,
    },
    /// What was to be replaced has changed since it was looked at. Look again and decide anew.
    #[error("`{0}` has changed meanwhile")]
    Outdated(String),
    /// The store failed. Whether a commit in hand was written is unknown: with an idempotency
    /// key the request may be repeated.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Two channels share a name, under which the store keeps what they have taken. Rename one.
    #[error("two channels are named `{0}`")]
    ChannelsShareName(String),
    /// A worker thread could not be started.
    #[error("a worker thread could not be started")]
    Thread(#[source] std::io::Error),
    /// Earlier moments of the case wait, because the wall clock is not believed. Put it right, or run
    /// `duban clock accept`.
    #[error(
        "the system clock shows {wall}, which is not believed (it should be about {believed}); moments of the case wait for it"
    )]
    ClockDoubted {
        /// The time that the engine goes by.
        believed: Instant,
        /// What the wall clock shows.
        wall: Instant,
    },
    /// The clock has no such epoch. Ask for the epochs first: `duban clock show` lists them.
    #[error("the clock has no epoch {epoch}; the present one is {present}")]
    NoEpoch {
        /// The number asked for.
        epoch: u32,
        /// The number of the present epoch; 0: the host answers for its clock, which has none.
        present: u32,
    },
    /// The engine is shut down, or is shutting down. Nothing more is taken on.
    #[error("the engine is shut down")]
    Closed,
}

fn first(problems: &[Problem]) -> &str {
    problems.first().map_or("none", |problem| problem.message.as_str())
}

impl EngineError {
    /// Stable code for logs, HTTP bodies and exit messages; a refusal's own code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::Busy(_) => "DB4001",
            Self::KeyReused { .. } => "DB4002",
            Self::NoWorkflow { .. } => "DB4003",
            Self::NoDefinition(_) => "DB4004",
            Self::NoCalendar(_) => "DB4005",
            Self::Invalid(_) => "DB4006",
            Self::Faulted { .. } => "DB4007",
            Self::Contended { .. } => "DB4008",
            Self::Unreadable(_) => "DB4009",
            Self::UnreadableEvent { .. } => "DB4010",
            Self::BrokenLog { .. } => "DB4011",
            Self::BadDocument { .. } => "DB4012",
            Self::Store(StoreError::BadCursor(_)) => "DB4033",
            Self::Store(_) => "DB4013",
            Self::Thread(_) => "DB4014",
            Self::Closed => "DB4015",
            Self::ClockDoubted { .. } => "DB4040",
            Self::NoEpoch { .. } => "DB4041",
            Self::NoSuite(_) => "DB4016",
            Self::ChannelsShareName(_) => "DB4017",
            Self::Changed { .. } => "DB4018",
            Self::Outdated(_) => "DB4020",
            Self::Evidence(EvidenceError::NotGiven { .. }) => "DB4031",
            Self::Evidence(EvidenceError::Unreachable(_)) => "DB4032",
        }
    }

    /// The message that people read.
    pub fn zh(&self) -> String {
        match self {
            Self::Refused(refusal) => refusal.zh(),
            Self::Busy(_) => "系统繁忙，请稍后重试".to_owned(),
            Self::KeyReused { .. } => "幂等键已用于另一请求，请更换".to_owned(),
            Self::NoWorkflow { suite, workflow } => {
                format!("文件“{suite}”的措施“{workflow}”尚未发布")
            }
            Self::NoSuite(suite) => format!("文件“{suite}”尚未发布"),
            Self::NoDefinition(hash) => format!("库中没有措施定义“{hash}”，请重新发布"),
            Self::NoCalendar(id) => format!("尚未载入工作日历“{id}”"),
            Self::Invalid(problems) => format!("措施定义有 {} 处问题", problems.len()),
            Self::Faulted { case, .. } => format!("督办事项 {case} 处理异常，待管理员修复"),
            Self::Contended { .. } => "该事项正被多方修改，请稍后重试".to_owned(),
            Self::Changed { .. } => "事项已有新的变化，请刷新后再办理".to_owned(),
            Self::Unreadable(_) => "数据行无法读取，请运行 duban rebuild".to_owned(),
            Self::UnreadableEvent { .. } | Self::BrokenLog { .. } => {
                "事项记录无法读取或已损坏，请联系管理员".to_owned()
            }
            Self::BadDocument { name, .. } => format!("库中的 {name} 无法读取，请重新载入"),
            Self::Outdated(_) => "内容已有新的变化，请重新核对后再确认".to_owned(),
            Self::Store(StoreError::BadCursor(_)) => "翻页位置无效，请从第一页重新开始".to_owned(),
            Self::Store(_) => "数据库出错，请稍后重试".to_owned(),
            Self::Evidence(error) => error.zh(),
            Self::ChannelsShareName(name) => format!("有两个渠道都叫 {name}"),
            Self::Thread(_) => "无法启动工作线程".to_owned(),
            Self::Closed => "系统正在停止".to_owned(),
            Self::NoEpoch { epoch, present } => {
                format!("时钟没有第 {epoch} 段，当前为第 {present} 段；各段见 duban clock show")
            }
            Self::ClockDoubted { .. } => {
                "服务器时钟异常，本事项到点的处理已暂停，暂不能办理；请管理员校准时钟，或确认无误后执行 duban clock accept".to_owned()
            }
        }
    }
}
