//! Checks that are a list of queries and a function of their rows.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use wmi_proto::FileTime;

use crate::record::{Record, Records};
use crate::{
    About, Answer, Check, Failure, Options, Reads, Report, Request, RequestId, Round, State, Unanswered, Work,
};

/// A check that asks for all its parts at once and then looks at what came.
pub(crate) struct Plan {
    pub(crate) key: &'static str,
    pub(crate) about: About,
    /// The parts of a round with these options.
    pub(crate) parts: fn(&Options) -> &'static [Part],
    /// From rows to a report. Called once, with whatever came.
    pub(crate) evaluate: fn(&mut Gathered, &Options, &mut State, &mut Report),
}

/// One thing that a planned check wants to know.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) name: &'static str,
    pub(crate) namespace: &'static str,
    /// The query, and what is asked instead, in this order, when the host does not know the class or a column.
    pub(crate) selects: &'static [Select],
    /// Whether it is asked only when all others are answered: what measures time should not wait in line.
    pub(crate) last: bool,
    /// Whether a round with this state asks for it; it has no rows when not.
    pub(crate) when: Option<fn(&State) -> bool>,
    /// Whether an ordinary host has many rows of it.
    pub(crate) many: bool,
    /// Whether every host has rows of it, so that none are a failure.
    pub(crate) always: bool,
}

impl Part {
    /// A part in root/cimv2.
    pub(crate) const fn new(name: &'static str, selects: &'static [Select]) -> Self {
        Self { name, namespace: "root/cimv2", selects, last: false, when: None, many: false, always: false }
    }

    /// The same in `namespace`.
    pub(crate) const fn namespace(self, namespace: &'static str) -> Self {
        Self { namespace, ..self }
    }

    /// The same, asked when all others are answered.
    pub(crate) const fn last(self) -> Self {
        Self { last: true, ..self }
    }

    /// The same, of which an ordinary host has many rows.
    pub(crate) const fn many(self) -> Self {
        Self { many: true, ..self }
    }

    /// The same, of which every host has rows.
    pub(crate) const fn always(self) -> Self {
        Self { always: true, ..self }
    }

    /// The same, asked only in rounds whose state is such.
    pub(crate) const fn when(self, condition: fn(&State) -> bool) -> Self {
        Self { when: Some(condition), ..self }
    }
}

/// A query by its pieces.
#[derive(Debug)]
pub(crate) struct Select {
    pub(crate) class: &'static str,
    pub(crate) columns: &'static [&'static str],
    /// What follows on WHERE; empty for all.
    pub(crate) condition: &'static str,
}

impl Select {
    /// `columns` of all instances of `class`.
    pub(crate) const fn all(class: &'static str, columns: &'static [&'static str]) -> Self {
        Self { class, columns, condition: "" }
    }

    /// The text.
    pub(crate) fn wql(&self) -> String {
        let mut text = format!("SELECT {} FROM {}", self.columns.join(", "), self.class);
        if !self.condition.is_empty() {
            text.push_str(" WHERE ");
            text.push_str(self.condition);
        }
        text
    }
}

/// What came of the parts of a round.
#[derive(Debug)]
pub(crate) struct Gathered {
    parts: &'static [Part],
    progress: Vec<Progress>,
}

#[derive(Debug, Default)]
struct Progress {
    /// Which of the alternatives is or was asked.
    alternative: usize,
    asked: bool,
    answer: Option<Answered>,
}

#[derive(Debug)]
struct Answered {
    rows: Vec<Record>,
    failed: bool,
    /// The first cell that was looked at and did not decode.
    bad: Arc<OnceLock<String>>,
    sent: FileTime,
    received: FileTime,
}

impl Answered {
    /// Of a part that is not asked for.
    fn nothing() -> Self {
        Self { rows: Vec::new(), failed: true, bad: Arc::default(), sent: FileTime(0), received: FileTime(0) }
    }
}

impl Gathered {
    fn find(&self, part: &str) -> Option<&Progress> {
        let at = self.parts.iter().position(|p| p.name == part)?;
        self.progress.get(at)
    }

    /// The rows of a part; `None` when it failed before any came, which the report tells already. Rows before a failure
    /// are rows.
    pub(crate) fn rows(&self, part: &str) -> Option<&[Record]> {
        let answered = self.find(part)?.answer.as_ref()?;
        (!answered.failed || !answered.rows.is_empty()).then_some(&answered.rows)
    }

