//! The book's pages on PostgreSQL, several nodes, failover and backups, done as they are written: each block is pasted into
//! a shell on the machine that it is for. Two folders are the two machines, two ports of loopback their addresses.

mod backup;
mod clients;
mod failover;
mod feed;
mod nodes;
mod people;
mod postgresql;

use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use keystile_tests_postgres::Workshop;

use crate::keystile::{Folder, Serving, finish};

/// How long a server may take to come as far as a test waits for.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whom a block is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum On {
    Db1,
    Db2,
    Node,
}

/// A shell block of a page.
struct Block {
    on: On,
    script: String,
}

fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs")
        .join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The shell blocks below a heading of the second level, in order; of the whole page without one.
fn blocks(page: &str, heading: &str) -> Vec<Block> {
    let section = if heading.is_empty() {
        page
    } else {
        let (_, rest) = page
            .split_once(&format!("\n## {heading}\n"))
            .unwrap_or_else(|| panic!("no {heading:?}"));
        rest.split("\n## ").next().unwrap_or_default()
    };
    let blocks = section.split("```sh\n").skip(1);
    let blocks = blocks.filter_map(|rest| rest.split("```").next());
    blocks
        .map(|script| {
            let first = script.lines().next().unwrap_or_default();
            let on = match first {
                "# on db1" => On::Db1,
                "# on db2" => On::Db2,
                _ if first.starts_with("# ") && first.ends_with("on a node") => On::Node,
                other => panic!("{heading}: for whom is {other:?}?"),
            };
            let script = script.to_owned();
            Block { on, script }
        })
        .collect()
}

/// Two machines for databases, and one for nodes.
struct Machines {
    shop: Workshop,
    ports: [u16; 2],
    /// Where nodes run: a folder whose `keystile.toml` they share.
    nodes: Folder,
}

impl Machines {
    /// `db1` runs as a fresh installation does, on its socket alone. `None` where PostgreSQL is not installed.
    fn new() -> Option<Self> {
        let shop = Workshop::open()?;
        let probes = [0; 2].map(|_| TcpListener::bind("127.0.0.1:0").expect("a free port"));
        let ports = probes
            .each_ref()
            .map(|probe| probe.local_addr().expect("its address").port());
        drop(probes);
        let nodes = Folder::new();
        nodes.write(
            "keystile.toml",
            "issuer = \"https://login.example.com\"\n[limits]\nguessing = false\n",
        );
        let machines = Self { shop, ports, nodes };
        machines.run(
            On::Db1,
            r#"initdb --pgdata "$PGDATA" --auth-local trust --auth-host scram-sha-256 --username postgres --locale C --no-sync
            sed -i '/^host/d' "$PGDATA/pg_hba.conf"
            echo "unix_socket_directories = '$PGHOST'" >>"$PGDATA/postgresql.conf"
            echo "shared_buffers = 32MB" >>"$PGDATA/postgresql.conf"
            echo "listen_addresses = ''" >>"$PGDATA/postgresql.conf"
            pg_ctl start --wait --log server.log"#,
        );
        Some(machines)
    }

    /// The same, with the page on PostgreSQL gone through as far as the first node.
    fn with_database() -> Option<Self> {
        let machines = Self::new()?;
        let page = page("postgresql.md");
        for heading in ["A role and a database of its own", "TLS", "The first node"] {
            machines.run_all(&blocks(&page, heading));
        }
        Some(machines)
    }

    fn run_all(&self, blocks: &[Block]) -> String {
        assert!(!blocks.is_empty());
        let said = blocks.iter().map(|block| self.run(block.on, &block.script));
        said.collect()
    }

    /// Pastes a block into a shell; what it printed.
    #[track_caller]
    fn run(&self, on: On, script: &str) -> String {
        self.run_with(on, script, &[])
    }

    #[track_caller]
    fn run_with(&self, on: On, script: &str, variables: &[(&str, &str)]) -> String {
        let binary = Path::new(env!("CARGO_BIN_EXE_keystile")).parent();
        let mut shell = self
            .shop
            .shell(&self.here(script), binary.expect("a folder"));
        let folder = self.shop.folder();
        match on {
            On::Node => {
                if folder.join("database-url").exists() {
                    shell.env("KEYSTILE_DATABASE_FILE", "database-url");
                }
            }
            On::Db1 | On::Db2 => {
                let (name, port) = if on == On::Db1 {
                    ("db1", self.ports[0])
                } else {
                    ("db2", self.ports[1])
                };
                shell.env("PGDATA", folder.join(name)).env("PGHOST", folder);
                shell
                    .env("PGPORT", port.to_string())
                    .env("PGUSER", "postgres");
            }
        }
        shell.envs(variables.iter().copied());
        shell.stdin(Stdio::piped());
        shell.stdout(Stdio::piped()).stderr(Stdio::piped());
        let said = finish(shell, "");
        assert_eq!(
            said.code,
            0,
            "{script}\n{}{}{}",
            said.out,
            said.err,
            self.log()
        );
        said.out
    }

    /// What the servers have to say of a failure.
    fn log(&self) -> String {
        let logs = ["server.log", "standby.log"].map(|name| self.shop.folder().join(name));
        logs.iter()
            .filter_map(|log| std::fs::read_to_string(log).ok())
            .collect()
    }

    /// The page's names as they are here.
    fn here(&self, script: &str) -> String {
        let mut script = script.to_owned();
        for (name, port) in [
            ("db1.example.com", self.ports[0]),
            ("db2.example.com", self.ports[1]),
        ] {
            script = script.replace(
                &format!("host={name}"),
                &format!("host=localhost port={port}"),
            );
            for before in ['@', ','] {
                for after in ['/', ','] {
                    script = script.replace(
                        &format!("{before}{name}{after}"),
                        &format!("{before}localhost:{port}{after}"),
                    );
                }
            }
            script = script.replace(name, "localhost");
        }
        let folder = self.shop.folder().display().to_string();
        script
            .replace("listen_addresses = '*'", "listen_addresses = '127.0.0.1'")
            .replace("/var/lib/postgresql", &folder)
    }

    /// Starts a node on the URL of this file.
    fn node(&self, file: &str) -> Serving {
        let folder = self.shop.folder();
        let url = std::fs::read_to_string(folder.join(file)).expect("a URL");
        let authority = format!("sslrootcert={}/ca.pem", folder.display());
        let url = url.replace("sslrootcert=ca.pem", &authority);
        self.nodes.serve(&format!("--database {url}"))
    }
}

/// Asks until it holds.
#[track_caller]
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let since = Instant::now();
    while !holds() {
        assert!(
            since.elapsed() < PATIENCE,
            "not within {PATIENCE:?}: {what}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// `GET /readyz`'s status.
fn ready(node: &Serving) -> u16 {
    node.ask("GET", "/readyz", "", "").0
}
