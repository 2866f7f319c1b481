//! `docs/nodes.md`: its commands, and the balancers' configurations where the balancers are installed.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::people::{refreshed, sign_in, sign_up};
use super::{Machines, blocks, page};
use crate::keystile::{Folder, finish};

#[test]
fn every_block_works_in_its_order() {
    let Some(machines) = Machines::with_database() else {
        return;
    };
    let page = page("nodes.md");
    let blocks = blocks(&page, "");
    let [configure, files, ready] = &blocks[..] else {
        panic!("{} blocks", blocks.len());
    };
    let found = machines.run(configure.on, &configure.script);
    assert!(
        found.contains("database rights: all that are needed"),
        "{found}"
    );
    machines.run(files.on, &files.script);
    let (one, two) = (machines.node("database-url"), machines.node("database-url"));
    let address = one.address.to_string();
    machines.run_with(ready.on, &ready.script, &[("NODE", &address)]);
    sign_up(&one, "ada");
    let pair = sign_in(&two, "ada");
    assert_eq!(one.me(&pair.access), 200);
    refreshed(&one, &pair.refresh);
}

/// A program of the path, or of where the system keeps servers; its absence is said in one line, and is a
/// failure where `CI=true`.
pub(super) fn installed(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    let mut places = std::env::split_paths(&path).chain(system);
    let found = places.find_map(|place| Some(place.join(name)).filter(|file| file.is_file()));
    if found.is_none() {
        let required = std::env::var_os("CI").is_some_and(|value| value == "true");
        assert!(!required, "{name} must be installed where CI=true");
        // Not by a macro, whose words the test runner would keep to itself.
        let _ = writeln!(
            std::io::stderr(),
            "{name} is not installed: the book's configuration for it is not tried"
        );
    }
    found
}

/// The page's block of this kind, with its certificate where this test has made one.
pub(super) fn configuration(kind: &str, certificate: &str, folder: &Path) -> String {
    let page = page("nodes.md");
    let (_, rest) = page.split_once(&format!("```{kind}\n")).expect("a block");
    let block = rest.split("```").next().expect("its end");
    assert!(block.contains(certificate), "{block}");
    block.replace(certificate, &folder.join("login.pem").display().to_string())
}

pub(super) fn certify(folder: &Folder) {
    let script = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem \
        -subj /CN=login.example.com -days 2 2>/dev/null && cat cert.pem key.pem >login.pem";
    let done = Command::new("sh")
        .args(["-euc", script])
        .current_dir(folder.0.path())
        .status();
    assert!(done.is_ok_and(|status| status.success()), "openssl");
}

fn accepts(program: &Path, arguments: &[&str], folder: &Folder) {
    let mut check = Command::new(program);
    check.args(arguments).current_dir(folder.0.path());
    check.stdin(std::process::Stdio::piped());
    check.stdout(std::process::Stdio::piped());
    check.stderr(std::process::Stdio::piped());
    let said = finish(check, "");
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(!said.err.contains("WARNING"), "{}", said.err);
}

#[test]
fn haproxy_takes_its_configuration() {
    let Some(haproxy) = installed("haproxy") else {
        return;
    };
    let folder = Folder::new();
    certify(&folder);
    let text = configuration("haproxy", "/etc/haproxy/login.pem", folder.0.path());
    folder.write("haproxy.cfg", &text);
    accepts(&haproxy, &["-c", "-f", "haproxy.cfg"], &folder);
}

#[test]
fn nginx_takes_its_configuration() {
    let Some(nginx) = installed("nginx") else {
        return;
    };
    let folder = Folder::new();
    certify(&folder);
    let text = configuration("nginx", "/etc/nginx/login.pem", folder.0.path());
    let place = folder.0.path().display();
    folder.write(
        "nginx.conf",
        &format!(
            "pid {place}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\n{text}}}\n"
        ),
    );
    let file = format!("{place}/nginx.conf");
    accepts(
        &nginx,
        &["-t", "-c", &file, "-p", &place.to_string()],
        &folder,
    );
}
