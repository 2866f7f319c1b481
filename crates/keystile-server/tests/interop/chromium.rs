//! Chromium without a window, spoken to by `DevTools`' pipe: messages of JSON, each ended by a zero byte.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(60);
/// It listens on 3 and speaks on 4.
const START: &str = "exec \"$0\" \"$@\" --remote-debugging-pipe 3<&0 4>&1 >/dev/null 2>&1";
/// It shows pages of this test's own servers, whose certificate is nobody's.
const OPTIONS: [&str; 6] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--ignore-certificate-errors",
];

/// The program, where it is installed.
pub(crate) fn installed() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    std::env::split_paths(&path)
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .find(|program| program.is_file())
}

/// A browser with one page; it ends with this.
pub(crate) struct Chromium {
    child: Child,
    input: Option<ChildStdin>,
    said: Receiver<Value>,
    calls: u64,
    page: Value,
    _profile: TempDir,
}

impl Chromium {
    pub(crate) fn start(program: PathBuf) -> Self {
        let profile = TempDir::new().expect("a folder");
        let mut child = Command::new("sh")
            .args(["-c", START])
            .arg(program)
            .args(OPTIONS)
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh runs");
        let mut output = BufReader::new(child.stdout.take().expect("a piped output"));
        let (says, said) = channel();
        std::thread::spawn(move || {
            let mut message = Vec::new();
            while output.read_until(0, &mut message).is_ok_and(|n| n > 0) {
                message.pop();
                let _ = says.send(serde_json::from_slice(&message).expect("JSON"));
                message.clear();
            }
        });
        let mut browser = Self {
            input: child.stdin.take(),
            child,
            said,
            calls: 0,
            page: Value::Null,
            _profile: profile,
        };
        let page = browser.call("Target.createTarget", &json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": page["targetId"], "flatten": true });
        browser.page = browser.call("Target.attachToTarget", &attach)["sessionId"].clone();
        browser
    }

    /// A command of `DevTools`' protocol; what it answers.
    pub(crate) fn call(&mut self, method: &str, parameters: &Value) -> Value {
        self.calls += 1;
        let mut message = json!({ "id": self.calls, "method": method, "params": parameters });
        if self.page.is_string() {
            message["sessionId"] = self.page.clone();
        }
        let input = self.input.as_mut().expect("open until the end");
        input
            .write_all(format!("{message}\0").as_bytes())
            .expect("the browser listens");
        loop {
            let said = self.said.recv_timeout(PATIENCE);
            let mut said = said.unwrap_or_else(|error| panic!("{method}: {error}"));
            if said["id"] == self.calls {
                assert!(said["error"].is_null(), "{method}: {said}");
                return said["result"].take();
            }
        }
    }

    /// Runs the body of an asynchronous function in the page; what it returned.
    pub(crate) fn run(&mut self, script: &str) -> Value {
        let expression = format!("(async () => {{ {script} }})()");
        let asked =
            json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let mut said = self.call("Runtime.evaluate", &asked);
        assert!(said["exceptionDetails"].is_null(), "{said}");
        said["result"]["value"].take()
    }

    /// Opens a page, and waits until it is there.
    pub(crate) fn open(&mut self, url: &str) {
        let said = self.call("Page.navigate", &json!({ "url": url }));
        assert!(said["errorText"].is_null(), "{url}: {said}");
        self.until_at(url);
    }

    /// Waits until that page is there; its text.
    pub(crate) fn until_at(&mut self, url: &str) -> String {
        let look = json!({
            "expression": "[document.readyState, location.href, document.body?.innerText ?? '']",
            "returnByValue": true
        });
        let since = Instant::now();
        loop {
            // Between two pages there is none to look at.
            let said = self.call("Runtime.evaluate", &look)["result"]["value"].take();
            if said[0] == "complete" && said[1] == url {
                return said[2].as_str().unwrap_or_default().to_owned();
            }
            assert!(since.elapsed() < PATIENCE, "not at {url}: {said}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // It ends with its input, and takes its other processes with it.
        drop(self.input.take());
        let _ = self.child.wait();
    }
}
