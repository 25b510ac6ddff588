//! Reports of checks: tables with units for people, or JSON.

use std::io::{self, Write};
use std::time::Duration;

use serde_json::{Map, Value as Json, json};
use wmi_checks::{Failure, Item, Metric, Report, Shape, Type, Unit, Value};
use wmi_proto::FileTime;
use wmi_proto::cim::CimTimestamp;

use crate::args::CheckFormat;
use crate::output::cells::Cell;
use crate::output::table;

/// A report with what the program knows of its round.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told<'a> {
    pub(crate) report: &'a Report,
    /// When the round was over.
    pub(crate) at: FileTime,
    /// How long it took.
    pub(crate) took: Duration,
}

/// Prints reports as they come.
pub(crate) struct Reports<'o> {
    out: &'o mut dyn Write,
    format: CheckFormat,
    shape: Shape,
    host: String,
    /// No other report is expected.
    is_single: bool,
    printed: usize,
}

impl<'o> Reports<'o> {
    /// For reports on `host`; `is_single` when there will be one.
    pub(crate) fn new(
        format: CheckFormat,
        shape: Shape,
        host: String,
        is_single: bool,
        out: &'o mut dyn Write,
    ) -> Self {
        Self { out, format, shape, host, is_single, printed: 0 }
    }

    /// Prints one.
    pub(crate) fn put(&mut self, told: Told<'_>) -> io::Result<()> {
        let Told { report, at, took } = told;
        match (self.format, self.shape) {
            (CheckFormat::Table, _) => {
                if !self.is_single {
                    let at = moment(unix(at) as f64).unwrap_or_default();
                    writeln!(self.out, "# {}, {at}, {:.2} s\n", report.check, took.as_secs_f64())?;
                }
                tables(report, self.out)?;
                if !self.is_single && report.types.is_empty() && !report.errors.is_empty() {
                    writeln!(self.out, "(failed)\n")?;
                }
            }
            (CheckFormat::Json, Shape::Infrasonar) if self.is_single => {
                write!(self.out, "{}", types_json(&report.types))?;
            }
            (CheckFormat::Json, Shape::Infrasonar) => {
                let start = if self.printed == 0 { "{" } else { ",\n" };
                write!(self.out, "{start}{}:{}", Json::from(&*report.check), types_json(&report.types))?;
            }
            (CheckFormat::Json, Shape::Native) => {
                let start = if self.printed == 0 { "[" } else { ",\n" };
                write!(self.out, "{start}{}", self.json(told))?;
            }
            (CheckFormat::Jsonl, Shape::Infrasonar) => {
                writeln!(self.out, "{}", json!({ &*report.check: types_json(&report.types) }))?;
            }
            (CheckFormat::Jsonl, Shape::Native) => writeln!(self.out, "{}", self.json(told))?,
        }
        self.printed += 1;
        self.out.flush()
    }

    /// Ends the document.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        match (self.format, self.shape, self.printed) {
            (CheckFormat::Json, Shape::Infrasonar, 0) => writeln!(self.out, "{{}}")?,
            (CheckFormat::Json, Shape::Infrasonar, _) if self.is_single => writeln!(self.out)?,
            (CheckFormat::Json, Shape::Infrasonar, _) => writeln!(self.out, "}}")?,
            (CheckFormat::Json, Shape::Native, 0) => writeln!(self.out, "[]")?,
            (CheckFormat::Json, Shape::Native, _) => writeln!(self.out, "]")?,
            _ => {}
        }
        self.out.flush()
    }

    fn json(&self, Told { report, at, took }: Told<'_>) -> Json {
        json!({
            "check": report.check,
            "host": self.host,
            "time": unix(at),
            "took": took.as_secs_f64(),
            "types": types_json(&report.types),
            "units": units_json(&report.types),
            "errors": report.errors.iter().map(failure_json).collect::<Json>(),
            "warnings": report.warnings.iter().map(failure_json).collect::<Json>(),
        })
    }
}

/// In whole seconds since 1970.
const fn unix(time: FileTime) -> u64 {
    time.0.saturating_sub(FileTime::UNIX_EPOCH.0) / 10_000_000
}

/// `{type: [item…]}`, an item being `{"name": …, metric: value…}`.
pub(crate) fn types_json(types: &[Type]) -> Json {
    let items = |items: &[Item]| items.iter().map(item_json).collect::<Json>();
    types.iter().map(|t| (t.name.to_string(), items(&t.items))).collect::<Map<_, _>>().into()
}

