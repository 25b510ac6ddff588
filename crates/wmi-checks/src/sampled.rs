//! Rows of raw counters in a planned check: cooked with the samples of the round before, and kept for the next.

use std::collections::BTreeMap;

use crate::counters::{Column, Sample, Why};
use crate::record::Record;
use crate::{Failure, Item, Report, State, Unit, Value};

/// A counter of a raw class, and the metric that it becomes.
#[derive(Debug)]
pub(crate) struct Gauge {
    pub(crate) metric: &'static str,
    pub(crate) unit: Unit,
    pub(crate) column: Column,
}

/// A row and the values of its counters, in the order of the gauges.
#[derive(Debug)]
pub(crate) struct Sampled<'a> {
    pub(crate) record: &'a Record,
    pub(crate) values: Vec<Result<f64, Why>>,
}

impl Sampled<'_> {
    /// The value of the gauge at `index`.
    pub(crate) fn value(&self, index: usize) -> Option<f64> {
        self.values.get(index)?.ok()
    }

    /// `item` with the metrics of `gauges`, which are those that the row was sampled with.
    pub(crate) fn metrics(&self, gauges: &[Gauge], item: Item) -> Item {
        gauges.iter().zip(&self.values).fold(item, |item, (gauge, value)| {
            item.with(gauge.metric, gauge.unit, value.ok().map_or(Value::Null, |value| number(gauge.unit, value)))
        })
    }
}

/// Why values are missing, with how often: what is not in the nature of things is told.
#[derive(Debug)]
pub(crate) struct Missing {
    /// Whether there is no earlier sample of anything.
    first: bool,
    reasons: BTreeMap<String, usize>,
}

impl Missing {
    pub(crate) const fn new(first: bool) -> Self {
        Self { first, reasons: BTreeMap::new() }
    }

    pub(crate) fn add(&mut self, why: Why) {
        // That nothing happened, or that something is new, is as it should be.
        let expected = matches!(why, Why::NothingCounted | Why::OtherInstance | Why::NoValue)
            || (why == Why::NeedsSecondSample && !self.first);
        if !expected {
            *self.reasons.entry(why.to_string()).or_default() += 1;
        }
    }

    /// Warns of `part`, once per reason.
    pub(crate) fn tell(self, part: &'static str, report: &mut Report) {
        for (reason, count) in self.reasons {
            let values = if count == 1 { "1 value is".to_owned() } else { format!("{count} values are") };
            report.warnings.push(Failure::of_values(part, format!("{values} missing: {reason}")));
        }
    }
}

/// Warns of `part` when samples of fewer instances are kept than there were.
pub(crate) fn tell_unkept(part: &'static str, given: usize, kept: usize, report: &mut Report) {
    if kept < given {
        let text = format!("of {} of {given} instances no sample is kept: their rates stay unknown", given - kept);
        report.warnings.push(Failure::of_values(part, text));
    }
}

/// Counts and octets are whole numbers.
pub(crate) fn number(unit: Unit, value: f64) -> Value {
    match unit {
        Unit::Count | Unit::Bytes if value.fract() == 0.0 && (0.0..9.0e15).contains(&value) => {
            Value::Uint(value as u64)
        }
        _ => Value::real(value),
    }
}

/// The values of `gauges` in the rows of `part`. `instance` says what tells an instance from all others, in this sample
/// and the one before.
///
/// What has no value for a reason that is not in the nature of things is told as a warning of the part, once per reason.
pub(crate) fn cook<'a>(
    part: &'static str,
    gauges: &[Gauge],
    rows: impl IntoIterator<Item = &'a Record>,
    instance: impl Fn(&Record) -> String,
    state: &mut State,
    report: &mut Report,
) -> Vec<Sampled<'a>> {
    cook_and_mend(part, gauges, rows, instance, |_| {}, state, report)
}