    /// The same, taken out: a very long list is not there twice while items are made of it.
    pub(crate) fn take_rows(&mut self, part: &str) -> Option<Vec<Record>> {
        self.rows(part)?;
        let at = self.parts.iter().position(|p| p.name == part)?;
        Some(core::mem::take(&mut self.progress.get_mut(at)?.answer.as_mut()?.rows))
    }

    /// The rows of a part that came whole: numbers and sums of a list that broke off would be wrong ones.
    pub(crate) fn whole(&self, part: &str) -> Option<&[Record]> {
        let answered = self.find(part)?.answer.as_ref()?;
        (!answered.failed).then_some(&answered.rows)
    }

    /// Tells the cells that do not decode of parts where one was met.
    fn tell_bad(&self, report: &mut Report) {
        for (part, progress) in self.parts.iter().zip(&self.progress) {
            let Some(answered) = &progress.answer else { continue };
            if let Some(first) = answered.bad.get() {
                let all = answered.rows.iter().flat_map(Record::bad).count();
                Bad { first: Some(first.clone()), more: all.saturating_sub(1) }.tell(part.name, report);
            }
        }
    }

    /// When the question of a part was sent and when its first rows came.
    pub(crate) fn times(&self, part: &str) -> Option<(FileTime, FileTime)> {
        let answered = self.find(part)?.answer.as_ref()?;
        Some((answered.sent, answered.received))
    }
}

impl Check for &'static Plan {
    fn key(&self) -> Cow<'static, str> {
        self.key.into()
    }

    fn about(&self) -> &'static About {
        &self.about
    }

    fn reads(&self, options: &Options) -> Vec<Reads> {
        let read = |part: &Part| {
            part.selects.first().map(|select| Reads {
                namespace: part.namespace.into(),
                class: select.class.into(),
                members: select.columns.iter().map(|column| (*column).into()).collect(),
            })
        };
        (self.parts)(options).iter().filter_map(read).collect()
    }

    fn begin(&self, options: &Options, state: State) -> Box<dyn Round> {
        Box::new(PlannedRound::new(self, options, state))
    }
}

/// A round of a planned check.
pub(crate) struct PlannedRound {
    plan: &'static Plan,
    options: Options,
    state: State,
    gathered: Gathered,
    report: Report,
}

impl PlannedRound {
    /// A round of `plan` in which nothing was asked yet.
    pub(crate) fn new(plan: &'static Plan, options: &Options, state: State) -> Self {
        let parts = (plan.parts)(options);
        let progress = |part: &Part| {
            let skipped = part.when.is_some_and(|condition| !condition(&state));
            Progress { asked: skipped, answer: skipped.then(Answered::nothing), ..Progress::default() }
        };
        let progress = parts.iter().map(progress).collect();
        let report = Report::of(plan.key);
        Self { plan, options: options.clone(), state, gathered: Gathered { parts, progress }, report }
    }

    /// What came so far.
    pub(crate) const fn gathered(&self) -> &Gathered {
        &self.gathered
    }

    /// Ends the round with `evaluate` in place of the plan's own evaluation.
    pub(crate) fn finish_with(
        self,
        evaluate: impl FnOnce(&mut Gathered, &Options, &mut State, &mut Report),
    ) -> (Report, State) {
        let Self { options, mut state, mut gathered, mut report, .. } = self;
        for (part, _) in gathered.parts.iter().zip(&gathered.progress).filter(|(_, p)| p.answer.is_none()) {
            report.errors.push(Failure::unanswered(part.name));
        }
        evaluate(&mut gathered, &options, &mut state, &mut report);
        gathered.tell_bad(&mut report);
        (report, state)
    }
}

impl Round for PlannedRound {
    fn next(&mut self) -> Option<Request> {
        let Gathered { parts, progress } = &mut self.gathered;
        let due = |last| parts.iter().zip(progress.iter()).position(|(part, p)| part.last == last && !p.asked);
        let others_are_answered =
            parts.iter().zip(progress.iter()).all(|(part, progress)| part.last || progress.answer.is_some());
        let at = due(false).or_else(|| if others_are_answered { due(true) } else { None })?;
        let (part, progress) = (parts.get(at)?, progress.get_mut(at)?);
        progress.asked = true;
        let select = part.selects.get(progress.alternative)?;
        Some(Request {
            id: RequestId(u32::try_from(at).ok()?),
            part: part.name,
            namespace: part.namespace.into(),
            work: Work::Query { wql: select.wql().into(), many: part.many },
        })
    }

