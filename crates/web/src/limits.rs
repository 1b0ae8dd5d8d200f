//! How much of the service whoever calls may take up.

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

/// Bounds on connections and event streams. `docs/configuration.md` has their names for operators.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Connections at a time. One more takes the place of that which has waited longest for a
    /// request; where none waits it is answered with 503.
    pub connections_max: NonZeroUsize,
    /// How long a connection may take until the head of its next request is there, from its
    /// beginning or its last answer. Longer than proxies keep idle connections, which would
    /// otherwise send a request into one that is just being closed.
    pub head_max: Duration,
    /// How long the body of a request may pause.
    pub body_pause_max: Duration,
    /// How many bytes of its body a request brings in each second on average, after a pause.
    pub body_bytes_per_second_min: NonZeroU32,
    /// How long a connection may take nothing of its answer.
    pub answer_pause_max: Duration,
    /// Event streams at a time; one more is answered with 503.
    pub streams_max: NonZeroUsize,
    /// Those of one person, or of one token.
    pub streams_per_caller_max: NonZeroUsize,
    /// Streams that read what has happened at the same time; others wait their turn.
    pub stream_reads_max: NonZeroUsize,
}

impl Default for Limits {
    /// Room for an office of some thousand people.
    fn default() -> Self {
        let count = |count| NonZeroUsize::new(count).expect("invariant: defaults are not zero");
        Self {
            connections_max: count(4_000),
            head_max: Duration::from_secs(75),
            body_pause_max: Duration::from_secs(10),
            body_bytes_per_second_min: NonZeroU32::new(1_024).expect("invariant: not zero"),
            answer_pause_max: Duration::from_secs(60),
            streams_max: count(2_000),
            streams_per_caller_max: count(20),
            stream_reads_max: count(2),
        }
    }
}
