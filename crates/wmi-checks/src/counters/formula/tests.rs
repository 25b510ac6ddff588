//! Each formula with numbers of ours, worked by hand from the formula of the page that is named: the pages give
//! formulas, no examples with numbers. Examples of others are in `counters::published`.

use proptest::prelude::*;

use super::*;

/// Of the performance counter.
const FREQUENCY: u64 = 2_500_000;

/// A clock of 10 MHz; the performance counter and the object's clock have 2.5 MHz and 10 MHz.
fn at(seconds: u64) -> Moment {
    Moment {
        sys_100ns: Some(133_000_000_000_000_000 + seconds * 10_000_000),
        perf_time: Some(seconds * FREQUENCY),
        perf_frequency: Some(FREQUENCY),
        object_time: Some(133_000_000_000_000_000 + seconds * 10_000_000),
        object_frequency: Some(10_000_000),
    }
}

const fn raw(value: u64) -> Raw {
    Raw { value: Some(value), base: None }
}

const fn over(value: u64, base: u64) -> Raw {
    Raw { value: Some(value), base: Some(base) }
}

const fn counter(kind: CounterType) -> Counter {
    Counter { kind, wide: true, wide_base: true }
}

/// The value of a counter that went from `earlier` to `later` within 20 seconds.
fn cook(kind: CounterType, earlier: Raw, later: Raw) -> Result<f64, Why> {
    counter(kind).cook(earlier, Interval::between(&at(100), &at(120)), later, &at(120))
}

fn first(kind: CounterType, only: Raw) -> Result<f64, Why> {
    counter(kind).cook(Raw::default(), Err(Why::NeedsSecondSample), only, &at(120))
}

#[test]
fn rates_are_per_second_of_the_performance_counter() {
    // "Calculations for Raw Counter Data": (X1-X0)/((Y1-Y0)/TB).
    for kind in [CounterType::COUNTER_COUNTER, CounterType::COUNTER_BULK_COUNT, CounterType::SAMPLE_COUNTER] {
        assert_eq!(cook(kind, raw(1_000), raw(1_050)), Ok(2.5), "{kind}");
    }
}

#[test]
fn a_rate_of_32_bits_is_unknown_after_so_long_that_it_may_have_wrapped_twice() {
    // A round was missed, or many: 72 minutes hold a million events in each second once around.
    for (wide, seconds, expected) in
        [(false, 4_000, Ok(0.5)), (false, 4_300, Err(Why::MayHaveWrapped)), (true, 4_300, Ok(0.5))]
    {
        let counter = Counter { wide, ..counter(CounterType::COUNTER_COUNTER) };
        let (earlier, later) = (at(100), at(100 + seconds));
        let rate = counter.cook(raw(7), Interval::between(&earlier, &later), raw(7 + seconds / 2), &later);
        assert_eq!(rate, expected, "{wide} {seconds}");
    }
}

#[test]
fn timers_are_shares_of_their_own_clock() {
    // "Timer Algorithm Counter Types": (X1-X0)/(Y1-Y0); 20 s are 50,000,000 ticks or 200,000,000 units.
    assert_eq!(cook(CounterType::COUNTER_TIMER, raw(7), raw(12_500_007)), Ok(0.25));
    assert_eq!(cook(CounterType::TIMER_100NSEC, raw(7), raw(50_000_007)), Ok(0.25));
    assert_eq!(cook(CounterType::OBJ_TIME_TIMER, raw(7), raw(50_000_007)), Ok(0.25));
    // A process on several processors.
    assert_eq!(cook(CounterType::TIMER_100NSEC, raw(0), raw(700_000_000)), Ok(3.5));
}

#[test]
fn inverse_timers_count_idle_time() {
    // 1-(X1-X0)/(Y1-Y0).
    assert_eq!(cook(CounterType::COUNTER_TIMER_INV, raw(0), raw(12_500_000)), Ok(0.75));
    assert_eq!(cook(CounterType::TIMER_INV_100NSEC, raw(0), raw(150_000_000)), Ok(0.25));
}

