//! What a new cluster shall be like.

/// What a new cluster shall be like.
#[derive(Debug, Clone)]
pub struct ClusterBuilder {
    pub(super) major: u32,
    pub(super) wal_segment_mib: u32,
    pub(super) data_checksums: bool,
    pub(super) own_system_id: bool,
    pub(super) settings: Vec<(String, String)>,
}

impl ClusterBuilder {
    /// Size of WAL segments in MiB, a power of two from 1 to 1024 (1 unless set).
    pub fn wal_segment_mib(mut self, size: u32) -> Self {
        self.wal_segment_mib = size;
        self
    }

    /// Whether pages carry checksums (they do unless set).
    pub fn data_checksums(mut self, on: bool) -> Self {
        self.data_checksums = on;
        self
    }

    /// Runs `initdb` for this cluster alone, so that its system identifier is its own.
    pub fn own_system_id(mut self) -> Self {
        self.own_system_id = true;
        self
    }

    /// Adds a line to `postgresql.conf`; the value is quoted here.
    pub fn setting(mut self, name: &str, value: impl ToString) -> Self {
        self.settings.push((name.to_owned(), value.to_string()));
        self
    }
}
