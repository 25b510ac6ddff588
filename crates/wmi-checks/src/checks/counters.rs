//! The check `counters:CLASS`: any class of raw performance counters, cooked by the qualifiers of its definition.

use std::borrow::Cow;
use std::collections::BTreeMap;

use wmi_proto::Row;
use wmi_proto::cim::{CimObject, CimValue};

use crate::counters::{Column, CounterType, Layout, Measure, Sample, Why, is_identifier};
use crate::plan::COUNTERS_ARE_READ_BY;
use crate::sampled::{Missing, number, tell_unkept};
use crate::{
    About, Answer, Check, Failure, Item, Options, Reads, Report, Request, RequestId, Round, Shape, State, Unanswered,
    Unit, Value, Work,
};

/// What stands before the class in the key.
pub(crate) const PREFIX: &str = "counters:";

/// How classes of values begin that the host has made of raw ones.
const FORMATTED_DATA: &str = "Win32_PerfFormattedData";

/// The check of one class.
#[derive(Debug)]
pub(crate) struct Counters {
    class: String,
}

static ABOUT: About = About {
    summary: "all counters of a class Win32_PerfRawData_…, as rates, shares and means since the round before",
    rights: "Performance Monitor Users",
    returns: &[
        ("instance", "one item per instance, with the counters of the class"),
        ("instanceTotal", "its sum or mean"),
    ],
    unchanged_eol: 0,
};

const NAMESPACE: &str = "root/cimv2";
const DEFINITION: RequestId = RequestId(0);
const RAW: RequestId = RequestId(1);
const FORMATTED: RequestId = RequestId(2);

const fn part(id: RequestId) -> &'static str {
    match id {
        DEFINITION => "definition",
        FORMATTED => "formatted",
        _ => "raw",
    }
}

impl Counters {
    /// The check with this key; `None` when it is not one of these, or names no class, or one of which the host has made
    /// values already: they are no samples.
    pub(crate) fn by_key(key: &str) -> Option<Self> {
        let (prefix, class) = key.split_at_checked(PREFIX.len())?;
        if !prefix.eq_ignore_ascii_case(PREFIX) {
            return None;
        }
        let is_formatted =
            class.get(..FORMATTED_DATA.len()).is_some_and(|start| start.eq_ignore_ascii_case(FORMATTED_DATA));
        (is_identifier(class) && !is_formatted).then(|| Self { class: class.to_owned() })
    }
}

impl Check for Counters {
    fn key(&self) -> Cow<'static, str> {
        format!("{PREFIX}{}", self.class).into()
    }

    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn reads(&self, _: &Options) -> Vec<Reads> {
        vec![Reads { namespace: NAMESPACE.into(), class: self.class.clone().into(), members: Vec::new() }]
    }

    fn begin(&self, options: &Options, state: State) -> Box<dyn Round> {
        Box::new(CountersRound {
            shape: options.shape,
            report: Report::of(self.key()),
            class: self.class.clone(),
            state,
            asked: [false; 3],
            anew: false,
            raw: None,
            formatted: Vec::new(),
        })
    }
}

struct CountersRound {
    class: String,
    shape: Shape,
    state: State,
    report: Report,
    /// By request: whether it is or was under way.
    asked: [bool; 3],
    /// Whether the layout is of this round.
    anew: bool,
    raw: Option<Vec<Row>>,
    formatted: Vec<Row>,
}

impl CountersRound {
    fn ask(&mut self, id: RequestId, work: Work) -> Option<Request> {
        let asked = self.asked.get_mut(id.0 as usize)?;
        (!core::mem::replace(asked, true)).then(|| Request { id, part: part(id), namespace: NAMESPACE.into(), work })
    }

    fn fail(&mut self, id: RequestId, why: &Unanswered) {
        self.report.errors.push(Failure::of_query(part(id), why));
    }

    fn define(&mut self, answer: &Answer) {
        match (&answer.outcome, answer.rows.first()) {
            (Err(why), _) => self.fail(DEFINITION, why),
            (Ok(()), Some(Ok(object))) => {
                let layout = Layout::of(object.class());
                if layout.is_none() {
                    let text = format!("{} has no property with a CounterType", self.class);
                    self.report.errors.push(Failure::of_values(part(DEFINITION), text));
                }
                self.state.samples.set_layout(&self.class, layout);
                self.anew = true;
            }
            (Ok(()), Some(Err(error))) => {
                let text = format!("the class does not decode: {error}");
                self.report.errors.push(Failure::of_values(part(DEFINITION), text));
            }
            (Ok(()), None) => {
                self.report.errors.push(Failure::of_values(part(DEFINITION), "the host returned no class"));
            }
        }
    }
}

