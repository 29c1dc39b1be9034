//! The way from `public_url` to this project's server.

use std::os::unix::fs::PermissionsExt;

use super::{Clinic, expect};
use crate::support::Sandbox;
use crate::support::front::{Front, Way};
use crate::support::server::Server;

#[test]
fn nobody_answers_at_the_web_address() {
    let clinic = Clinic::new();
    clinic.set_up("http://127.0.0.1:1", "");
    clinic.finds("public url", "wrong", "cannot be reached: nobody listens there", "`drip serve` and the proxy");
    clinic.finds("one-click", "not made", "nobody answered", "");
    let gateway = Front::start(&Way::Answered("502 Bad Gateway"));
    clinic.set_up(&gateway.url(), "");
    clinic.finds("public url", "wrong", "answers 502: nobody answers behind it", "start `drip serve`");
}

#[test]
fn another_projects_server_and_no_server_of_drips_are_told_apart() {
    let clinic = Clinic::new();
    let other = Sandbox::new().settings("public_url: http://localhost");
    other.drip(&["run"]).code(0);
    let server = Server::start(&other);
    clinic.set_up(&format!("http://127.0.0.1:{}", server.port()), "");
    clinic.finds(
        "server",
        "wrong",
        "a `drip serve` answers there, and it does not know this project's keys",
        "this very drip.db",
    );
    clinic.finds("one-click", "wrong", "answers the POST of one click with 404", "");
    // A site that shows its front page for everything.
    let site = Front::start(&Way::Answered("200 OK"));
    clinic.set_up(&site.url(), "");
    clinic.finds(
        "server",
        "wrong",
        "for a link that nobody signed, so it is not `drip serve`",
        "lead all of `public_url`",
    );
    // The right one without a proxy: fit for a look, and for nobody else.
    clinic.set_up(&format!("http://127.0.0.1:{}", clinic.server.port()), "");
    clinic.finds("public url", "warning", "to this machine alone", "https://");
    clinic.finds("server", "ok", "this project's `drip serve`", "");
}

#[test]
fn a_proxy_that_redirects_or_keeps_post_out_is_found() {
    let clinic = Clinic::new();
    let moved = Front::start(&Way::Answered("301 Moved\nLocation: https://www.acme.example/"));
    clinic.set_up(&moved.url(), "");
    clinic.finds("public url", "wrong", "leads on to https://www.acme.example/", "as `public_url`");
    clinic.finds("one-click", "wrong", "led on to https://www.acme.example/, which RFC 8058 forbids", "redirect");
    for (answer, said) in [
        ("308 Permanent Redirect\nLocation: https://www.acme.example/u/", "which RFC 8058 forbids"),
        ("405 Method Not Allowed", "answers the POST of one click with 405"),
    ] {
        let picky = Front::start(&Way::PostAnswered(answer, clinic.server.port()));
        clinic.set_up(&picky.url(), "");
        clinic.finds("server", "ok", "this project's `drip serve`", "");
        clinic.finds("one-click", "wrong", said, "");
    }
}

#[test]
fn a_project_without_a_web_address_or_a_database_is_told_what_lacks() {
    let sandbox = Sandbox::new();
    let ended = sandbox.drip(&["doctor", "--offline", "--format", "json"]).code(0);
    expect(&ended.stdout, "public url", "warning", "no `public_url`", "docs/serving.md");
    expect(&ended.stdout, "connection", "not made", "mail goes to outbox/", "DRIP_SMTP_URL");
    expect(&ended.stdout, "database", "not made", "nothing has run here yet", "drip run");
    let clinic = Clinic::new();
    let empty = clinic.sandbox.copy();
    for name in ["drip.db", "drip.db-wal", "drip.db-shm", "drip.lock"] {
        let _ = std::fs::remove_file(empty.path(name));
    }
    std::fs::set_permissions(empty.path("keys/dkim.pem"), std::fs::Permissions::from_mode(0o600)).unwrap();
    let authority = crate::support::front::support("authority.pem").display().to_string();
    let ended = empty
        .drip_with(
            &[("SSL_CERT_FILE", &authority)],
            &["doctor", "--resolver", &clinic.names.address(), "--format", "json"],
        )
        .code(0);
    expect(&ended.stdout, "public url", "ok", "answers, with a certificate", "");
    expect(&ended.stdout, "server", "not made", "before drip.db is there", "drip run");
    assert!(!empty.path("drip.db").exists(), "it makes nothing");
}
