use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use mio::{Poll, Token};
use wmi_proto::Role;

use super::*;
use crate::link::tests::transport;
use crate::reactor::SessionId;

#[test]
fn an_address_needs_no_thread() {
    let (_poll, mut resolver) = resolver(|_| panic!("an address was looked up"));
    let [route] = routes();
    let found = resolver.look_up(route, target("::1"), Weak::new()).unwrap();
    assert_eq!(found, Some(vec!["[::1]:135".parse().unwrap()]));
    let [route] = routes();
    let scoped = resolver.look_up(route, target("fe80::1%7"), Weak::new()).unwrap();
    assert_eq!(scoped, Some(vec!["[fe80::1%7]:135".parse().unwrap()]));
    assert_eq!((resolver.threads, resolver.outstanding), (0, 0));
}

#[test]
fn many_names_share_a_few_threads_and_each_has_its_answer() {
    static AT_ONCE: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);
    let (_poll, mut resolver) = resolver(|target| {
        MOST.fetch_max(AT_ONCE.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        thread::sleep(Duration::from_millis(2));
        AT_ONCE.fetch_sub(1, Ordering::SeqCst);
        Ok(vec![SocketAddr::from(([127, 0, 0, 1], target.port))])
    });
    let wanted = Arc::new(());
    let routes = routes::<100>();
    for route in routes {
        assert_eq!(resolver.look_up(route, target("name.invalid"), Arc::downgrade(&wanted)).unwrap(), None);
    }
    let answers = all_answers(&mut resolver);
    assert!(routes.iter().all(|route| answers.iter().filter(|answer| answer.route == *route).count() == 1));
    assert!(answers.iter().all(|answer| answer.addresses.as_ref().is_ok_and(|found| found.len() == 1)), "{answers:?}");
    let most = MOST.load(Ordering::SeqCst);
    assert!((2..=MAX_THREADS).contains(&most), "{most} at once");
    assert_eq!((resolver.threads, resolver.outstanding), (MAX_THREADS, 0));
}

#[test]
fn names_one_after_the_other_share_one_thread() {
    let (_poll, mut resolver) = resolver(|_| Ok(Vec::new()));
    let wanted = Arc::new(());
    for route in routes::<5>() {
        resolver.look_up(route, target("name.invalid"), Arc::downgrade(&wanted)).unwrap();
        assert_eq!(all_answers(&mut resolver).len(), 1);
    }
    assert_eq!(resolver.threads, 1);
}

#[test]
fn a_name_that_nobody_waits_for_any_more_is_not_looked_up() {
    let (_poll, mut resolver) = resolver(|_| panic!("it was looked up"));
    let [route] = routes();
    resolver.look_up(route, target("name.invalid"), Weak::new()).unwrap();
    assert_eq!(all_answers(&mut resolver).len(), 1);
}

#[cfg(unix)]
#[test]
fn a_look_up_without_a_descriptor_says_so() {
    for (code, said) in [(24, TransportFailure::Exhausted), (2, TransportFailure::NameResolution)] {
        assert_eq!(failure(&io::Error::from_raw_os_error(code)), said);
    }
    assert_eq!(failure(&io::Error::other("failed to lookup address information")), TransportFailure::NameResolution);
}

fn all_answers(resolver: &mut Resolver) -> Vec<Answer> {
    let give_up = Instant::now() + Duration::from_secs(10);
    let mut answers = Vec::new();
    while resolver.outstanding > 0 {
        assert!(Instant::now() < give_up, "{} answers are missing", resolver.outstanding);
        answers.extend(resolver.answer());
        thread::sleep(Duration::from_millis(1));
    }
    answers
}

/// The poll must outlive the waker.
fn resolver(look_up: LookUp) -> (Poll, Resolver) {
    let poll = Poll::new().unwrap();
    let waker = Arc::new(mio::Waker::new(poll.registry(), Token(0)).unwrap());
    (poll, Resolver::with(look_up, waker))
}

fn target(host: &str) -> Target {
    Target { role: Role::Activator, host: host.to_owned(), port: 135, keep_alive: None }
}

fn routes<const N: usize>() -> [Route; N] {
    let transport = transport();
    std::array::from_fn(|index| Route { session: SessionId(index as u64), transport })
}