impl Round for CountersRound {
    fn next(&mut self) -> Option<Request> {
        let Some(layout) = self.state.samples.layout(&self.class) else {
            let path = self.class.clone();
            return self.ask(DEFINITION, Work::Object { path });
        };
        let (raw, formatted) = (layout.query(), layout.formatted_query());
        let first = !self.state.samples.has_samples(&self.class);
        if let Some(request) = self.ask(RAW, Work::Query { wql: raw.into(), many: false }) {
            return Some(request);
        }
        self.ask(FORMATTED, Work::Query { wql: formatted.filter(|_| first)?.into(), many: false })
    }

    fn answer(&mut self, id: RequestId, answer: Answer) {
        match id {
            DEFINITION => self.define(&answer),
            RAW => {
                if let Err(why) = &answer.outcome {
                    // The class may have changed since its definition was read.
                    if why.is_unknown() && answer.rows.is_empty() && !self.anew {
                        self.state.samples.set_layout(&self.class, None);
                        self.asked = [false; 3];
                        return;
                    }
                    self.fail(RAW, why);
                }
                if answer.outcome.is_ok() || !answer.rows.is_empty() {
                    self.raw = Some(answer.rows);
                }
            }
            FORMATTED => {
                // It only stands in for what needs a second sample.
                if let Err(why) = &answer.outcome {
                    self.report.warnings.push(Failure::of_query(part(FORMATTED), why));
                }
                self.formatted = answer.rows;
            }
            _ => {}
        }
    }

    fn finish(mut self: Box<Self>) -> (Report, State) {
        let layout = self.state.samples.layout(&self.class).cloned();
        let next = if layout.is_some() { RAW } else { DEFINITION };
        let Some((layout, rows)) = layout.zip(self.raw.take()) else {
            if self.report.errors.is_empty() {
                self.report.errors.push(Failure::unanswered(part(next)));
            }
            return (self.report, self.state);
        };
        let Self { class, shape, mut state, mut report, formatted, .. } = *self;
        let rows = decoded(&rows, part(RAW), &mut report);
        tell_bad_cells(&layout, &rows, part(RAW), &mut report);
        let formatted = decoded(&formatted, part(FORMATTED), &mut report);
        // The first of one name counts.
        let formatted: BTreeMap<String, &CimObject> =
            formatted.iter().rev().map(|row| (instance(&layout, row), *row)).collect();
        let mut missing = Missing::new(!state.samples.has_samples(&class));
        let sampled: Vec<(String, Sample)> = rows
            .iter()
            .map(|row| (instance(&layout, row), Sample::read(&layout.counters, |name| cell(row, name))))
            .collect();
        let earlier = state.samples.replace(&class, sampled.clone());
        tell_unkept(part(RAW), sampled.len(), state.samples.instances(&class), &mut report);
        if rows.is_empty() && report.errors.is_empty() {
            report.warnings.push(Failure {
                class: Some(class.clone()),
                remedy: Some(COUNTERS_ARE_READ_BY.to_owned()),
                ..Failure::of_values(
                    part(RAW),
                    "no rows: there is nothing of this kind, or the account is not shown it",
                )
            });
        }
        if layout.left_out > 0 {
            let text = format!("{} counters of the class are left out: {} are told", layout.left_out, Layout::COUNTERS);
            report.warnings.push(Failure::of_values(part(DEFINITION), text));
        }
        let (mut items, mut total) = (Vec::new(), Vec::new());
        for (row, (name, sample)) in rows.iter().zip(&sampled) {
            let host = formatted.get(name);
            let mut item = Item::new(if name == "_Total" { "total" } else { name.as_str() });
            for (column, value) in layout.counters.iter().zip(sample.cook(&layout.counters, earlier.of(name))) {
                if let Some((unit, value)) = metric(column, value, row, host, shape, &mut missing) {
                    item = item.with(column.name.clone(), unit, value);
                }
            }
            if name == "_Total" { total.push(item) } else { items.push(item) }
        }
        missing.tell(part(RAW), &mut report);
        report.put(part(RAW), "instance", items);
        if !total.is_empty() {
            report.put(part(RAW), "instanceTotal", total);
        }
        (report, state)
    }
}

