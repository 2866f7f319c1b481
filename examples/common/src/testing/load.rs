//! What many requests at once, and the time that one takes, tell.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::{Answer, Request, read, written};

/// Sends all of them before it reads any answer, and reads that of the last one.
pub fn last_of_a_crowd(address: SocketAddr, requests: &[Request<'_>]) -> Answer {
    let connections = requests.iter().map(|request| {
        let mut stream = TcpStream::connect(address).expect("the example listens");
        stream.write_all(&written(address, *request)).expect("sent");
        stream
    });
    let mut connections: Vec<TcpStream> = connections.collect();
    read(connections.last_mut().expect("a crowd"))
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
