//! Metrics with their samples, before they are text.
//!
//! All are gauges: node_exporter reads the older text format of Prometheus, in which a gauge looks the same, and other types do not.

use std::collections::BTreeMap;

/// What is said about a metric.
#[derive(Debug)]
pub(super) struct Metric {
    /// Without the unit.
    pub(super) name: &'static str,
    /// `seconds` or `bytes`; the last part of the name.
    pub(super) unit: Option<&'static str>,
    /// A sentence without its full stop.
    pub(super) help: &'static str,
}

impl Metric {
    /// A number without a unit.
    pub(super) const fn plain(name: &'static str, help: &'static str) -> Self {
        Self {
            name,
            unit: None,
            help,
        }
    }

    pub(super) const fn seconds(name: &'static str, help: &'static str) -> Self {
        Self {
            name,
            unit: Some("seconds"),
            help,
        }
    }

    pub(super) const fn bytes(name: &'static str, help: &'static str) -> Self {
        Self {
            name,
            unit: Some("bytes"),
            help,
        }
    }
}

/// The value of a sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value {
    Whole(i64),
    Decimal(f64),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Whole(value)
    }
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Whole(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        Self::Whole(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Whole(i64::from(value))
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Decimal(value)
    }
}

/// Names and values of a sample's labels.
pub(super) type Labels = BTreeMap<&'static str, String>;

/// Labels of these pairs.
pub(super) fn labels<const N: usize>(pairs: [(&'static str, &str); N]) -> Labels {
    pairs
        .into_iter()
        .map(|(name, value)| (name, value.to_owned()))
        .collect()
}

/// A metric and its samples.
#[derive(Debug)]
pub(super) struct Family {
    pub(super) metric: &'static Metric,
    pub(super) samples: BTreeMap<Labels, Value>,
}

/// All metrics, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Families {
    all: Vec<Family>,
}

impl Families {
    /// Adds a sample. One with the same labels is replaced: twice the same series would make the whole text invalid.
    pub(super) fn add(
        &mut self,
        metric: &'static Metric,
        labels: &Labels,
        value: impl Into<Value>,
    ) {
        let known = self.all.iter().position(|family| {
            (family.metric.name, family.metric.unit) == (metric.name, metric.unit)
        });
        let at = known.unwrap_or_else(|| {
            self.all.push(Family {
                metric,
                samples: BTreeMap::new(),
            });
            self.all.len() - 1
        });
        let samples = &mut self.all[at].samples;
        samples.insert(labels.clone(), value.into());
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, Family> {
        self.all.iter()
    }
}