fn item_json(item: &Item) -> Json {
    let name = ("name".to_owned(), Json::from(item.name.as_str()));
    let metric = |metric: &Metric| (metric.name.to_string(), value_json(&metric.value));
    std::iter::once(name).chain(item.metrics.iter().map(metric)).collect::<Map<_, _>>().into()
}

fn value_json(value: &Value) -> Json {
    // Reals are finite, and nothing else refuses to be written.
    serde_json::to_value(value).unwrap_or_default()
}

/// The units of the numbers that have one, by type and metric.
fn units_json(types: &[Type]) -> Json {
    let units = |t: &Type| -> Map<String, Json> {
        let with_unit = t.items.iter().flat_map(|item| &item.metrics).filter(|metric| metric.unit != Unit::None);
        with_unit.map(|metric| (metric.name.to_string(), metric.unit.name().into())).collect()
    };
    let types = types.iter().map(|t| (t.name.to_string(), units(t))).filter(|(_, units)| !units.is_empty());
    types.map(|(name, units)| (name, units.into())).collect::<Map<_, _>>().into()
}

fn failure_json(failure: &Failure) -> Json {
    json!({
        "part": failure.part,
        "stage": failure.stage,
        "code": failure.code.map(|code| format!("0x{code:08x}")),
        "text": failure.words(),
        "name": failure.name,
        "meaning": failure.meaning,
        "namespace": failure.namespace,
        "class": failure.class,
        "remedy": failure.remedy,
    })
}

/// Many items of a type as rows; a single one as a list of its metrics.
pub(crate) fn tables(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    report.types.iter().try_for_each(|t| type_table(t, out))
}

fn type_table(Type { name, items }: &Type, out: &mut dyn Write) -> io::Result<()> {
    let text = |text: &str| Cell::Text(text.to_owned());
    match items.as_slice() {
        [] => writeln!(out, "{name}\n(none)")?,
        [item] => {
            let of = if item.name == *name { String::new() } else { format!(" {}", table::visible(&item.name)) };
            writeln!(out, "{name}{of}")?;
            let rows: Vec<Vec<Cell>> =
                item.metrics.iter().map(|metric| vec![text(&metric.name), cell(metric)]).collect();
            table::print(&["metric", "value"].map(str::to_owned), &rows, out)?;
        }
        items => {
            writeln!(out, "{name}")?;
            // Not every item has every metric.
            let mut names = vec!["name".to_owned()];
            let row = |item: &Item| {
                let mut row = vec![text(&item.name)];
                for metric in &item.metrics {
                    let at =
                        names.iter().skip(1).position(|name| *name == metric.name).map_or(names.len(), |at| at + 1);
                    if at == names.len() {
                        names.push(metric.name.to_string());
                    }
                    row.resize(row.len().max(at + 1), Cell::Absent);
                    row[at] = cell(metric);
                }
                row
            };
            let mut rows: Vec<Vec<Cell>> = items.iter().map(row).collect();
            rows.iter_mut().for_each(|row| row.resize(names.len(), Cell::Absent));
            table::print_within(&names, &rows, table::terminal(), out)?;
        }
    }
    writeln!(out)
}

/// A value with its unit, as people read it.
fn cell(Metric { unit, value, .. }: &Metric) -> Cell {
    let number = match value {
        Value::Null => return Cell::Null,
        Value::Bool(value) => return Cell::Text(value.to_string()),
        Value::Text(text) => return Cell::Text(text.to_string()),
        Value::List(_) => return Cell::Text(value_json(value).to_string()),
        Value::Int(number) => Number { exact: Some(number.to_string()), real: *number as f64 },
        Value::Uint(number) => Number { exact: Some(number.to_string()), real: *number as f64 },
        Value::Real(real) => Number { exact: None, real: *real },
    };
    Cell::Number(number.with(*unit))
}

/// A number, and its digits when it is an integer.
struct Number {
    exact: Option<String>,
    real: f64,
}

impl Number {
    fn with(self, unit: Unit) -> String {
        let Self { exact, real } = &self;
        match unit {
            Unit::Bytes | Unit::BytesPerSecond => {
                let per = if unit == Unit::Bytes { "" } else { "/s" };
                format!("{}{per}", octets(*real))
            }
            Unit::BitsPerSecond => bits(*real),
            Unit::Ratio => format!("{:.1} %", real * 100.0),
            Unit::Timestamp => moment(*real).unwrap_or_else(|| self.plain()),
            Unit::Seconds => span(*real).unwrap_or_else(|| format!("{} s", self.plain())),
            unit => {
                let number = exact.clone().unwrap_or_else(|| self.plain());
                let symbol = unit.symbol();
                if symbol.is_empty() { number } else { format!("{number} {symbol}") }
            }
        }
    }

