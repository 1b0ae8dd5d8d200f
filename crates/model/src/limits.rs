//! How much an author's files may ask of the loader.

/// Limits of one load. Reaching one is a problem (`DB1006`, or `DB1005` for depth) that names it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LoadLimits {
    /// Bytes of one file.
    pub bytes_max: usize,
    /// Nodes (texts, lists, maps) of one YAML file.
    pub nodes_max: usize,
    /// Bytes of `directory.yaml`, which holds thousands of units.
    pub directory_bytes_max: usize,
    /// Nodes of `directory.yaml`.
    pub directory_nodes_max: usize,
    /// How deep lists and maps may be nested.
    pub depth_max: usize,
    /// Tasks of one workflow, those that presets make included.
    pub tasks_max: usize,
    /// Files of one suite.
    pub files_max: usize,
}

impl LoadLimits {
    /// What [`load_suite`](crate::load_suite) uses.
    pub const DEFAULT: Self = Self {
        bytes_max: 1 << 20,
        nodes_max: 50_000,
        directory_bytes_max: 8 << 20,
        directory_nodes_max: 500_000,
        depth_max: 32,
        tasks_max: 500,
        files_max: 500,
    };

    /// The same limits with those of a directory in place of those of a plain file.
    pub(crate) fn of_directory(self) -> Self {
        Self { bytes_max: self.directory_bytes_max, nodes_max: self.directory_nodes_max, ..self }
    }
}

impl Default for LoadLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
