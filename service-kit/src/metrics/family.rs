use std::sync::OnceLock;

use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, core::Collector};

use super::{Counter, Gauge, Histogram};

/// A family of series that a service can show: same name, other labels.
pub trait Family: Sync {
    /// What the registry gathers. Series that are known beforehand are there from the start: a rate over a series that
    /// begins with its first event does not see that event.
    fn collector(&self) -> Box<dyn Collector>;
}

macro_rules! family {
    ($(#[$doc:meta])* $family:ident of $series:ty, $vec:ty, $options:ty, |$self:ident| $more:expr, $($field:ident: $type:ty)?) => {
        $(#[$doc])*
        pub struct $family<const N: usize> {
            name: &'static str,
            help: &'static str,
            labels: [&'static str; N],
            known: &'static [[&'static str; N]],
            $($field: $type,)?
            series: OnceLock<$vec>,
        }

        impl<const N: usize> $family<N> {
            /// `known` are the values of the labels that are shown from the start; others join when they are used.
            pub const fn new(
                name: &'static str,
                help: &'static str,
                labels: [&'static str; N],
                known: &'static [[&'static str; N]],
                $($field: $type,)?
            ) -> Self {
                Self { name, help, labels, known, $($field,)? series: OnceLock::new() }
            }

            /// The series with these values of the labels.
            pub fn with(&self, values: [&'static str; N]) -> $series {
                self.series().with_label_values(&values)
            }

            fn series(&self) -> &$vec {
                self.series.get_or_init(|| {
                    let $self = self;
                    let series = <$vec>::new($more, &self.labels).expect("BUG: a name or a label that Prometheus refuses");
                    self.known.iter().for_each(|values| drop(series.with_label_values(values)));
                    series
                })
            }
        }

        impl<const N: usize> Family for $family<N> {
            fn collector(&self) -> Box<dyn Collector> {
                Box::new(self.series().clone())
            }
        }
    };
}

family! {
    /// Counters by labels. Its name ends in `_total`.
    Counters of Counter, IntCounterVec, Opts, |it| Opts::new(it.name, it.help),
}

family! {
    /// Gauges by labels.
    Gauges of Gauge, IntGaugeVec, Opts, |it| Opts::new(it.name, it.help),
}

family! {
    /// Histograms by labels, with upper bounds such as [`SECONDS`](super::SECONDS). Its name ends in its unit.
    Histograms of Histogram, HistogramVec, HistogramOpts,
    |it| HistogramOpts::new(it.name, it.help).buckets(it.bounds.to_vec()), bounds: &'static [f64]
}
