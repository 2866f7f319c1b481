//! The page on the revocation feed: its look at it, beside a running server and through the balancers of the page on nodes.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use super::clients::{blocks, paste};
use super::nodes::{certify, configuration, installed};
use super::{page, until};
use crate::keystile::Folder;

/// What the page's look at it shows, where the feed is at `feed`.
fn look(folder: &Folder, server: SocketAddr, feed: &str) -> Vec<String> {
    let blocks = blocks(&page("feed.md"));
    let [look] = &blocks[..] else {
        panic!("{} blocks", blocks.len());
    };
    let look = look.replace("http://127.0.0.1:8080/v1/revocations", feed);
    let look = look.replace("127.0.0.1:8080", &server.to_string());
    let said = paste(folder, &look, &[]);
    let kinds = said.lines().filter_map(|line| line.strip_prefix("event: "));
    kinds.map(str::to_owned).collect()
}

/// A list, and then a beat each second: nobody gathers them.
#[track_caller]
fn assert_living(kinds: &[String]) {
    assert!(kinds.len() >= 3, "a beat each second: {kinds:?}");
    assert_eq!(kinds[..2], ["snapshot", "current"]);
}

#[test]
fn the_look_at_the_feed_shows_it() {
    let folder = Folder::new();
    let server = folder.serve("");
    let feed = format!("http://{}/v1/revocations", server.address);
    assert_living(&look(&folder, server.address, &feed));
}

/// A balancer that runs; it ends with this.
struct Balancer(Child);

impl Balancer {
    fn start(mut command: Command, port: u16) -> Self {
        let child = command.stdin(Stdio::null()).spawn().expect("a balancer");
        let balancer = Self(child);
        until("the balancer listens", || {
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        balancer
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    let probe = TcpListener::bind("127.0.0.1:0").expect("a free port");
    probe.local_addr().expect("its address").port()
}

/// The look through a balancer with the page's configuration, but for its addresses.
fn look_through(
    kind: &str,
    certificate: &str,
    listens: [&str; 2],
    run: fn(&Folder, &str) -> Command,
) {
    let folder = Folder::new();
    let server = folder.serve("");
    certify(&folder);
    let port = free_port();
    let text = configuration(kind, certificate, folder.0.path())
        .replace(listens[0], &listens[1].replace("PORT", &port.to_string()))
        .replace("10.0.0.11:8080", &server.address.to_string())
        .replace("10.0.0.12:8080", &server.address.to_string());
    let balancer = Balancer::start(run(&folder, &text), port);
    let feed = format!("--insecure https://127.0.0.1:{port}/v1/revocations");
    assert_living(&look(&folder, server.address, &feed));
    drop(balancer);
}

#[test]
fn haproxy_passes_the_feed_on() {
    if installed("haproxy").is_none() {
        return;
    }
    let listens = ["bind :443 ssl", "bind 127.0.0.1:PORT ssl"];
    look_through(
        "haproxy",
        "/etc/haproxy/login.pem",
        listens,
        |folder, text| {
            // As many files as the page's number needs may not be had here.
            folder.write("haproxy.cfg", &text.replace("maxconn 20000", "maxconn 200"));
            let mut haproxy = Command::new(installed("haproxy").expect("it is there"));
            haproxy.args(["-q", "-db", "-f", "haproxy.cfg"]);
            haproxy.current_dir(folder.0.path());
            haproxy
        },
    );
}

#[test]
fn nginx_passes_the_feed_on() {
    if installed("nginx").is_none() {
        return;
    }
    let listens = ["listen 443 ssl;", "listen 127.0.0.1:PORT ssl;"];
    look_through("nginx", "/etc/nginx/login.pem", listens, |folder, text| {
        let place = folder.0.path().display();
        folder.write(
            "nginx.conf",
            &format!(
                "daemon off;\nmaster_process off;\npid {place}/pid;\nerror_log {place}/error;\nevents {{}}\nhttp {{\n\
                 access_log off;\nproxy_temp_path {place}/proxy;\nclient_body_temp_path {place}/body;\n{text}}}\n"
            ),
        );
        let mut nginx = Command::new(installed("nginx").expect("it is there"));
        nginx.args([
            "-c",
            &format!("{place}/nginx.conf"),
            "-p",
            &place.to_string(),
        ]);
        nginx
    });
}