#[test]
fn multi_timers_are_the_mean_of_their_components() {
    // ((X1-X0)/(Y1-Y0))/B1, and (B1-((X1-X0)/(Y1-Y0)))/B1.
    assert_eq!(cook(CounterType::COUNTER_MULTI_TIMER, over(0, 4), over(100_000_000, 4)), Ok(0.5));
    assert_eq!(cook(CounterType::MULTI_TIMER_100NSEC, over(0, 4), over(400_000_000, 4)), Ok(0.5));
    assert_eq!(cook(CounterType::COUNTER_MULTI_TIMER_INV, over(0, 4), over(50_000_000, 4)), Ok(0.75));
    assert_eq!(cook(CounterType::MULTI_TIMER_INV_100NSEC, over(0, 4), over(200_000_000, 4)), Ok(0.75));
    assert_eq!(cook(CounterType::MULTI_TIMER_INV_100NSEC, over(0, 0), over(0, 0)), Err(Why::NothingCounted));
}

#[test]
fn precision_timers_have_their_own_timestamp() {
    // "Precision Timer Algorithm Counter Types": the timestamp is the base; the row's own clocks play no part.
    for kind in
        [CounterType::PRECISION_SYSTEM_TIMER, CounterType::PRECISION_100NS_TIMER, CounterType::PRECISION_OBJECT_TIMER]
    {
        assert_eq!(cook(kind, over(10, 1_000), over(60, 1_200)), Ok(0.25), "{kind}");
        assert_eq!(cook(kind, over(10, 1_000), over(60, 1_000)), Err(Why::NoTime), "{kind}");
    }
}

#[test]
fn queue_lengths_are_a_mean_over_their_own_clock() {
    // "Queue-length Algorithm Counter Types": (X1-X0)/(Y1-Y0), each over its own clock. Frequency_PerfTime is no part of
    // the length of a 100 ns queue.
    assert_eq!(cook(CounterType::COUNTER_QUEUELEN_TYPE, raw(0), raw(75_000_000)), Ok(1.5));
    assert_eq!(cook(CounterType::COUNTER_LARGE_QUEUELEN_TYPE, raw(0), raw(75_000_000)), Ok(1.5));
    assert_eq!(cook(CounterType::COUNTER_100NS_QUEUELEN_TYPE, raw(0), raw(300_000_000)), Ok(1.5));
    assert_eq!(cook(CounterType::COUNTER_OBJ_TIME_QUEUELEN_TYPE, raw(0), raw(300_000_000)), Ok(1.5));
}

#[test]
fn averages_are_per_operation() {
    // ((X1-X0)/TB)/(B1-B0): one read that took 150 ms, as in "Performance Monitor Averages, the Right Way and the Wrong
    // Way"; (X1-X0)/(B1-B0) bytes.
    assert_eq!(cook(CounterType::AVERAGE_TIMER, over(1_000, 9), over(376_000, 10)), Ok(0.15));
    assert_eq!(cook(CounterType::AVERAGE_BULK, over(4_096, 1), over(4_096 + 65_536, 5)), Ok(16_384.0));
}

#[test]
fn an_average_of_no_operations_is_not_zero() {
    for kind in [CounterType::AVERAGE_TIMER, CounterType::AVERAGE_BULK, CounterType::SAMPLE_FRACTION] {
        assert_eq!(cook(kind, over(5, 5), over(5, 5)), Err(Why::NothingCounted), "{kind}");
        assert_eq!(cook(kind, raw(5), raw(9)), Err(Why::NothingCounted), "{kind} without its base");
    }
}

#[test]
fn fractions_are_shares_of_their_base() {
    // "Basic Algorithm Counter Types": X/B of one sample; (X1-X0)/(B1-B0).
    for kind in [CounterType::RAW_FRACTION, CounterType::LARGE_RAW_FRACTION] {
        assert_eq!(first(kind, over(3, 8)), Ok(0.375), "{kind}");
        assert_eq!(first(kind, over(3, 0)), Err(Why::NothingCounted), "{kind}");
    }
    assert_eq!(cook(CounterType::SAMPLE_FRACTION, over(10, 100), over(25, 120)), Ok(0.75));
}

