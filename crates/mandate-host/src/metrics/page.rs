//! The text of all figures at one moment.

use std::fmt;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, prometheus_text};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::{MetricType, TypedMetric};
use prometheus_client::registry::{Metric, Registry};

use mandate::UnixSeconds;

use super::histogram::Measured;
use crate::config::Standing;

/// The labels of one series, by name.
pub type Labels = Vec<(&'static str, String)>;

/// All figures at one moment.
///
/// Source: Prometheus text format, version 0.0.4.
#[derive(Debug)]
pub struct Page {
    registry: Registry,
}

impl Page {
    /// What its text is served as.
    pub const CONTENT_TYPE: &'static str = prometheus_text::CONTENT_TYPE;

    /// A page without figures; the name of each will begin with `prefix` and an underscore.
    #[must_use]
    pub fn new(prefix: &str) -> Self {
        Self { registry: Registry::with_prefix(prefix) }
    }

    /// A value that goes up and down.
    pub fn gauge(&mut self, name: &str, help: &str, value: u64) {
        self.gauges(name, help, [(Vec::new(), value)]);
    }

    /// Whether something is so: 1 or 0.
    pub fn flag(&mut self, name: &str, help: &str, value: bool) {
        self.gauge(name, help, value.into());
    }

    /// Values that go up and down, by their labels.
    pub fn gauges(
        &mut self,
        name: &str,
        help: &str,
        series: impl IntoIterator<Item = (Labels, u64)>,
    ) {
        let series = series.into_iter().map(|(labels, value)| (labels, ConstGauge::new(value)));
        self.family(name, help, series);
    }

    /// Values that only grow, by their labels; `_total` is put to the name.
    pub fn counters(
        &mut self,
        name: &str,
        help: &str,
        series: impl IntoIterator<Item = (Labels, u64)>,
    ) {
        let series = series.into_iter().map(|(labels, value)| (labels, ConstCounter::new(value)));
        self.family(name, help, series);
    }

    /// How values are spread, by their labels.
    pub fn histograms(
        &mut self,
        name: &str,
        help: &str,
        series: impl IntoIterator<Item = (Labels, Measured)>,
    ) {
        self.family(name, help, series);
    }

    /// What any daemon says of itself: its version, and when it started.
    pub fn process(&mut self, version: &str, started_at: UnixSeconds) {
        let labels = vec![("version", version.to_owned())];
        self.gauges("build_info", "The program that runs, always 1", [(labels, 1)]);
        self.gauge("start_time_seconds", "When it started, in Unix time", started_at.seconds());
    }

    /// Which configuration file is in force.
    pub fn config<D>(&mut self, standing: &Standing<D>) {
        let help = "Whether the newest configuration file is the one in force";
        self.flag("config_reload_success", help, standing.problem.is_none());
        let help = "When the configuration file was last read, in Unix time";
        self.gauge("config_reload_timestamp_seconds", help, standing.read_at.seconds());
        let help = "Since when the configuration file in force is so, in Unix time";
        self.gauge("config_loaded_timestamp_seconds", help, standing.loaded_at.seconds());
    }

    fn family<M: Metric + TypedMetric>(
        &mut self,
        name: &str,
        help: &str,
        series: impl IntoIterator<Item = (Labels, M)>,
    ) {
        self.registry.register(name, help, Family(series.into_iter().collect()));
    }

    /// The page as Prometheus reads it.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        if let Err(fmt::Error) = prometheus_text::encode(&mut text, &self.registry) {
            tracing::error!("the figures could not be written");
            text.clear();
        }
        text
    }
}

/// Series of one name.
#[derive(Debug)]
struct Family<M>(Vec<(Labels, M)>);

impl<M: EncodeMetric + TypedMetric> EncodeMetric for Family<M> {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        self.0.iter().try_for_each(|(labels, metric)| metric.encode(encoder.encode_family(labels)?))
    }

    fn metric_type(&self) -> MetricType {
        M::TYPE
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_names_each_figure_once_and_escapes_what_it_shows() {
        let mut page = Page::new("test");
        let call = |name: &str| vec![("call", name.to_owned())];
        page.counters("calls", "What was called", [(call("a"), 3), (call("b\"\n"), 4)]);
        page.flag("open", "Whether it is open", true);
        page.gauges("nothing", "What there is none of", []);
        assert_eq!(
            page.text(),
            "# HELP test_calls_total What was called.\n# TYPE test_calls_total counter\n\
             test_calls_total{call=\"a\"} 3\ntest_calls_total{call=\"b\\\"\\n\"} 4\n\
             # HELP test_open Whether it is open.\n# TYPE test_open gauge\ntest_open 1\n"
        );
    }
}
