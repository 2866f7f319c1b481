//! What many requests at once, and the time that one takes, tell.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::num::NonZeroUsize;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::{Answer, Request, parse, written};

/// Sends them all at once, again and again where there are many cores, and gives the answer of one for whom there was
/// no room: 503.
pub fn last_of_a_crowd(address: SocketAddr, requests: &[Request<'_>]) -> Answer {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let crowd = requests.len().max(60 * cores).min(400);
    let (found, answers) = mpsc::channel();
    for request in requests.iter().cycle().take(crowd) {
        let mut stream = TcpStream::connect(address).expect("the example listens");
        stream.write_all(&written(address, *request)).expect("sent");
        let found = found.clone();
        std::thread::spawn(move || {
            let mut answer = Vec::new();
            // Whoever waits still when the program is stopped gets none, and nobody waits for the rest.
            let _ = stream.read_to_end(&mut answer);
            if answer.starts_with(b"HTTP/1.1 503 ") {
                let _ = found.send(answer);
            }
        });
    }
    let answer = answers.recv_timeout(Duration::from_secs(60));
    parse(&answer.unwrap_or_else(|_| panic!("there was room for all")))
}

/// The shortest of some runs of each: noise only adds to the time that the work takes.
pub fn fastest<const N: usize>(work: [&dyn Fn(); N]) -> [Duration; N] {
    const RUNS: usize = 9;
    let mut fastest = [Duration::MAX; N];
    for _ in 0..RUNS {
        for (fastest, work) in fastest.iter_mut().zip(work) {
            #[expect(clippy::disallowed_methods, reason = "measures real time")]
            let begun = Instant::now();
            work();
            *fastest = begun.elapsed().min(*fastest);
        }
    }
    fastest
}
