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

/// Made-up names that are not answered in time take the places of none that was known before; of those too only so many are asked.
#[tokio::test]
async fn a_flood_that_is_answered_slowly_leaves_room_for_what_was_known() {
    let name = |number: usize| name_of(&number.to_be_bytes());
    let (inquiries, clock) = (inquiries(), Clock::manual(at(0)));
    let yes = || async { Said::Yes(7, 1) };
    for number in 0..=MOST_ASKED {
        match inquiries.ask(name(number), &clock, BOUNDS, yes) {
            Some(Asked::Waits(answered)) => answered.wait().await,
            _ => panic!("nobody was asked"),
        }
    }
    clock.set(at(60));
    let made_up = |number| inquiries.ask(name(1_000 + number), &clock, BOUNDS, never);
    let flood: Vec<_> = (0..MOST_ASKED).map_while(made_up).collect();
    assert_eq!(flood.len(), MOST_ASKED);
    clock.set(at(120));
    assert!(made_up(MOST_ASKED).is_none());
    let known = |number| inquiries.ask(name(number), &clock, BOUNDS, never);
    let asked: Vec<_> = (0..=MOST_ASKED).map_while(known).collect();
    assert_eq!(asked.len(), MOST_ASKED);
}

/// On several threads, while all is forgotten now and then: nobody waits for ever, nothing is left behind, and unless all was
/// forgotten in between, no question is put twice at a time.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_threads_put_each_question_once_at_a_time() {
    const NAMES: usize = 8;
    for forgets in [false, true] {
        let (inquiries, clock) = (inquiries(), Clock::manual(at(0)));
        let under_way: Arc<[AtomicUsize; NAMES]> = Arc::default();
        let twice = Arc::new(AtomicUsize::new(0));
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..2_000_usize {
            let (inquiries, clock) = (Arc::clone(&inquiries), clock.clone());
            let (under_way, twice) = (Arc::clone(&under_way), Arc::clone(&twice));
            tasks.spawn(async move {
                let which = number % NAMES;
                let name = name_of(&[u8::try_from(which).unwrap()]);
                let question = move || async move {
                    let others = under_way[which].fetch_add(1, Ordering::SeqCst);
                    twice.fetch_add(others, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                    under_way[which].fetch_sub(1, Ordering::SeqCst);
                    // Mostly they cannot tell, so that it is asked again and again.
                    match number % 5 {
                        0 => Said::No(Reason::TokenInactive),
                        _ => Said::Unknown,
                    }
                };
                let bounds = Bounds {
                    cool_down: Duration::ZERO,
                    ..BOUNDS
                };
                match inquiries.ask(name, &clock, bounds, question) {
                    Some(Asked::Waits(answered)) => answered.wait().await,
                    Some(Asked::Answered) => inquiries.forget_if(forgets),
                    None => panic!("there is room"),
                }
            });
        }
        let all = timeout(Duration::from_secs(60), tasks.join_all()).await;
        assert!(all.is_ok(), "somebody waits still");
        assert!(forgets || twice.load(Ordering::SeqCst) == 0);
        // A question that was forgotten may still run.
        let ended = timeout(Duration::from_secs(60), async {
            while Arc::strong_count(&inquiries) > 1 {
                tokio::task::yield_now().await;
            }
        });
        assert!(ended.await.is_ok(), "a question runs still");
        assert_eq!(inquiries.waiting.load(Ordering::SeqCst), 0);
        assert!(lock(&inquiries.asked).questions.is_empty());
    }
}

impl Inquiries<u8> {
    fn forget_if(&self, forgets: bool) {
        if forgets {
            self.forget();
        }
    }
}