    fn answer(&mut self, RequestId(at): RequestId, answer: Answer) {
        let Some(at) = usize::try_from(at).ok() else { return };
        let (Some(part), Some(progress)) = (self.gathered.parts.get(at), self.gathered.progress.get_mut(at)) else {
            return;
        };
        if answer.rows.is_empty()
            && answer.outcome.as_ref().is_err_and(Unanswered::is_unknown)
            && part.selects.len() > progress.alternative + 1
        {
            progress.alternative += 1;
            progress.asked = false;
            return;
        }
        let Some(select) = part.selects.get(progress.alternative) else { return };
        let mut bad = Bad::default();
        let mut records = Records::of(select.columns);
        let mut rows = Vec::with_capacity(answer.rows.len());
        // A row goes when it was read: a long list is not there twice.
        for row in answer.rows {
            match row {
                Ok(object) => rows.push(records.read(object)),
                Err(error) => bad.add(format!("a row does not decode: {error}")),
            }
        }
        bad.tell(part.name, &mut self.report);
        let is_bare = part.always && rows.is_empty();
        match &answer.outcome {
            Err(error) => self.report.errors.push(Failure::of_query(part.name, error)),
            Ok(()) if is_bare => self.report.errors.push(no_rows(part, select)),
            Ok(()) => {}
        }
        let failed = answer.outcome.is_err() || is_bare;
        let (sent, received) = (answer.sent, answer.received);
        progress.answer = Some(Answered { rows, failed, bad: records.bad(), sent, received });
    }

    fn finish(self: Box<Self>) -> (Report, State) {
        let evaluate = self.plan.evaluate;
        self.finish_with(evaluate)
    }
}

/// What helps where counters are not shown.
pub(crate) const COUNTERS_ARE_READ_BY: &str = "add the account to Performance Monitor Users; counters that nobody sees \
                                              are switched off or broken: docs/windows-hosts.md#performance-counters";

/// That a class has no rows of which every host has some. Counters have none for those who may not read them, without an
/// error, and where they are switched off.
fn no_rows(part: &Part, select: &Select) -> Failure {
    Failure {
        namespace: Some(part.namespace.to_owned()),
        class: Some(select.class.to_owned()),
        remedy: select.class.starts_with("Win32_Perf").then(|| COUNTERS_ARE_READ_BY.to_owned()),
        ..Failure::of_values(part.name, "the host returned no rows, and every host has some")
    }
}

/// Cells and rows that do not decode: the first is told, the others are counted, as far as the rows are still there.
#[derive(Debug, Default)]
struct Bad {
    first: Option<String>,
    more: usize,
}

impl Bad {
    fn add(&mut self, what: String) {
        match &self.first {
            None => self.first = Some(what),
            Some(_) => self.more += 1,
        }
    }