/// The rows that decode. Those that do not are told, once for all.
fn decoded<'a>(rows: &'a [Row], part: &'static str, report: &mut Report) -> Vec<&'a CimObject> {
    let errors: Vec<_> = rows.iter().filter_map(|row| row.as_ref().err()).collect();
    if let Some(first) = errors.first() {
        let text = format!("{} of {} rows do not decode: {first}", errors.len(), rows.len());
        report.errors.push(Failure::of_values(part, text));
    }
    rows.iter().filter_map(|row| row.as_ref().ok()).collect()
}

/// Cells that do not decode are NULL. They are told, once for all.
fn tell_bad_cells(layout: &Layout, rows: &[&CimObject], part: &'static str, report: &mut Report) {
    let mut errors =
        rows.iter().flat_map(|row| layout.columns().filter_map(move |name| Some((name, row.get(name)?.err()?))));
    if let Some((name, first)) = errors.next() {
        let text = match errors.count() {
            0 => format!("1 value does not decode, of {name}: {first}"),
            more => format!("{} values do not decode, the first of {name}: {first}", 1 + more),
        };
        report.errors.push(Failure::of_values(part, text));
    }
}

fn cell(row: &CimObject, name: &str) -> CimValue {
    row.get(name).and_then(Result::ok).unwrap_or(CimValue::Null)
}

/// The name of an instance: its keys; what the class is of, for its only instance.
fn instance(layout: &Layout, row: &CimObject) -> String {
    let text = |name: &String| match cell(row, name) {
        CimValue::Null => None,
        value => value.as_str().map(Cow::into_owned).or_else(|| value.as_u64().map(|number| number.to_string())),
    };
    let name = layout.names.iter().filter_map(text).collect::<Vec<_>>().join(", ");
    if name.is_empty() { layout.class.rsplit('_').next().unwrap_or_default().to_owned() } else { name }
}

/// Unit and value of a counter; `None` when its type has neither.
fn metric(
    column: &Column,
    value: Result<f64, Why>,
    row: &CimObject,
    host: Option<&&CimObject>,
    shape: Shape,
    missing: &mut Missing,
) -> Option<(Unit, Value)> {
    let Some(measure) = column.counter.measure() else {
        let kind = column.counter.kind;
        if kind == CounterType::COUNTER_TEXT {
            return Some((Unit::None, cell(row, &column.name).as_str().map(Cow::into_owned).into()));
        }
        // Types that nobody has named may be numbers.
        if kind.name().is_none() {
            missing.add(Why::Unsupported(kind));
        }
        return None;
    };
    let value = match value {
        Err(Why::NeedsSecondSample) if host.is_some() => {
            let figure = host.and_then(|host| cell(host, &column.name).as_f64());
            // The host's figures are whole: of small means and of seconds nothing would be left.
            match measure {
                Measure::Ratio => figure.map(|percent| percent / 100.0),
                Measure::PerSecond => figure,
                Measure::Number | Measure::Seconds => None,
            }
            .ok_or(Why::NeedsSecondSample)
        }
        value => value,
    };
    let value = value.inspect_err(|why| missing.add(*why)).ok();
    let bytes = column.name.contains("Bytes") && !["KBytes", "MBytes"].iter().any(|unit| column.name.contains(unit));
    let unit = match measure {
        Measure::Ratio if shape == Shape::Infrasonar => {
            return Some((Unit::Percent, value.map(|ratio| 100.0 * ratio).into()));
        }
        Measure::Ratio => Unit::Ratio,
        Measure::PerSecond if bytes => Unit::BytesPerSecond,
        Measure::PerSecond => Unit::PerSecond,
        Measure::Seconds => Unit::Seconds,
        Measure::Number if bytes => Unit::Bytes,
        Measure::Number => Unit::None,
    };
    let whole = if matches!(measure, Measure::Number) && column.counter.kind.is_instant() { Unit::Count } else { unit };
    Some((unit, value.map_or(Value::Null, |value| number(whole, value))))
}

#[cfg(test)]
mod tests;
