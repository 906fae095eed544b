//! Metrics as OpenMetrics text, by the library of the Prometheus project.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};

use super::family::{Families, Labels, Value};

/// All metrics, and the mark of the end.
pub(super) fn render(families: Families) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(families));
    let mut out = String::new();
    text::encode(&mut out, &registry).expect("writing into a string does not fail");
    out
}

impl Collector for Families {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), std::fmt::Error> {
        for family in self.iter() {
            let metric = family.metric;
            let unit = metric.unit.map(|unit| Unit::Other(unit.to_owned()));
            let help = format!("{}.", metric.help);
            let mut encoder =
                encoder.encode_descriptor(metric.name, &help, unit.as_ref(), MetricType::Gauge)?;
            for (labels, value) in &family.samples {
                let labels: Vec<(&str, &str)> = pairs(labels);
                let encoder = encoder.encode_family(&labels)?;
                match value {
                    Value::Whole(value) => ConstGauge::new(*value).encode(encoder)?,
                    Value::Decimal(value) => ConstGauge::new(*value).encode(encoder)?,
                }
            }
        }
        Ok(())
    }
}

fn pairs(labels: &Labels) -> Vec<(&str, &str)> {
    labels
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect()
}
