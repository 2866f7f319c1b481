//! Two at once, or one while the other: what is answered, and that the timelines stay what follows and posts make them.

mod support;

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};

use support::{Blog, NOW, SECRET, assert_timelines_agree, folder, json};

/// Runs them at the same moment, each on a thread of its own; answers what each answered.
fn at_once<T: Send>(count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let barrier = Barrier::new(count);
    let (barrier, work) = (&barrier, &work);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..count)
            .map(|number| {
                scope.spawn(move || {
                    barrier.wait();
                    work(number)
                })
            })
            .collect();
        threads.into_iter().map(|it| it.join().unwrap()).collect()
    })
}

/// Each status, and how many times it came.
fn counted(mut statuses: Vec<u16>) -> Vec<(u16, usize)> {
    statuses.sort_unstable();
    let chunks = statuses.chunk_by(|one, other| one == other);
    chunks.map(|chunk| (chunk[0], chunk.len())).collect()
}

#[test]
fn of_many_follows_at_once_one_is_the_follow_and_of_many_deletions_one_the_deletion() {
    let (_folder, file) = folder();
    let blog = Blog::open(&file, SECRET, NOW);
    let (joey, mira) = (blog.bearer("joey2go"), blog.bearer("mira"));
    for round in 0..10 {
        let post = blog.write(&joey, &format!("Round {round}"));
        let follows = at_once(6, |_| blog.follow("POST", &mira, 1));
        assert_eq!(counted(follows), [(200, 1), (409, 5)]);
        assert_eq!(blog.ids("/timeline", &mira), [post]);
        let path = format!("/post?postid={post}");
        let deletions = at_once(6, |_| blog.ask("DELETE", &path, &joey, "").status);
        assert_eq!(counted(deletions), [(200, 1), (404, 5)]);
        assert!(blog.ids("/timeline", &mira).is_empty());
        let unfollows = at_once(6, |_| blog.follow("DELETE", &mira, 1));
        assert_eq!(counted(unfollows), [(200, 1), (404, 5)]);
    }
    assert_timelines_agree(&file);
}

#[test]
fn of_many_sign_ups_at_once_one_gets_the_name() {
    let (_folder, file) = folder();
    let blog = Blog::open(&file, SECRET, NOW);
    for round in 0..3 {
        let signed_up = at_once(6, |number| {
            // Each writes it in another way.
            let mut name = format!("user{round}");
            let letter = name[..=number % 4].to_uppercase();
            name.replace_range(..=number % 4, &letter);
            let body = support::credentials(&name, "bestpass123");
            blog.ask("POST", "/signup", "", &body).status
        });
        assert_eq!(counted(signed_up), [(200, 1), (409, 5)]);
    }
}

/// The owner's deletion and a stranger's at once: the stranger never deletes, whoever comes first.
#[test]
fn a_stranger_s_deletion_never_wins() {
    let (_folder, file) = folder();
    let blog = Blog::open(&file, SECRET, NOW);
    let (joey, mira) = (blog.bearer("joey2go"), blog.bearer("mira"));
    for _ in 0..10 {
        let path = format!("/post?postid={}", blog.write(&joey, "x"));
        let answers = at_once(6, |number| {
            let bearer = if number == 0 { &joey } else { &mira };
            blog.ask("DELETE", &path, bearer, "").status
        });
        assert_eq!(answers[0], 200);
        assert!(
            answers[1..].iter().all(|it| [403, 404].contains(it)),
            "{answers:?}"
        );
    }
}

#[test]
fn posts_follows_and_deletions_in_one_another_s_way_leave_the_timelines_right() {
    let (_folder, file) = folder();
    // Two programs on one file: nothing in the memory of one may be what keeps the timelines right.
    let blogs = [(); 2].map(|()| Blog::open(&file, SECRET, NOW));
    let people = ["joey2go", "mira", "sol", "tess"].map(|name| blogs[0].bearer(name));
    let ended = AtomicBool::new(false);
    let (blogs, people, ended) = (&blogs, &people, &ended);
    std::thread::scope(|scope| {
        let changes = (0..people.len()).map(|me| {
            scope.spawn(move || {
                for turn in 0..30 {
                    let blog = &blogs[(me + turn / 3) % 2];
                    let post = blog.write(&people[me], &format!("{turn} of {me}"));
                    let other = i64::try_from((me + turn) % people.len()).unwrap() + 1;
                    for method in ["POST", "DELETE", "POST"] {
                        let status = blog.follow(method, &people[me], other);
                        assert!([200, 400, 404, 409].contains(&status), "{status}");
                    }
                    if turn % 2 == 0 {
                        let path = format!("/post?postid={post}");
                        assert_eq!(blog.ask("DELETE", &path, &people[me], "").status, 200);
                    }
                }
            })
        });
        let changes: Vec<_> = changes.collect();
        let reader = scope.spawn(move || {
            let mut pages = 0;
            while !ended.load(Ordering::Relaxed) {
                let reader = &people[pages % people.len()];
                let page = blogs[pages % 2].ids("/timeline?limit=100", reader);
                assert!(page.is_sorted_by(|one, next| one > next), "{page:?}");
                pages += 1;
            }
            pages
        });
        for change in changes {
            change.join().unwrap();
        }
        ended.store(true, Ordering::Relaxed);
        assert!(reader.join().unwrap() > 0);
    });
    assert_timelines_agree(&file);
}

/// Turning the pages while posts come and go: none is shown twice, and what stayed is shown.
#[test]
fn a_page_s_cursor_outlives_deletions_and_new_posts() {
    let (_folder, file) = folder();
    let blog = Blog::open(&file, SECRET, NOW);
    let (joey, mira) = (blog.bearer("joey2go"), blog.bearer("mira"));
    assert_eq!(blog.follow("POST", &mira, 1), 200);
    let posts: Vec<i64> = (0..12).map(|_| blog.write(&joey, "x")).collect();
    let delete = |post: i64| {
        blog.ask("DELETE", &format!("/post?postid={post}"), &joey, "")
            .status
    };
    let first = blog.ask("GET", "/timeline?limit=4", &mira, "");
    assert_eq!(json(&first)["before"], posts[8]);
    // The post that the cursor names, one behind it, and one before it.
    for post in [posts[8], posts[6], posts[10]] {
        assert_eq!(delete(post), 200);
    }
    blog.write(&joey, "new");
    let path = format!("/timeline?limit=4&before={}", posts[8]);
    assert_eq!(
        blog.ids(&path, &mira),
        [posts[7], posts[5], posts[4], posts[3]]
    );
}
