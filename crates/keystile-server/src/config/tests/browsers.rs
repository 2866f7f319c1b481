use super::*;

#[test]
fn origins_are_written_as_browsers_write_them() {
    let good = "https://app.example.com, http://localhost:5173,https://[2001:db8::1]:8443";
    let config = Config::load(&flags(&[("cookies.origins", good)])).unwrap();
    let expected = [
        "https://app.example.com",
        "http://localhost:5173",
        "https://[2001:db8::1]:8443",
    ];
    assert_eq!(config.cookie_origins, expected);
    assert!(Config::load(&flags(&[])).unwrap().cookie_origins.is_empty());
    for wrong in [
        "app.example.com",
        "https://App.example.com",
        "https://app.example.com/",
        "https://app.example.com/path",
        "https://app.example.com:443",
        "http://localhost:80",
        "https://user@app.example.com",
        "https://*.example.com",
        "ftp://app.example.com",
        "null",
        "*",
        "https://",
    ] {
        let found = subjects(&flags(&[("cookies.origins", wrong)]));
        assert_eq!(found, ["cookies.origins"], "{wrong}");
    }
}

#[test]
fn a_limit_of_sessions_has_its_range() {
    let config = Config::load(&flags(&[])).unwrap();
    assert_eq!(config.tokens.session_limit, 100);
    for limit in ["0", "10001", "-1", "none"] {
        let found = subjects(&flags(&[("sessions.limit", limit)]));
        assert_eq!(found, ["sessions.limit"], "{limit}");
    }
}
