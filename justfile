# The common commands. `just` alone lists them; each can as well be typed out.

default:
    @just --list

# Run the server on 127.0.0.1:8080 with nothing configured (the README's first command).
serve *arguments:
    cargo run --release -- serve {{arguments}}

# Run every test (the README's second command).
test:
    cargo test --workspace

# What a commit must pass before it is shared, without the tests.
check:
    cargo fmt --check
    cargo clippy --workspace --all-targets -- -D warnings
    RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --no-deps
    cargo deny check licenses bans sources

# Each crate and each feature of the library alone: a workspace build unifies features and hides what is missing.
alone:
    cargo check -p keystile --no-default-features
    cargo check -p keystile --features tower
    cargo check -p keystile --features axum
    cargo check -p keystile --features remote
    cargo check -p keystile --features testing
    cargo check -p keystile --features tracing
    cargo check -p keystile-accounts
    cargo check -p keystile-server

# Everything that CI runs, from installing what is missing to the last test.
ci:
    .ci/run

# Fetch PyJWT, jose and Flask with its libraries, which tests hold our tokens and hashes against.
interop-setup:
    crates/keystile-server/tests/interop/setup

# The figures that the README quotes.
bench *arguments:
    cargo run --release -p keystile-bench -- {{arguments}}

# Show the promises against the release binary: `just prove walk`, `just prove races --rounds 100`, `just prove all`.
prove *arguments:
    cargo build --release -p keystile-server
    cargo run --release -p keystile-prove -- {{arguments}}

# Feed every parser of the library with whatever breaks it, for so many seconds each.
fuzz *arguments:
    fuzz/run {{arguments}}

# The examples' tests, each with its contract printed cell by cell.
examples:
    cargo test -p quickstart -p cupcakes -p microblog -p drink-ratings -p customers

# The quickstart example with random secrets and a temporary database.
quickstart:
    cargo run -p quickstart -- --demo

# The cupcakes example with random secrets and a temporary database.
cupcakes:
    cargo run -p cupcakes -- --demo

# Write the files of the command line's snapshot and the OpenAPI document anew.
snapshots:
    INSTA_UPDATE=always cargo test -p keystile-server
