//! Any bytes as a feed of revocations, in one piece and in two: nothing panics, no piece changes what is said, and nothing
//! that nobody signed is believed.
#![no_main]

use keystile::remote::__read;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&[u8], usize)| {
    let (bytes, cut) = input;
    assert_eq!(__read(bytes, cut), __read(bytes, bytes.len()));
});
