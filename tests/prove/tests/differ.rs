//! Some thousands of the tokens of `prove differ`.

use std::io::Write as _;

use keystile_prove::differ;

#[expect(clippy::disallowed_methods, reason = "a test's own surroundings")]
fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| value == "true")
}

#[tokio::test(flavor = "multi_thread")]
async fn where_we_differ_from_other_libraries_we_are_stricter() {
    if let Some(missing) = differ::missing() {
        assert!(!in_ci(), "{missing}");
        let _ = writeln!(
            std::io::stderr(),
            "differ: judged beside jsonwebtoken alone: {missing}"
        );
    }
    let verdict = differ::prove(5_000, 2).await.unwrap();
    assert!(verdict.holds(), "{verdict}");
}