#[test]
fn elapsed_time_runs_from_the_raw_moment() {
    // (D0-N0)/F of one sample.
    let started = 133_000_000_000_000_000 + 60 * 10_000_000;
    assert_eq!(first(CounterType::ELAPSED_TIME, raw(started)), Ok(60.0));
    assert_eq!(first(CounterType::ELAPSED_TIME, raw(u64::MAX)), Err(Why::WentBack), "started in the future");
    assert_eq!(first(CounterType::ELAPSED_TIME, raw(0)), Err(Why::NoValue), "the idle process has no start");
}

#[test]
fn raw_numbers_and_differences_are_as_they_are() {
    for kind in [
        CounterType::COUNTER_RAWCOUNT,
        CounterType::COUNTER_RAWCOUNT_HEX,
        CounterType::COUNTER_LARGE_RAWCOUNT,
        CounterType::COUNTER_LARGE_RAWCOUNT_HEX,
    ] {
        assert_eq!(first(kind, raw(42)), Ok(42.0), "{kind}");
    }
    assert_eq!(first(CounterType::DOUBLE_RAW, raw(2.5_f64.to_bits())), Ok(2.5));
    assert_eq!(first(CounterType::DOUBLE_RAW, raw(f64::NAN.to_bits())), Err(Why::NoValue));
    assert_eq!(cook(CounterType::COUNTER_DELTA, raw(40), raw(42)), Ok(2.0));
    assert_eq!(cook(CounterType::COUNTER_LARGE_DELTA, raw(40), raw(42)), Ok(2.0));
}

#[test]
fn text_and_no_data_and_unknown_types_are_no_numbers() {
    for number in [0x0000_0B00, 0x4000_0200, 0x8000_0000, 0x4003_0402, 0x1234_5678] {
        let kind = CounterType(number);
        assert_eq!(cook(kind, raw(1), raw(2)), Err(Why::Unsupported(kind)));
    }
}

#[test]
fn the_first_run_says_that_it_needs_a_second_sample() {
    for kind in CounterType::ALL.iter().filter(|kind| kind.measure().is_some() && !kind.is_instant()) {
        assert_eq!(first(*kind, over(5, 5)), Err(Why::NeedsSecondSample), "{kind}");
    }
}

#[test]
fn null_is_no_number() {
    for kind in CounterType::ALL {
        assert_eq!(cook(*kind, raw(1), Raw::default()), Err(Why::NoValue), "{kind}");
    }
    assert_eq!(cook(CounterType::COUNTER_COUNTER, Raw::default(), raw(9)), Err(Why::NeedsSecondSample));
}

#[test]
fn a_counter_of_32_bits_wraps_at_32_bits() {
    let narrow = Counter { wide: false, ..counter(CounterType::COUNTER_COUNTER) };
    let interval = Interval::between(&at(100), &at(120));
    assert_eq!(narrow.cook(raw(u32::MAX.into()), interval, raw(39), &at(120)), Ok(2.0));
    let wide = counter(CounterType::COUNTER_COUNTER);
    assert_eq!(wide.cook(raw(u32::MAX.into()), interval, raw(39), &at(120)), Err(Why::WentBack));
    assert_eq!(wide.cook(raw(u64::MAX), interval, raw(39), &at(120)), Ok(2.0), "one wrap at 2^64");
}

#[test]
fn a_base_of_32_bits_wraps_at_32_bits() {
    let average = Counter { wide: false, wide_base: false, ..counter(CounterType::AVERAGE_TIMER) };
    let interval = Interval::between(&at(100), &at(120));
    let value = average.cook(over(4_294_967_290, 4_294_967_295), interval, over(249_994, 1), &at(120));
    assert_eq!(value, Ok(0.05), "250,000 ticks of 2.5 MHz for 2 operations");
}

#[test]
fn a_counter_that_was_restarted_has_no_rate() {
    let narrow = Counter { wide: false, ..counter(CounterType::COUNTER_COUNTER) };
    let interval = Interval::between(&at(100), &at(120));
    assert_eq!(narrow.cook(raw(1_000_000), interval, raw(5), &at(120)), Err(Why::WentBack));
    assert_eq!(cook(CounterType::TIMER_INV_100NSEC, raw(9_000_000_000), raw(12)), Err(Why::WentBack));
}

