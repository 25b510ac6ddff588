use super::*;

fn sample(seconds: u64, value: u64) -> Sample {
    let moment = Moment {
        sys_100ns: Some(133_000_000_000_000_000 + seconds * 10_000_000),
        perf_time: Some(seconds * 10_000_000),
        perf_frequency: Some(10_000_000),
        ..Moment::default()
    };
    Sample { moment, raws: vec![Raw { value: Some(value), base: None }] }
}

fn named(name: &str, sample: Sample) -> (String, Sample) {
    (name.to_owned(), sample)
}

const BYTES: &[Column] = &[Column::wide("Bytes", CounterType::COUNTER_BULK_COUNT)];

#[test]
fn the_sample_of_one_run_serves_the_next() {
    let mut samples = Samples::default();
    let earlier = samples.replace("disk", vec![named("0 C:", sample(100, 1_000))]);
    assert_eq!(sample(100, 1_000).cook(BYTES, earlier.of("0 C:")), [Err(Why::NeedsSecondSample)]);

    let text = serde_json::to_string(&samples).expect("serialises");
    let mut samples: Samples = serde_json::from_str(&text).expect("deserialises");
    let later = sample(110, 6_000);
    let earlier = samples.replace("disk", vec![named("0 C:", later.clone())]);
    assert_eq!(later.cook(BYTES, earlier.of("0 C:")), [Ok(500.0)]);
    assert_eq!(later.cook(BYTES, earlier.of("1 D:")), [Err(Why::NeedsSecondSample)]);
}

#[test]
fn instances_of_one_name_are_not_mixed_up() {
    let mut samples = Samples::default();
    samples.replace("net", vec![named("eth", sample(100, 1)), named("eth", sample(100, 9_000))]);
    let earlier = samples.replace("net", vec![named("eth", sample(110, 1))]);
    assert_eq!(earlier.of("eth"), Err(Why::SeveralInstances), "there were several");
    let earlier = samples.replace("net", vec![named("eth", sample(120, 1)), named("eth", sample(120, 9_000))]);
    assert_eq!(earlier.of("eth"), Err(Why::SeveralInstances), "there are several");
}

#[test]
fn an_instance_that_is_gone_is_forgotten() {
    let mut samples = Samples::default();
    samples.replace("net", vec![named("eth", sample(100, 1))]);
    samples.replace("net", Vec::new());
    assert_eq!(samples.replace("net", Vec::new()), Earlier::default());
}

#[test]
fn a_name_that_passed_to_an_other_instance_is_recognised_by_its_start() {
    let columns = [
        Column::wide("ElapsedTime", CounterType::ELAPSED_TIME),
        Column::wide("PercentProcessorTime", CounterType::TIMER_100NSEC),
    ];
    let process = |seconds, started, busy| {
        let mut sample = sample(seconds, started);
        sample.raws.push(Raw { value: Some(busy), base: None });
        sample.moment.object_time = sample.moment.sys_100ns;
        sample.moment.object_frequency = Some(10_000_000);
        sample
    };
    let started = 133_000_000_000_000_000;
    let earlier = process(100, started, 0);
    let same = process(110, started, 50_000_000);
    assert_eq!(same.cook(&columns, Ok(&earlier)), [Ok(110.0), Ok(0.5)]);
    let other = process(110, started + 1, 50_000_000);
    assert_eq!(other.cook(&columns, Ok(&earlier))[1], Err(Why::OtherInstance));
}

#[test]
fn a_row_is_read_with_its_clocks_and_bases() {
    let columns = [Column::narrow_over("AvgDisksecPerRead", CounterType::AVERAGE_TIMER, "AvgDisksecPerRead_Base")];
    let read = Sample::read(&columns, |name| match name {
        "Timestamp_PerfTime" => CimValue::Uint64(5),
        "AvgDisksecPerRead" => CimValue::Uint32(7),
        "AvgDisksecPerRead_Base" => CimValue::Uint32(3),
        _ => CimValue::Null,
    });
    assert_eq!(read.moment, Moment { perf_time: Some(5), ..Moment::default() });
    assert_eq!(read.raws, [Raw { value: Some(7), base: Some(3) }]);
}

#[test]
fn what_is_kept_is_bounded() {
    let many = |count: usize| (0..count).map(|n| named(&n.to_string(), sample(1, 1))).collect::<Vec<_>>();
    let mut samples = Samples::default();
    samples.replace("big", many(Samples::INSTANCES + 100));
    assert_eq!(samples.0[0].samples.len(), Samples::INSTANCES);
    assert_eq!(samples.instances("big"), Samples::INSTANCES);
    samples.replace("small", many(10));
    assert!(samples.0[1].samples.is_empty(), "no room is left");
    for class in 0..Samples::CLASSES * 2 {
        samples.replace(&class.to_string(), many(1));
    }
    assert_eq!(samples.0.len(), Samples::CLASSES);
    assert!(samples.0.iter().all(|kept| kept.samples.len() <= 1));

    let mut samples = Samples::default();
    samples.replace("long", vec![named(&"x".repeat(Samples::NAME + 1), sample(1, 1))]);
    assert!(samples.0[0].samples.is_empty());
    let wide = Sample { raws: vec![Raw::default(); Samples::NUMBERS / 4], ..Sample::default() };
    samples.replace("wide", (0..8).map(|n| named(&n.to_string(), wide.clone())).collect());
    assert_eq!(samples.0.iter().map(Kept::numbers).sum::<usize>(), Samples::NUMBERS);
}

#[test]
fn samples_of_an_other_layout_are_dropped() {
    let layout =
        |class: &str| Layout { class: class.to_owned(), names: Vec::new(), counters: BYTES.to_vec(), left_out: 0 };
    let mut samples = Samples::default();
    samples.set_layout("c", Some(layout("A")));
    samples.replace("c", vec![named("x", sample(1, 1))]);
    samples.set_layout("c", Some(layout("A")));
    assert_eq!(samples.layout("c"), Some(&layout("A")));
    samples.set_layout("c", Some(layout("B")));
    assert_eq!(samples.replace("c", Vec::new()), Earlier::default());
    assert_eq!(samples.layout("c"), Some(&layout("B")), "replacing samples keeps the layout");
}

#[test]
fn a_sample_of_other_columns_is_no_earlier_sample() {
    let earlier = Sample { raws: Vec::new(), ..sample(100, 0) };
    assert_eq!(sample(110, 5).cook(BYTES, Ok(&earlier)), [Err(Why::NeedsSecondSample)]);
}
