//! What a refusal says of which field, so that it can be read beside it.

use crate::moves::{AskKind, MoveKind};
use crate::refusal::Refusal;

/// What is wrong with one field of a move.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Remark {
    /// The field, as the table of moves calls it; within a form or among files `form.FIELD` and
    /// `evidence.NAME`.
    pub field: String,
    /// What is wrong, in Chinese, without the field's name.
    pub zh: String,
}

impl Refusal {
    /// What it says of which field of such a move; empty where it is about none in particular.
    pub fn remarks(&self, kind: MoveKind) -> Vec<Remark> {
        let one = |field: &str, zh: String| vec![Remark { field: field.to_owned(), zh }];
        match self {
            Self::BadForm(problems) => problems
                .iter()
                .map(|problem| Remark {
                    field: format!("form.{}", problem.field),
                    zh: problem.message.clone(),
                })
                .collect(),
            Self::EvidenceMissing(names) => names
                .iter()
                .map(|name| Remark {
                    field: format!("evidence.{name}"),
                    zh: "缺少这份材料，请选择文件".to_owned(),
                })
                .collect(),
            Self::ReasonMissing(_) => one("reason", "须写明理由".to_owned()),
            Self::OutOfRange { what, range } => one(what, format!("应为{}", range.zh)),
            Self::Unsuitable { why, .. } => match why.field {
                Some(field) => one(field, why.zh.to_owned()),
                None => Vec::new(),
            },
            Self::UpstreamUnclear { .. } => {
                one("upstream", "可能是其中几项，请选明退回到哪一项或几项".to_owned())
            }
            // The date asked for, or one that comes with another move and would be an extension.
            Self::Extension { why, .. } => {
                let mut dates = kind.asks().iter().filter(|ask| ask.kind == AskKind::Date);
                dates.next().map(|ask| one(ask.field, why.zh())).unwrap_or_default()
            }
            Self::NoCase(_)
            | Self::Exists(_)
            | Self::NoItem(_)
            | Self::WakeFirst
            | Self::WrongStatus { .. }
            | Self::Suspended(_)
            | Self::NotApplicable { .. }
            | Self::NotAllowed { .. }
            | Self::SamePerson { .. }
            | Self::NoStandIn { .. }
            | Self::InPerson(_)
            | Self::NoWindow(_)
            | Self::EventUsed { .. }
            | Self::CoolDown { .. }
            | Self::CaseClosed(_)
            | Self::StillOpen { .. }
            | Self::Faulted { .. }
            | Self::Definition { .. }
            | Self::OverBudget(_)
            | Self::Stranded(_)
            | Self::OtherDefinition { .. } => Vec::new(),
        }
    }
}