#[test]
fn a_host_that_was_restarted_is_recognised_by_its_performance_counter() {
    let mut restarted = at(120);
    restarted.perf_time = Some(30);
    assert_eq!(Interval::between(&at(100), &restarted), Err(Why::WentBack));
    // It runs longer already than it had before: but not as long as the wall clock says.
    let mut day_later = at(86_400);
    day_later.perf_time = Some(130 * 2_500_000);
    assert_eq!(Interval::between(&at(100), &day_later), Err(Why::ClockWasSet));
    let mut other_frequency = at(120);
    other_frequency.perf_frequency = Some(10_000_000);
    assert_eq!(Interval::between(&at(100), &other_frequency), Err(Why::WentBack));
}

#[test]
fn a_clock_that_was_set_gives_no_shares() {
    let mut back = at(120);
    back.sys_100ns = Some(5);
    assert_eq!(Interval::between(&at(100), &back), Err(Why::WentBack));
    let mut forward = at(120);
    forward.sys_100ns = forward.sys_100ns.map(|t| t + 3_600 * 10_000_000);
    assert_eq!(Interval::between(&at(100), &forward), Err(Why::ClockWasSet));
    // A clock that is steered moves a little.
    let mut steered = at(120);
    steered.sys_100ns = steered.sys_100ns.map(|t| t + 4_000_000);
    assert!(Interval::between(&at(100), &steered).is_ok());
    // A second and a half of twenty would make an idle processor one that is busy for a fourteenth of the time.
    let mut stepped = at(120);
    stepped.sys_100ns = stepped.sys_100ns.map(|t| t + 15_000_000);
    assert_eq!(Interval::between(&at(100), &stepped), Err(Why::ClockWasSet));
}

#[test]
fn a_restart_soon_after_a_start_is_noticed_by_its_clocks() {
    // Started at 0, asked at 100 s, started again at 200 s, asked at 3,700 s.
    let mut after = at(3_700);
    after.perf_time = after.perf_time.map(|ticks| ticks - 200 * FREQUENCY);
    assert_eq!(Interval::between(&at(100), &after), Err(Why::ClockWasSet));
}

#[test]
fn what_may_have_gone_around_unseen_has_no_value() {
    let after = |seconds: u64| Interval::between(&at(100), &at(100 + seconds));
    let narrow = |kind| Counter { kind, wide: false, wide_base: false };
    let of_base = |kind| Counter { kind, wide: true, wide_base: false };
    let cook = |counter: Counter, seconds| {
        counter
            .cook(over(5, 5), after(seconds), over(9, 7), &at(100 + seconds))
            .map_err(|why| why == Why::MayHaveWrapped)
    };
    let hours_of = 7_500;
    for kind in [CounterType::AVERAGE_BULK, CounterType::SAMPLE_FRACTION] {
        assert!(cook(of_base(kind), 60).is_ok() && cook(narrow(kind), 60).is_ok(), "{kind}");
        assert_eq!(cook(of_base(kind), hours_of), Err(true), "{kind}");
        assert_eq!(cook(Counter { kind, wide: true, wide_base: true }, hours_of), Ok(2.0), "{kind}");
    }
    for kind in [CounterType::COUNTER_DELTA, CounterType::COUNTER_COUNTER, CounterType::SAMPLE_COUNTER] {
        assert!(cook(narrow(kind), 60).is_ok(), "{kind}");
        assert_eq!(cook(narrow(kind), hours_of), Err(true), "{kind}");
    }
    // 2^32 ticks of time.
    let around = (1 << 32) / FREQUENCY;
    for kind in [CounterType::AVERAGE_TIMER, CounterType::COUNTER_QUEUELEN_TYPE] {
        assert!(cook(narrow(kind), around - 1).is_ok(), "{kind}");
        assert_eq!(cook(narrow(kind), around + 1), Err(true), "{kind}");
    }
    // The number of components stays what it is.
    assert!(cook(of_base(CounterType::COUNTER_MULTI_TIMER), hours_of).is_ok());
}