    fn tell(self, part: &'static str, report: &mut Report) {
        let Some(first) = self.first else { return };
        let text = if self.more == 0 { first } else { format!("{first}, and {} more like it", self.more) };
        report.errors.push(Failure::of_values(part, text));
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// What `plan` reports of `rows` by part; a part that is not among them failed.
    pub(crate) fn evaluated(
        plan: &'static Plan,
        options: &Options,
        state: &mut State,
        rows: Vec<(&'static str, Vec<Record>)>,
    ) -> Report {
        evaluated_in_part(plan, options, state, rows, &[])
    }

    /// The same where the parts `broken` failed after their rows.
    pub(crate) fn evaluated_in_part(
        plan: &'static Plan,
        options: &Options,
        state: &mut State,
        rows: Vec<(&'static str, Vec<Record>)>,
        broken: &[&str],
    ) -> Report {
        let parts = (plan.parts)(options);
        let mut rows = rows;
        let mut report = Report::of(plan.key);
        let progress = parts.iter().map(|part| {
            let own = rows.iter().position(|(name, _)| *name == part.name).map(|at| rows.swap_remove(at).1);
            let is_bare = part.always && own.as_ref().is_some_and(Vec::is_empty);
            if is_bare {
                report.errors.push(no_rows(part, &part.selects[0]));
            }
            let answer = Answered {
                failed: own.is_none() || is_bare || broken.contains(&part.name),
                rows: own.unwrap_or_default(),
                bad: Arc::default(),
                sent: FileTime(0),
                received: FileTime(0),
            };
            Progress { alternative: 0, asked: true, answer: Some(answer) }
        });
        let mut gathered = Gathered { parts, progress: progress.collect() };
        assert!(rows.is_empty(), "no such part: {rows:?}");
        (plan.evaluate)(&mut gathered, options, state, &mut report);
        report
    }

    /// A round of the check `key` in which the host has `rows` of each part, and no failure.
    fn round(key: &str, shape: crate::Shape, rows: impl Fn(&str) -> Vec<wmi_proto::Row>) -> Report {
        let mut round = crate::by_key(key).expect("a check").begin(&Options::new(shape), State::default());
        while let Some(request) = round.next() {
            let rows = rows(request.part);
            round.answer(request.id, Answer { rows, outcome: Ok(()), sent: FileTime(1), received: FileTime(2) });
        }
        round.finish().0
    }

    #[test]
    fn a_list_without_rows_of_which_every_host_has_some_is_told() {
        for (shape, class) in [
            (crate::Shape::Native, "Win32_PerfRawData_PerfDisk_"),
            (crate::Shape::Infrasonar, "Win32_PerfFormattedData_PerfDisk_"),
        ] {
            let report = round("storage", shape, |_| Vec::new());
            let told: Vec<_> = report.errors.iter().map(|error| (error.part, error.class.clone())).collect();
            let disks = ["PhysicalDisk", "LogicalDisk"].map(|disk| Some(format!("{class}{disk}")));
            assert_eq!(told, [("physical", disks[0].clone()), ("logical", disks[1].clone())]);
            let helps = |error: &Failure| error.remedy.as_deref().is_some_and(|text| text.contains("Monitor Users"));
            assert!(report.errors.iter().all(helps));
            assert!(report.types.iter().all(|kind| kind.name != "physical"), "not an empty list");
        }
    }

    #[test]
    fn cells_that_do_not_decode_are_told_once_and_counted() {
        use wmi_proto::cim::{CimObject, CimType, CimValue, ClassBuilder, InstanceBuilder, PropertyBuilder};

        let class = ["Name", "AllocatedBaseSize", "CurrentUsage"].map(|name| {
            let kind = if name == "Name" { CimType::STRING } else { CimType::UINT32 };
            PropertyBuilder::new(name, kind)
        });
        let class = class.into_iter().fold(ClassBuilder::new("Win32_PageFileUsage"), ClassBuilder::property);
        let class = class.build().expect("a class");
        let row = |name: &str, is_broken: bool| {
            let row = InstanceBuilder::new(&class).set("Name", name).set("AllocatedBaseSize", CimValue::Uint32(3));
            let mut octets = row.build().expect("a row").encode_unit().to_vec();
            let at = octets.windows(name.len()).position(|window| window == name.as_bytes()).expect("the name");
            if is_broken {
                // Which of two encodings the text has.
                octets[at - 1] = 0x77;
            }
            Ok(CimObject::decode_unit(octets.into()).expect("an object"))
        };
        let names = ["pagefile-1", "pagefile-2", "pagefile-3"];
        let report = round("memory", crate::Shape::Infrasonar, |part| match part {
            "pageFile" => names.iter().map(|name| row(name, *name != "pagefile-2")).collect(),
            _ => Vec::new(),
        });
        let told: Vec<&str> = report.errors.iter().filter(|e| e.part == "pageFile").map(|e| e.text.as_str()).collect();
        assert_eq!(told.len(), 1, "{:?}", report.errors);
        assert!(told[0].starts_with("Name does not decode") && told[0].ends_with("and 1 more like it"), "{told:?}");
        let files = &report.types.iter().find(|kind| kind.name == "pageFile").expect("the type").items;
        assert_eq!(files.len(), 3, "and the rest of the rows is there");
        assert!(files.iter().any(|file| file.name == "pagefile-2"));
    }

    #[test]
    fn a_query_by_its_pieces() {
        let select = Select { class: "Win32_Volume", columns: &["Name", "Capacity"], condition: "DriveType != 5" };
        assert_eq!(select.wql(), "SELECT Name, Capacity FROM Win32_Volume WHERE DriveType != 5");
        assert_eq!(Select::all("Win32_Share", &["Name"]).wql(), "SELECT Name FROM Win32_Share");
    }
}
