//! Names the compiler that built the benchmark, so that a figure can be quoted with it.

use std::process::Command;

#[allow(
    clippy::disallowed_methods,
    reason = "cargo tells a build script its compiler by the environment, and by nothing else"
)]
fn main() {
    println!("cargo:rerun-if-env-changed=RUSTC");
    println!("cargo:rerun-if-changed=build.rs");
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(compiler)
        .arg("--version")
        .output()
        .ok()
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .unwrap_or_else(|| "rustc (version unknown)".to_owned());
    println!("cargo:rustc-env=BENCH_RUSTC={}", version.trim());
}
