//! How much of the daemon callers may take up, as a configuration says it, and what the system
//! allows.

use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::time::Duration;

use anyhow::{Result, bail};
use duban_web::Limits;
use rustix::process::{Resource, getrlimit};
use serde::Deserialize;

/// `[server.limits]` of the file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LimitsConfig {
    connections_max: Option<NonZeroUsize>,
    head_seconds_max: Option<NonZeroU64>,
    body_pause_seconds_max: Option<NonZeroU64>,
    body_bytes_per_second_min: Option<NonZeroU32>,
    answer_pause_seconds_max: Option<NonZeroU64>,
    streams_max: Option<NonZeroUsize>,
    streams_per_caller_max: Option<NonZeroUsize>,
    stream_reads_max: Option<NonZeroUsize>,
}

impl LimitsConfig {
    /// The limits, with defaults for those that are not set.
    ///
    /// # Errors
    ///
    /// Where one of them leaves another without effect.
    pub(crate) fn make(&self) -> Result<Limits> {
        let default = Limits::default();
        let seconds = |set: Option<NonZeroU64>, default: Duration| {
            set.map_or(default, |seconds| Duration::from_secs(seconds.get()))
        };
        let connections_max = self.connections_max.unwrap_or(default.connections_max);
        let streams_max = self.streams_max.unwrap_or(default.streams_max);
        if streams_max >= connections_max {
            bail!(
                "[server.limits] streams_max = {streams_max}: each stream has a connection of its \
                 own, and others need room; write less than connections_max ({connections_max})"
            );
        }
        Ok(Limits {
            connections_max,
            head_max: seconds(self.head_seconds_max, default.head_max),
            body_pause_max: seconds(self.body_pause_seconds_max, default.body_pause_max),
            body_bytes_per_second_min: self
                .body_bytes_per_second_min
                .unwrap_or(default.body_bytes_per_second_min),
            answer_pause_max: seconds(self.answer_pause_seconds_max, default.answer_pause_max),
            streams_max,
            streams_per_caller_max: self
                .streams_per_caller_max
                .unwrap_or(default.streams_per_caller_max),
            stream_reads_max: self.stream_reads_max.unwrap_or(default.stream_reads_max),
        })
    }
}

/// Files that the daemon has open beside its connections: database, logs, evidence, deliveries.
const FILES_BESIDE: usize = 256;

/// Keeps the limits within what the system lets the process open, and says where they must be
/// lower than they are set.
pub(crate) fn fit(limits: &mut Limits) {
    let Some(files) = getrlimit(Resource::Nofile).current else { return };
    let files = usize::try_from(files).unwrap_or(usize::MAX);
    let needed = limits.connections_max.get().saturating_add(FILES_BESIDE);
    if files >= needed {
        return;
    }
    let wanted = limits.connections_max;
    lower(limits, files);
    tracing::warn!(
        open_files_max = files,
        needed,
        connections_max = wanted,
        connections = limits.connections_max,
        streams = limits.streams_max,
        "the system lets the process open too few files: fewer connections are taken than \
         server.limits.connections_max says; raise LimitNOFILE in the unit, or ulimit -n"
    );
}

fn lower(limits: &mut Limits, files: usize) {
    let room = files.saturating_sub(FILES_BESIDE.min(files / 2));
    let connections = NonZeroUsize::new(room).unwrap_or(NonZeroUsize::MIN);
    let streams = NonZeroUsize::new(room / 2).unwrap_or(NonZeroUsize::MIN);
    limits.connections_max = connections;
    limits.streams_max = limits.streams_max.min(streams);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> LimitsConfig {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn what_is_not_set_has_its_default() {
        assert_eq!(config("").make().unwrap(), Limits::default());
        let set = config("head_seconds_max = 5\nstreams_per_caller_max = 3").make().unwrap();
        let expected = Limits {
            head_max: Duration::from_secs(5),
            streams_per_caller_max: NonZeroUsize::new(3).unwrap(),
            ..Limits::default()
        };
        assert_eq!(set, expected);
    }

    #[test]
    fn limits_that_cannot_be_are_refused_by_name() {
        for text in ["connections_max = 0", "head_seconds_max = 0", "streams = 3"] {
            let refused = toml::from_str::<LimitsConfig>(text).unwrap_err().to_string();
            assert!(refused.contains(text.split_once(' ').unwrap().0), "{refused}");
        }
        let refused = config("connections_max = 100").make().unwrap_err().to_string();
        assert!(refused.contains("streams_max") && refused.contains("100"), "{refused}");
    }

    #[test]
    fn few_files_leave_room_for_what_is_no_connection() {
        for (files, connections, streams) in
            [(1_024, 768, 384), (4_000, 3_744, 1_872), (300, 150, 75), (2, 1, 1), (0, 1, 1)]
        {
            let mut limits = Limits::default();
            lower(&mut limits, files);
            let lowered = (limits.connections_max.get(), limits.streams_max.get());
            assert_eq!(lowered, (connections, streams), "{files}");
        }
    }
}