#[test]
fn no_time_is_no_rate() {
    let standing = Interval::between(&at(100), &at(100));
    let none = Interval::between(&Moment::default(), &Moment::default());
    for interval in [standing, none] {
        for kind in [CounterType::COUNTER_COUNTER, CounterType::TIMER_100NSEC, CounterType::COUNTER_100NS_QUEUELEN_TYPE]
        {
            assert_eq!(counter(kind).cook(raw(1), interval, raw(2), &at(100)), Err(Why::NoTime), "{kind}");
        }
    }
    let mut without_frequency = at(120);
    without_frequency.perf_frequency = Some(0);
    let interval = Interval::between(&at(100), &without_frequency);
    let rate = counter(CounterType::COUNTER_COUNTER).cook(raw(1), interval, raw(2), &without_frequency);
    assert!(rate.is_err(), "{rate:?}");
}

#[test]
fn idle_time_with_jitter_is_cut_and_a_jump_is_refused() {
    assert_eq!(cook(CounterType::TIMER_INV_100NSEC, raw(0), raw(200_400_000)), Ok(0.0));
    assert_eq!(cook(CounterType::TIMER_INV_100NSEC, raw(0), raw(900_000_000)), Err(Why::Jumped));
    assert_eq!(cook(CounterType::TIMER_100NSEC, raw(0), raw(u64::MAX / 4)), Err(Why::Jumped));
}

#[test]
fn numbers_of_any_cim_type_are_read() {
    let kind = CounterType::COUNTER_RAWCOUNT;
    assert_eq!(Raw::of(kind, &CimValue::Uint32(7), Some(&CimValue::Uint64(9))), over(7, 9));
    assert_eq!(Raw::of(kind, &CimValue::Sint32(-1), None), raw(u32::MAX.into()));
    assert_eq!(Raw::of(kind, &CimValue::Sint64(-1), None), raw(u64::MAX));
    assert_eq!(Raw::of(kind, &CimValue::Null, Some(&CimValue::Null)), Raw::default());
    assert_eq!(Raw::of(kind, &CimValue::String("7".into()), None), Raw::default());
    assert_eq!(Raw::of(CounterType::DOUBLE_RAW, &CimValue::Real64(2.5), None), raw(2.5_f64.to_bits()));
}

fn any_number() -> impl Strategy<Value = Option<u64>> {
    let edges = prop::sample::select(vec![0, 1, u64::from(u32::MAX), 1 << 32, u64::MAX / 2, u64::MAX - 1, u64::MAX]);
    prop::option::weighted(0.9, prop_oneof![any::<u64>(), edges, 0..1000_u64])
}

prop_compose! {
    fn any_moment()(
        sys_100ns in any_number(), perf_time in any_number(), perf_frequency in any_number(),
        object_time in any_number(), object_frequency in any_number(),
    ) -> Moment {
        Moment { sys_100ns, perf_time, perf_frequency, object_time, object_frequency }
    }
}

prop_compose! {
    fn any_raw()(value in any_number(), base in any_number()) -> Raw {
        Raw { value, base }
    }
}

proptest! {
    #[test]
    fn hostile_numbers_give_a_finite_value_that_is_not_negative_or_a_reason(
        moments in (any_moment(), any_moment()),
        raws in (any_raw(), any_raw()),
        kind in prop_oneof![
            prop::sample::select(CounterType::ALL),
            any::<u32>().prop_map(CounterType),
        ],
        wide in any::<bool>(),
        wide_base in any::<bool>(),
    ) {
        let interval = Interval::between(&moments.0, &moments.1);
        if let Ok(value) = (Counter { kind, wide, wide_base }).cook(raws.0, interval, raws.1, &moments.1) {
            prop_assert!(value.is_finite());
            prop_assert!(value >= 0.0 || kind == CounterType::DOUBLE_RAW);
        }
    }

    #[test]
    fn a_steady_rate_is_found_across_a_wrap(start in any::<u32>(), rate in 0..1_000_000_u32, wide in any::<bool>()) {
        let start = if wide { u64::from(start) << 32 | 0xFFFF_FFFF } else { start.into() };
        let end = start.wrapping_add(u64::from(rate) * 20) & if wide { u64::MAX } else { u32::MAX.into() };
        let counter = Counter { wide, ..counter(CounterType::COUNTER_COUNTER) };
        let interval = Interval::between(&at(100), &at(120));
        prop_assert_eq!(counter.cook(raw(start), interval, raw(end), &at(120)), Ok(rate.into()));
    }
}
