use super::*;

const COOL: Duration = Duration::from_secs(2);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

#[test]
fn what_comes_to_nothing_is_bounded_in_each_cool_down() {
    let mut fruitless = Fruitless::default();
    for round in 0..3 {
        let start = at(100 + round * 2);
        for _ in 0..MOST_FRUITLESS {
            assert_eq!(fruitless.count(start, COOL), Some(start));
        }
        assert_eq!(fruitless.count(start, COOL), None);
        assert_eq!(fruitless.count(at(101 + round * 2), COOL), None);
    }
    // One that bore fruit makes room for another; one of a time that is over makes none.
    fruitless.give_back(Some(at(102)));
    fruitless.give_back(None);
    assert_eq!(fruitless.count(at(105), COOL), None);
    fruitless.give_back(Some(at(104)));
    assert_eq!(fruitless.count(at(105), COOL), Some(at(104)));
    assert_eq!(fruitless.count(at(105), COOL), None);
    // A clock that was set back makes nobody wait for a year.
    assert_eq!(fruitless.count(at(0), COOL), Some(at(0)));
    for _ in 0..10 * MOST_FRUITLESS {
        assert!(fruitless.count(at(1), Duration::ZERO).is_some());
    }
}

const BOUNDS: Bounds = Bounds {
    timeout: Duration::from_secs(600),
    yes_for: Duration::from_secs(5),
    no_for: Duration::from_secs(10),
    cool_down: Duration::from_secs(1),
};

fn inquiries() -> Arc<Inquiries<u8>> {
    Arc::new(Inquiries::new(100_000))
}

async fn never() -> Said<u8> {
    std::future::pending().await
}

/// However many join one question, so many wait; who goes makes room.
#[tokio::test]
async fn those_who_wait_for_one_answer_are_bounded() {
    let (inquiries, clock) = (inquiries(), Clock::manual(at(0)));
    let ask = || inquiries.ask([7; 32], &clock, BOUNDS, never);
    let mut waiting: Vec<_> = std::iter::from_fn(ask).take(3 * MOST_WAITING).collect();
    assert_eq!(waiting.len(), MOST_WAITING);
    assert!(ask().is_none());
    waiting.pop();
    assert!(matches!(ask(), Some(Asked::Waits(_))));
    waiting.clear();
    assert_eq!(inquiries.waiting.load(Ordering::Acquire), 0);
    assert_eq!(lock(&inquiries.asked).questions.len(), 1);
}

/// An answer that took longer than it counts still reaches those who waited for it.
#[tokio::test]
async fn a_late_answer_is_found_by_those_who_waited() {
    let (inquiries, clock) = (inquiries(), Clock::manual(at(0)));
    let turned = clock.clone();
    let late = move || async move {
        turned.set(at(60));
        Said::Yes(7, 1)
    };
    let Some(Asked::Waits(answered)) = inquiries.ask([7; 32], &clock, BOUNDS, late) else {
        panic!("nobody was asked");
    };
    answered.wait().await;
    let recall = |seconds| inquiries.recall(&[7; 32], at(seconds));
    assert_eq!(recall(60), Some(Ok(7)));
    assert_eq!(recall(61), None);
    // It is known: nobody is asked again.
    let asked = inquiries.ask([7; 32], &clock, BOUNDS, never);
    assert!(matches!(asked, Some(Asked::Answered)));
}
