//! `GET /metrics`: what a collector reads of the server, and who may.

#![allow(clippy::unwrap_used, reason = "a test")]

use serde_json::json;

use crate::serving_providers::{LATER, mail, mailed};
use crate::support::server::{Server, header, path_of};
use crate::support::smtp::{Script, SmtpServer};

#[test]
fn numbers_are_shown_to_whoever_has_the_key_and_name_nobody() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = mailed(&relay, "provider: postmark\ntracking: { clicks: true, opens: true }", &["an", "binh"]);
    let keys = [("DRIP_METRICS_KEY", "m3trics"), ("DRIP_EVENTS_KEY", "k3y"), ("DRIP_POSTMARK_KEY", "s3cret")];
    let server = Server::start_at(&sandbox, LATER, &keys);
    let key = [("Authorization", "Bearer m3trics")];
    for wrong in ["", "Bearer k3y", "Basic bTNEcmljcw==", "m3trics"] {
        let answer = server.send("GET", "/metrics", &[("Authorization", wrong)], "");
        assert!(answer.code == 401 && !answer.body.contains("drip_serve"), "{wrong}: {}", answer.body);
    }
    let unsubscribe = path_of(&mail(&relay, "an").bytes);
    let picture = {
        let text = String::from_utf8(mail(&relay, "an").bytes).unwrap().replace("=\r\n", "").replace("=3D", "=");
        format!("/o/{}.gif", text.split("/o/").nth(1).unwrap().split(".gif").next().unwrap())
    };
    assert_eq!(server.ask("GET", &unsubscribe, "").code, 200);
    assert_eq!(server.ask("GET", &picture, "").code, 200);
    assert_eq!(server.send("GET", &picture, &[("User-Agent", "Mozilla/5.0")], "").code, 200);
    assert_eq!(server.ask("GET", "/u/AQEAAQAAAAAAAAAAAAAAAAAAAAAAAA", "").code, 404);
    assert_eq!(server.ask("GET", "/an@example.com", "").code, 404);
    let fed = "{\"email\": \"an@example.com\", \"event\": \"purchased\"}\n{\"email\": \"x@example.com\", \"event\": \"purchased\"}";
    assert_eq!(server.send("POST", "/events", &[("Authorization", "Bearer k3y")], fed).code, 200);
    let report = |who: &str, token: &str| {
        let event = json!({ "RecordType": "Delivery", "MessageID": "883953f4", "Recipient": format!("{who}@example.com"), "DeliveredAt": "2026-03-02T02:00:09Z", "Metadata": { "drip": token } });
        server.send("POST", "/providers/postmark", &[("Authorization", "Bearer s3cret")], &event.to_string())
    };
    let token = header(&mail(&relay, "binh").bytes, "x-pm-metadata-drip");
    for (who, token) in [("binh", token.as_str()), ("binh", token.as_str()), ("an", "x")] {
        assert_eq!(report(who, token).code, 200);
    }
    let answer = server.send("GET", "/metrics", &key, "");
    assert!(answer.code == 200 && answer.head.contains("content-type: text/plain; version=0.0.4"), "{}", answer.head);
    let lines: Vec<&str> = answer.body.lines().collect();
    for line in [
        "# TYPE drip_serve_requests_total counter",
        "drip_serve_requests_total{route=\"/u/{token}\",status=\"200\"} 1",
        "drip_serve_requests_total{route=\"/u/{token}\",status=\"404\"} 1",
        "drip_serve_requests_total{route=\"/metrics\",status=\"401\"} 4",
        "drip_serve_requests_total{route=\"other\",status=\"404\"} 1",
        "# TYPE drip_serve_request_seconds histogram",
        "drip_serve_request_seconds_bucket{route=\"/u/{token}\",le=\"+Inf\"} 2",
        "drip_serve_request_seconds_count{route=\"/u/{token}\"} 2",
        "drip_serve_waiting_requests 0",
        "drip_serve_refused_tokens_total 1",
        "drip_serve_reactions_total{event=\"opened\"} 1",
        "drip_serve_reactions_total{event=\"opened_by_machine\"} 1",
        "drip_serve_events_total{end=\"recorded\"} 1",
        "drip_serve_events_total{end=\"unknown\"} 1",
        "drip_serve_reports_total{provider=\"postmark\",kind=\"delivered\",end=\"known\"} 1",
        "drip_serve_reports_total{provider=\"postmark\",kind=\"delivered\",end=\"recorded\"} 1",
        "drip_serve_reports_total{provider=\"postmark\",kind=\"delivered\",end=\"untied\"} 1",
    ] {
        assert!(lines.contains(&line), "{line} is not in:\n{}", answer.body);
    }
    assert!(!answer.body.contains('@') && !answer.body.contains("AQ"), "no address, no token: {}", answer.body);
    // Every line is one of the format: a comment, or a name with labels and a number, below the HELP and TYPE of its name.
    let mut named = "";
    for line in &lines {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            named = rest.split(' ').next().unwrap();
            assert!(named.starts_with("drip_serve_") && rest.len() > named.len() + 5, "{line}");
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            assert_eq!(rest.split(' ').next().unwrap(), named, "{line}");
        } else {
            let (name, value) = line.rsplit_once(' ').unwrap();
            let name = name.split('{').next().unwrap();
            assert!(name.starts_with(named) && value.parse::<f64>().is_ok(), "{line} below {named}");
        }
    }
    // The document names them all, and nothing else.
    let shown = crate::documents::document("docs/serving.md");
    let names = |text: &str, start: &str| -> std::collections::BTreeSet<String> {
        let rest = text.lines().filter_map(|line| line.strip_prefix(start));
        rest.map(|rest| rest.split(['`', ' ']).next().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&answer.body, "# TYPE drip_serve_"), names(&shown, "| `drip_serve_"));
    // The classes of a histogram grow, and the last holds all.
    let of_u: Vec<u64> = lines
        .iter()
        .filter(|line| line.starts_with("drip_serve_request_seconds_bucket{route=\"/u/{token}\""))
        .map(|line| line.rsplit(' ').next().unwrap().parse().unwrap())
        .collect();
    assert!(of_u.len() == 12 && of_u.is_sorted() && of_u[11] == 2, "{of_u:?}");
    drop(server);
    let closed = Server::start(&sandbox);
    let answer = closed.send("GET", "/metrics", &key, "");
    assert!(answer.code == 404 && answer.body.contains("DRIP_METRICS_KEY is not set"), "{}", answer.body);
}