    /// Without a unit; a real with as many digits as people look at.
    fn plain(&self) -> String {
        self.exact.clone().unwrap_or_else(|| {
            let text = format!("{:.3}", self.real);
            match text.strip_suffix(".000") {
                Some("-0") => "0".to_owned(),
                Some(whole) => whole.to_owned(),
                None => text,
            }
        })
    }
}

/// A time in milliseconds below one second, in its two largest units from two minutes on; `None` for one beyond all
/// bounds.
fn span(seconds: f64) -> Option<String> {
    let plain = |number| Number { exact: None, real: number }.plain();
    let size = seconds.abs();
    if size < 1.0 && size > 0.0 {
        return Some(format!("{} ms", plain(seconds * 1000.0)));
    }
    if size < 120.0 {
        return Some(format!("{} s", plain(seconds)));
    }
    if size > 1e15 {
        return None;
    }
    let sign = if seconds < 0.0 { "-" } else { "" };
    let whole = size.round() as u64;
    let (days, hours, minutes) = (whole / 86_400, whole / 3600 % 24, whole / 60 % 60);
    Some(match (days, hours) {
        (0, 0) => format!("{sign}{minutes} min {} s", whole % 60),
        (0, _) => format!("{sign}{hours} h {minutes} min"),
        _ => format!("{sign}{days} d {hours} h"),
    })
}

/// Octets in the largest unit of which there is one.
fn octets(count: f64) -> String {
    scaled(count, 1024.0, &["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"])
}

/// Bits in a second, likewise; lines are sold by thousands.
fn bits(count: f64) -> String {
    scaled(count, 1000.0, &["bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s", "Pbit/s", "Ebit/s"])
}

fn scaled(mut count: f64, step: f64, units: &[&str; 7]) -> String {
    let mut at = 0;
    while count.abs() >= step && at + 1 < units.len() {
        count /= step;
        at += 1;
    }
    let digits = usize::from(at > 0);
    format!("{count:.digits$} {}", units[at])
}

