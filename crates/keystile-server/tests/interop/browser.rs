//! `docs/browsers.md` in a real browser: cookies by TLS, calls with the CSRF token, and what other origins' pages can do.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::chromium::{Chromium, installed};
use crate::process::Process;
use crate::say;

const IN_PAGE: &str = r#"
    const csrf = () => document.cookie.match(/(?:^|; )(?:__Host-)?keystile_csrf=([^;]+)/)?.[1] ?? "";
    const post = (path, body, headers = {}) => fetch(path, {
        method: "POST",
        headers: body ? { "content-type": "application/json", ...headers } : headers,
        body: body && JSON.stringify(body),
    });
    const ada = { username: "ada", password: "correct horse battery staple" };
"#;

/// A certificate that nobody knows, and its key.
fn certify(folder: &Path) {
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"]);
    openssl.args(["-pkeyopt", "ec_paramgen_curve:P-256"]);
    openssl.args(["-subj", "/CN=localhost", "-out", "cert.pem"]);
    openssl.args(["-keyout", "key.pem"]).current_dir(folder);
    let made = openssl.output().expect("openssl runs");
    assert!(made.status.success(), "{made:?}");
}

/// Every cookie that the page's address has: its name, and what the browser holds it to.
fn cookies(browser: &mut Chromium) -> Vec<Value> {
    let said = browser.call("Network.getCookies", &json!({}));
    let mut cookies: Vec<_> = said["cookies"].as_array().expect("a list").clone();
    cookies.sort_by_key(|cookie| cookie["name"].to_string());
    let held = |cookie: Value| {
        json!([
            cookie["name"],
            cookie["httpOnly"],
            cookie["secure"],
            cookie["sameSite"]
        ])
    };
    cookies.into_iter().map(held).collect()
}

/// What a form is answered that a page at `from` sends to the sign-out.
fn posted_from(browser: &mut Chromium, from: &str, target: &str) -> Value {
    browser.open(&format!("{from}/healthz"));
    browser.run(&format!(
        r#"const form = document.createElement("form");
        form.method = "post";
        form.action = "{target}";
        document.body.append(form);
        form.submit();"#
    ));
    serde_json::from_str(&browser.until_at(target)).expect("a problem")
}

#[test]
fn in_a_real_browser_cookies_do_as_the_book_says() {
    let Some(program) = installed() else {
        return say("browser: not tried: Chromium is absent (apt-get install chromium)");
    };
    let folder = tempfile::tempdir().expect("a folder");
    certify(folder.path());
    let tls =
        ["cert", "key"].map(|name| format!("{name} = \"{}/{name}.pem\"", folder.path().display()));
    let tls = format!("[tls]\n{}\n", tls.join("\n"));
    let (server, other) = (Process::start(&tls), Process::start(&tls));
    let here = format!("https://{}", server.address());
    let mut browser = Chromium::start(program);
    browser.open(&format!("{here}/healthz"));

    let said = browser.run(&format!(
        r#"{IN_PAGE}
        const up = await post("/v1/signup", ada);
        const login = await post("/v1/login", {{ ...ada, delivery: "cookie" }});
        const names = Object.keys(await login.json()).sort().join(" ");
        const seen = document.cookie.split("; ").map((pair) => pair.split("=")[0]).join(" ");
        const me = await fetch("/v1/me");
        return [up.status, login.status, names, seen, me.status];"#
    ));
    let members = "account csrf_token expires_in session_id";
    assert_eq!(
        said,
        json!([201, 200, members, "__Host-keystile_csrf", 200])
    );
    assert_eq!(
        cookies(&mut browser),
        [
            json!(["__Host-keystile_access", true, true, "Lax"]),
            json!(["__Host-keystile_csrf", false, true, "Lax"]),
            json!(["__Host-keystile_refresh", true, true, "Lax"]),
        ]
    );

    let said = browser.run(&format!(
        r#"{IN_PAGE}
        const without = await post("/v1/refresh");
        const refreshed = await post("/v1/refresh", null, {{ "x-csrf-token": csrf() }});
        const me = await fetch("/v1/me");
        return [without.status, (await without.json()).code, refreshed.status, me.status];"#
    ));
    assert_eq!(said, json!([403, "csrf_token_missing", 200, 200]));

    // To another site's form the browser adds no cookie; to one of another port's, which is of the same site, it does.
    let (sign_out, port) = (format!("{here}/v1/logout"), other.address().port());
    for (from, status, code) in [
        (format!("https://localhost:{port}"), 401, "token_missing"),
        (format!("https://127.0.0.1:{port}"), 403, "origin_refused"),
    ] {
        let said = posted_from(&mut browser, &from, &sign_out);
        assert_eq!(said["status"], status, "{from}: {said}");
        assert_eq!(said["code"], code, "{from}: {said}");
    }

    browser.open(&format!("{here}/healthz"));
    let said = browser.run(&format!(
        r#"{IN_PAGE}
        const before = await fetch("/v1/me");
        const out = await post("/v1/logout", null, {{ "x-csrf-token": csrf() }});
        const after = await fetch("/v1/me");
        return [before.status, out.status, document.cookie, after.status];"#
    ));
    assert_eq!(said, json!([200, 204, "", 401]));
    assert!(cookies(&mut browser).is_empty());
}
