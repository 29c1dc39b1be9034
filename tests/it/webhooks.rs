//! Webhooks that cannot work: said once, marked in `drip status`, and gone on with when they are mended.

#![allow(clippy::unwrap_used, reason = "a test")]

use crate::support::Sandbox;
use crate::support::http::HttpServer;

const NOW: &str = "2026-03-02T02:00:00Z";

/// Three people, and a step that tells a CRM of each.
fn told(webhook: &str) -> Sandbox {
    Sandbox::new()
        .campaign("w", "trigger: { segment: 'true' }", &[&format!("id: crm, webhook: {webhook}")])
        .contacts("email,phone", &["lan@example.com,1", "minh@example.com,2", "sam@example.com,"])
}

#[test]
fn a_webhook_without_its_secret_is_said_once_and_needs_a_person() {
    let server = HttpServer::start(&[]);
    let sandbox = told(&format!("{{ url: \"{}\", headers: {{ X-Key: \"${{CRM_KEY}}\" }} }}", server.url("/crm")));
    let run = sandbox.drip(&["--now", NOW, "run"]).code(0);
    assert_eq!(run.stderr.matches("CRM_KEY").count(), 1, "{}", run.stderr);
    assert!(
        run.stderr.contains(
            "warning: w crm: the webhook is put off until a person mends it: CRM_KEY is not set in the environment"
        ),
        "{}",
        run.stderr
    );
    let status = sandbox.drip(&["--now", "2026-03-02T02:01:00Z", "status"]).code(6).stdout;
    let row = "crm: the webhook waits with 3 calls: CRM_KEY is not set in the environment";
    assert!(status.lines().any(|line| line.starts_with("!  w ") && line.ends_with(row)), "{status}");
    assert!(status.ends_with("1 thing needs a person, marked with `!`.\n"), "{status}");
    let json = sandbox.drip(&["--now", "2026-03-02T02:01:00Z", "--json", "status"]).code(6).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["ok"], &json["campaigns"][0]["webhooks"][0]["calls"]), (&false.into(), &3.into()));

    let mended = [("CRM_KEY", "k3y")];
    let run = sandbox.drip_with(&mended, &["--now", "2026-03-02T03:00:00Z", "run"]);
    assert!(!run.stderr.contains("webhook"), "{}", run.stderr);
    assert_eq!(server.calls().len(), 3);
    let status = sandbox.drip(&["--now", "2026-03-02T03:01:00Z", "status"]).code(0).stdout;
    assert!(status.ends_with("All is well.\n"), "{status}");
}

#[test]
fn a_refused_key_needs_a_person_and_a_busy_server_none() {
    for (answer, code) in [("401 Unauthorized", 6), ("404 Not Found", 6), ("503 Busy", 0)] {
        let server = HttpServer::start(&[answer; 3]);
        let sandbox = told(&format!("{{ url: \"{}\" }}", server.url("/crm")));
        let run = sandbox.drip(&["--now", NOW, "run"]).code(0);
        let warnings = run.stderr.matches("until a person mends it: HTTP 4").count();
        assert_eq!(warnings, usize::from(code == 6), "{answer}: {}", run.stderr);
        let status = sandbox.drip(&["--now", "2026-03-02T02:01:00Z", "status"]).code(code).stdout;
        assert_eq!(status.contains("the webhook waits with 3 calls: HTTP 4"), code == 6, "{answer}: {status}");
    }
}

#[test]
fn a_server_that_says_nothing_is_waited_for_as_long_as_the_file_says() {
    let server = HttpServer::start(&["hold"]);
    let sandbox = Sandbox::new()
        .campaign(
            "w",
            "trigger: { event: go }",
            &[&format!("id: crm, webhook: {{ url: \"{}\", timeout: 2s }}", server.url("/crm"))],
        )
        .contacts("email", &["lan@example.com"]);
    sandbox.drip(&["track", "lan@example.com", "go", "--at", "2026-03-02T01:00:00Z"]).code(0);
    sandbox.drip(&["--now", NOW, "run"]).code(0);
    assert_eq!(sandbox.sends(), ["w crm lan@example.com deferred (no answer within 2 s)"]);
    assert_eq!(server.calls().len(), 1);
    // It answers by now, and the same call is made again.
    sandbox.drip(&["--now", "2026-03-02T03:00:00Z", "run"]).code(0);
    assert_eq!(sandbox.sends(), ["w crm lan@example.com done"]);
    let calls = server.calls();
    assert_eq!(calls[0].header("idempotency-key"), calls[1].header("idempotency-key"));
}

#[test]
fn what_is_missing_is_missing_at_a_place_of_the_campaign_file() {
    let server = HttpServer::start(&[]);
    let sandbox = told(&format!("{{ url: \"{}\", json: {{ to: \"{{{{phone}}}}\" }} }}", server.url("/sms")));
    let file = std::fs::read_to_string(sandbox.path("campaigns/w.yaml")).unwrap();
    let line = file.lines().position(|line| line.contains("{{phone}}")).unwrap();
    let column = file.lines().nth(line).unwrap().find("{{phone}}").unwrap() + 1;
    let reason = format!("campaigns/w.yaml:{}:{column}: `phone` is missing", line + 1);
    let run = sandbox.drip(&["--now", NOW, "run"]).code(6);
    assert!(run.stderr.contains(&format!("held: {reason}")), "{}", run.stderr);
    assert!(sandbox.sends().contains(&format!("w crm sam@example.com held ({reason})")), "{:?}", sandbox.sends());
    let shown = sandbox.drip(&["preview", "w", "crm", "--contact", "sam@example.com"]);
    assert!(shown.stderr.contains(&reason), "{}", shown.stderr);
}