/// A moment in Unix seconds as date and time in UTC.
fn moment(seconds: f64) -> Option<String> {
    let micros = seconds * 1e6;
    // NaN is in no range.
    if !(-1e18..1e18).contains(&micros) {
        return None;
    }
    let CimTimestamp { year, month, day, time, .. } = CimTimestamp::from_unix_micros(micros as i64, 0)?;
    let (hour, minute, second) = (time.hour?, time.minute?, time.second?);
    Some(format!("{:04}-{:02}-{:02} {hour:02}:{minute:02}:{second:02} UTC", year?, month?, day?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric(name: &'static str, unit: Unit, value: impl Into<Value>) -> Metric {
        Metric { name: name.into(), unit, value: value.into() }
    }

    fn report() -> Report {
        let item = |name: &str, metrics| Item { name: name.to_owned(), metrics };
        let items = vec![
            item("C:", vec![metric("Capacity", Unit::Bytes, 107_374_182_400_u64), metric("Used", Unit::Ratio, 0.125)]),
            item("Größe", vec![metric("Used", Unit::Ratio, Value::Null), metric("Label", Unit::None, "a\u{1b}b")]),
        ];
        let failure = Failure {
            part: "shadow",
            stage: "query".to_owned(),
            code: Some(0x8004_1010),
            text: "WBEM_E_INVALID_CLASS (0x80041010)".to_owned(),
            name: Some("WBEM_E_INVALID_CLASS"),
            class: Some("Win32_ShadowStorage".to_owned()),
            remedy: None,
            ..Failure::default()
        };
        Report {
            check: "storage".into(),
            types: vec![Type { name: "volume", items }, Type { name: "shadow", items: Vec::new() }],
            errors: vec![failure],
            warnings: Vec::new(),
        }
    }

    fn printed(format: CheckFormat, shape: Shape, count: usize) -> String {
        let mut out = Vec::new();
        let mut reports = Reports::new(format, shape, "srv01".to_owned(), count == 1, &mut out);
        for _ in 0..count {
            let took = Duration::from_millis(250);
            let at = FileTime::from_unix(Duration::from_secs(1_700_000_000));
            reports.put(Told { report: &report(), at, took }).expect("to write");
        }
        reports.finish().expect("to write");
        String::from_utf8(out).expect("UTF-8")
    }

    const TYPES: &str = concat!(
        r#"{"volume":[{"name":"C:","Capacity":107374182400,"Used":0.125},"#,
        r#"{"name":"Größe","Used":null,"Label":"a\u001bb"}],"shadow":[]}"#
    );

    #[test]
    fn a_report_as_json() {
        let line = format!(
            concat!(
                r#"{{"check":"storage","host":"srv01","time":1700000000,"took":0.25,"types":{},"#,
                r#""units":{{"volume":{{"Capacity":"bytes","Used":"ratio"}}}},"#,
                r#""errors":[{{"part":"shadow","stage":"query","code":"0x80041010","#,
                r#""text":"WBEM_E_INVALID_CLASS (0x80041010)","name":"WBEM_E_INVALID_CLASS","meaning":null,"#,
                r#""namespace":null,"class":"Win32_ShadowStorage","remedy":null}}],"warnings":[]}}"#
            ),
            TYPES
        );
        assert_eq!(printed(CheckFormat::Jsonl, Shape::Native, 1), format!("{line}\n"));
        assert_eq!(printed(CheckFormat::Json, Shape::Native, 2), format!("[{line},\n{line}]\n"));
        assert_eq!(printed(CheckFormat::Json, Shape::Native, 0), "[]\n");
    }

    #[test]
    fn the_infrasonar_shape_is_the_result_of_the_probe() {
        assert_eq!(printed(CheckFormat::Json, Shape::Infrasonar, 1), format!("{TYPES}\n"));
        let keyed = format!("\"storage\":{TYPES}");
        assert_eq!(printed(CheckFormat::Json, Shape::Infrasonar, 2), format!("{{{keyed},\n{keyed}}}\n"));
        assert_eq!(printed(CheckFormat::Json, Shape::Infrasonar, 0), "{}\n");
        assert_eq!(printed(CheckFormat::Jsonl, Shape::Infrasonar, 1), format!("{{{keyed}}}\n"));
    }

    #[test]
    fn a_report_as_tables() {
        let expected = "\
volume
name    Capacity    Used  Label
-----  ---------  ------  --------
C:     100.0 GiB  12.5 %
Größe               NULL  a\\u{1b}b

shadow
(none)

";
        assert_eq!(printed(CheckFormat::Table, Shape::Native, 1), expected);
        assert_eq!(
            printed(CheckFormat::Table, Shape::Native, 2),
            format!("# storage, 2023-11-14 22:13:20 UTC, 0.25 s\n\n{expected}").repeat(2)
        );
    }

    #[test]
    fn times_are_told_in_units_for_people() {
        let shown = |value: Value| cell(&Metric { name: "x".into(), unit: Unit::Seconds, value });
        for (value, text) in [
            (Value::from(0.0), "0 s"),
            ((-0.000_093_4).into(), "-0.093 ms"),
            ((-1e-9).into(), "0 ms"),
            (0.5.into(), "500 ms"),
            (3.0.into(), "3 s"),
            (119.25.into(), "119.250 s"),
            (120_u64.into(), "2 min 0 s"),
            ((-125.4).into(), "-2 min 5 s"),
            (3600_u64.into(), "1 h 0 min"),
            (94_080_u64.into(), "1 d 2 h"),
            (79_827_633.441.into(), "923 d 22 h"),
            (u64::MAX.into(), "18446744073709551615 s"),
        ] {
            assert_eq!(shown(value), Cell::Number(text.to_owned()));
        }
    }

    #[test]
    fn numbers_have_their_units() {
        let shown = |unit, value: Value| match cell(&Metric { name: "x".into(), unit, value }) {
            Cell::Number(text) => text,
            cell => panic!("{cell:?} is no number"),
        };
        assert_eq!(shown(Unit::Bytes, 1023_u64.into()), "1023 B");
        assert_eq!(shown(Unit::BytesPerSecond, 1536.0.into()), "1.5 KiB/s");
        assert_eq!(shown(Unit::Bytes, u64::MAX.into()), "16.0 EiB");
        assert_eq!(shown(Unit::BitsPerSecond, 10_000_000_000_u64.into()), "10.0 Gbit/s");
        assert_eq!(shown(Unit::BitsPerSecond, 0_u64.into()), "0 bit/s");
        assert_eq!(shown(Unit::Count, u64::MAX.into()), u64::MAX.to_string());
        assert_eq!(shown(Unit::Count, (-0.0001).into()), "0");
        assert_eq!(shown(Unit::PerSecond, 12_i64.into()), "12 /s");
        assert_eq!(shown(Unit::Timestamp, 1_700_000_000_u64.into()), "2023-11-14 22:13:20 UTC");
        assert_eq!(shown(Unit::Timestamp, 1e300.into()), format!("{:.3}", 1e300).replace(".000", ""));
        assert_eq!(shown(Unit::None, (-1_i64).into()), "-1");
    }
}
