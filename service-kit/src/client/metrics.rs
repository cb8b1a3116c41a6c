use prometheus::{IntCounter, IntGauge, Opts, core::Collector};

/// The numbers of one service's calls to another, its `part`. A service shows them with `Background::calls`.
#[derive(Debug)]
pub(super) struct CallMetrics {
    /// 1 while calls are held back because the part was silent.
    pub(super) open: IntGauge,
    /// Calls that have a seat.
    pub(super) under_way: IntGauge,
    /// Calls that wait for a seat.
    pub(super) waiting: IntGauge,
    /// Calls that were not sent because the part was silent.
    pub(super) held_back: IntCounter,
    /// Calls that were not sent because every seat was taken.
    pub(super) crowded_out: IntCounter,
}

impl CallMetrics {
    pub(super) fn new(part: &'static str) -> CallMetrics {
        let opts = |name: &str, help: &str| Opts::new(name, help).const_label("part", part);
        let gauge = |name, help| IntGauge::with_opts(opts(name, help)).expect("BUG: a gauge's name");
        let not_sent = |reason: &str| {
            let opts =
                opts("lastcopy_calls_not_sent_total", "Calls held back (silent), or refused for want of a seat (busy)");
            IntCounter::with_opts(opts.const_label("reason", reason)).expect("BUG: a counter's name")
        };
        CallMetrics {
            open: gauge(
                "lastcopy_breaker_open",
                "1: this part was silent when it was last asked, and only probes are sent to it",
            ),
            under_way: gauge("lastcopy_calls_under_way", "Calls to this part that are not answered yet"),
            waiting: gauge("lastcopy_calls_waiting", "Calls to this part that wait for a seat"),
            held_back: not_sent("silent"),
            crowded_out: not_sent("busy"),
        }
    }

    pub(super) fn collectors(&self) -> Vec<Box<dyn Collector>> {
        let gauges =
            [&self.open, &self.under_way, &self.waiting].map(|gauge| Box::new(gauge.clone()) as Box<dyn Collector>);
        let counters =
            [&self.held_back, &self.crowded_out].map(|counter| Box::new(counter.clone()) as Box<dyn Collector>);
        gauges.into_iter().chain(counters).collect()
    }
}
