//! The content of a lock file: one JSON object (`docs/format/locks-and-spool.md`).
#![allow(clippy::disallowed_methods)] // reads /proc, which is no storage

/// What a lock file says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LockData {
    /// `<pid>-<8 hex>` of the command that holds the lock.
    pub exec_id: String,
    pub pid: u32,
    /// Percent done × 100.
    pub percent_complete: Option<u32>,
    /// Bytes to copy.
    pub size: Option<u64>,
    /// Bytes copied.
    pub size_complete: Option<u64>,
}

/// Bytes; what no cluster has is taken for not said, so that sums of what several locks say fit.
fn size(value: Option<&serde_json::Value>) -> Option<u64> {
    let size = value.and_then(serde_json::Value::as_u64);
    size.filter(|size| *size <= 1 << 56)
}

impl LockData {
    pub(super) fn render(&self) -> String {
        let mut text = format!("{{\"execId\":\"{}\"", self.exec_id);
        if let Some(percent) = self.percent_complete {
            text.push_str(&format!(",\"pctCplt\":{percent}"));
        }
        text.push_str(&format!(",\"pid\":{}", self.pid));
        if let Some(size) = self.size {
            text.push_str(&format!(",\"sz\":{size}"));
        }
        if let Some(size) = self.size_complete {
            text.push_str(&format!(",\"szCplt\":{size}"));
        }
        text.push('}');
        text
    }

    /// Reads the content of a lock file, also of pgBackRest's; `None` when it is not (yet) whole.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let value: serde_json::Value = serde_json::from_str(text).ok()?;
        Some(Self {
            exec_id: value.get("execId")?.as_str()?.to_owned(),
            pid: u32::try_from(value.get("pid")?.as_u64()?).ok()?,
            percent_complete: value
                .get("pctCplt")
                .and_then(|n| n.as_u64())
                .and_then(|n| u32::try_from(n).ok()),
            size: size(value.get("sz")),
            size_complete: size(value.get("szCplt")),
        })
    }

    /// Whether the process that holds the lock has this argument; `false` where `/proc` does not show arguments.
    #[must_use]
    pub fn holder_was_given(&self, argument: &str) -> bool {
        std::fs::read(format!("/proc/{}/cmdline", self.pid)).is_ok_and(|line| {
            line.split(|&byte| byte == 0)
                .any(|given| given == argument.as_bytes())
        })
    }
}