/// The same where `mend` sees the values of each row before it is told what is missing, and may better them.
pub(crate) fn cook_and_mend<'a>(
    part: &'static str,
    gauges: &[Gauge],
    rows: impl IntoIterator<Item = &'a Record>,
    instance: impl Fn(&Record) -> String,
    mend: impl Fn(&mut [Result<f64, Why>]),
    state: &mut State,
    report: &mut Report,
) -> Vec<Sampled<'a>> {
    let columns: Vec<Column> = gauges.iter().map(|gauge| gauge.column.clone()).collect();
    let rows: Vec<&Record> = rows.into_iter().collect();
    let sample = |row: &&Record| (instance(row), Sample::read(&columns, |name| row.cim(name)));
    let samples: Vec<(String, Sample)> = rows.iter().map(sample).collect();
    let mut missing = Missing::new(!state.samples.contains(part));
    let earlier = state.samples.replace(part, samples.clone());
    tell_unkept(part, samples.len(), state.samples.instances(part), report);
    let mut cook = |(record, (name, sample)): (&'a Record, &(String, Sample))| {
        let mut values = sample.cook(&columns, earlier.of(name));
        mend(&mut values);
        values.iter().filter_map(|value| value.err()).for_each(|why| missing.add(why));
        Sampled { record, values }
    };
    let sampled = rows.into_iter().zip(&samples).map(&mut cook).collect();
    missing.tell(part, report);
    sampled
}

#[cfg(test)]
pub(crate) mod tests {
    use wmi_proto::cim::CimValue;

    use super::*;
    use crate::counters::{CounterType, Moment};
    use crate::plan::Select;

    /// Whether the query of `select` brings all that the gauges and their clocks need.
    pub(crate) fn assert_selects(select: &Select, gauges: &[Gauge]) {
        let bases = gauges.iter().filter_map(|gauge| gauge.column.base.as_deref());
        for column in gauges.iter().map(|gauge| &*gauge.column.name).chain(bases).chain(Moment::COLUMNS) {
            assert!(select.columns.contains(&column), "{} lacks {column}", select.class);
        }
    }

    const GAUGES: [Gauge; 1] = [Gauge {
        metric: "Reads",
        unit: Unit::PerSecond,
        column: Column::narrow("DiskReadsPersec", CounterType::COUNTER_COUNTER),
    }];

    fn row(name: &str, ticks: u64, reads: u32) -> Record {
        Record::made(
            &["Name", "Timestamp_PerfTime", "Frequency_PerfTime", "DiskReadsPersec"],
            [CimValue::String(name.into()), CimValue::Uint64(ticks), CimValue::Uint64(1_000), CimValue::Uint32(reads)],
        )
    }

    fn values(rows: &[Record], state: &mut State, report: &mut Report) -> Vec<Option<f64>> {
        let name = |record: &Record| record.text("Name").unwrap_or_default().into_owned();
        cook("disk", &GAUGES, rows, name, state, report).iter().map(|sampled| sampled.value(0)).collect()
    }

    #[test]
    fn the_first_round_says_that_a_second_is_needed_and_the_next_has_rates() {
        let (mut state, mut report) = (State::default(), Report::default());
        assert_eq!(values(&[row("0", 1_000, 5)], &mut state, &mut report), [None]);
        assert_eq!(report.warnings.len(), 1);
        assert_eq!(report.warnings[0].text, "1 value is missing: needs a second sample");
        let mut report = Report::default();
        let rows = [row("0", 2_000, 15), row("1", 2_000, 7)];
        assert_eq!(values(&rows, &mut state, &mut report), [Some(10.0), None]);
        assert!(report.warnings.is_empty(), "a new disk is nothing to warn of: {:?}", report.warnings);
    }

    #[test]
    fn rows_of_one_name_have_no_rates() {
        let (mut state, mut report) = (State::default(), Report::default());
        values(&[row("0", 1_000, 5)], &mut state, &mut report);
        let mut report = Report::default();
        let rows = [row("0", 2_000, 15), row("0", 2_000, 7)];
        assert_eq!(values(&rows, &mut state, &mut report), [None, None]);
        assert_eq!(report.warnings[0].text, "2 values are missing: several instances have this name");
    }

    #[test]
    fn instances_beyond_what_is_kept_are_told() {
        use crate::counters::Samples;
        let (mut state, mut report) = (State::default(), Report::default());
        let rows: Vec<Record> = (0..Samples::INSTANCES + 7).map(|n| row(&n.to_string(), 1_000, 5)).collect();
        values(&rows, &mut state, &mut report);
        let text = format!("of 7 of {} instances no sample is kept: their rates stay unknown", rows.len());
        assert!(report.warnings.iter().any(|warning| warning.text == text), "{:?}", report.warnings);
    }

    #[test]
    fn counts_are_whole_numbers() {
        assert_eq!(number(Unit::Count, 3.0), Value::Uint(3));
        assert_eq!(number(Unit::Bytes, 1.0e20), Value::Real(1.0e20));
        assert_eq!(number(Unit::Ratio, 1.0), Value::Real(1.0));
    }
}
