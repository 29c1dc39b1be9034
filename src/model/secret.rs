//! Passwords in lines that are shown: a URL `smtps://user:password@host` in a file is pointed at without its password, and a
//! header `Authorization: Bearer …` without what it bears.

use std::ops::Range;

/// What is shown in place of a password.
const HIDDEN: &str = "…";

/// Headers of HTTP that bear a secret, and words in the names of others that do.
const BEARERS: [&str; 5] = ["authorization", "proxy-authorization", "cookie", "token", "apikey"];
const BEARING: [&str; 4] = ["-key", "-token", "-secret", "-auth"];

/// Returns a line without the passwords of its URLs and headers.
pub fn without(line: &str) -> String {
    let mut shown = line.to_owned();
    for secret in places(line).into_iter().rev() {
        shown.replace_range(secret, HIDDEN);
    }
    shown
}

/// Does the same to a line of which some bytes are marked, and moves the mark along.
pub fn without_marked(line: &str, mark: Range<usize>) -> (String, Range<usize>) {
    let (mut start, mut end) = (mark.start, mark.end);
    for Range { start: from, end: to } in places(line).into_iter().rev() {
        let moved = |at: usize, inside: usize| match at {
            at if at >= to => at - (to - from) + HIDDEN.len(),
            at if at > from => inside,
            at => at,
        };
        (start, end) = (moved(start, from), moved(end, from + HIDDEN.len()));
    }
    (without(line), start..end)
}

/// Returns the bytes of the passwords, in their order.
fn places(line: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = urls(line).chain(keys(line)).chain(headers(line)).collect();
    found.sort_by_key(|place| place.start);
    let mut apart: Vec<Range<usize>> = Vec::new();
    for place in found {
        match apart.last_mut() {
            Some(last) if place.start <= last.end => last.end = last.end.max(place.end),
            _ => apart.push(place),
        }
    }
    apart
}

/// Finds them behind every `://`, whatever stands around it.
fn urls(line: &str) -> impl Iterator<Item = Range<usize>> {
    line.match_indices("://").filter_map(|(at, sign)| {
        let before = line[..at].trim_end_matches(is_of_scheme);
        let start = at + sign.len();
        let rest = &line[start..];
        let end = match before.chars().next_back() {
            Some(quote @ ('"' | '\'')) => closing(rest, quote),
            _ => rest.find(char::is_whitespace).unwrap_or(rest.len()),
        };
        password(&rest[..end], start)
    })
}

/// Finds them behind the key `url`, where the scheme may be forgotten or the quotes may be wrong.
fn keys(line: &str) -> impl Iterator<Item = Range<usize>> {
    line.match_indices("url").filter_map(|(at, key)| {
        let is_key = line[..at].chars().next_back().is_none_or(|c| " \t{,\"'".contains(c));
        let rest = line[at + key.len()..].trim_start_matches(['"', '\'']).trim_start();
        let rest = rest.strip_prefix(':').filter(|_| is_key)?.trim_start();
        let (value, quote) = match rest.strip_prefix(['"', '\'']) {
            Some(value) => (value, rest.chars().next()),
            None => (rest, None),
        };
        let value = match value.split_once("://") {
            Some((scheme, behind)) if scheme.chars().all(is_of_scheme) => behind,
            _ => value,
        };
        let start = line.len() - value.len();
        match quote {
            Some(quote) => password(&value[..closing(value, quote)], start),
            // Without quotes a password with a space in it is still one.
            None => {
                let word = value.split(char::is_whitespace).next().unwrap_or(value);
                password(if word.contains('@') { word } else { value }, start)
            }
        }
    })
}

/// Finds what headers bear; a variable of the environment, `${TOKEN}`, gives nothing away.
fn headers(line: &str) -> impl Iterator<Item = Range<usize>> {
    line.match_indices(':').filter_map(|(at, _)| {
        let name = line[..at].trim_end().trim_end_matches(['"', '\'']);
        let start = name.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).len();
        let in_braces = line[..at].matches('{').count() > line[..at].matches('}').count();
        let name = name[start..].to_ascii_lowercase().replace('_', "-");
        if !BEARERS.contains(&name.as_str()) && !BEARING.iter().any(|word| name.ends_with(word)) {
            return None;
        }
        let value = line[at + 1..].trim_start();
        let (value, end) = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => (&value[1..], closing(&value[1..], quote)),
            _ => (value, value.find([',', '}']).filter(|_| in_braces).unwrap_or(value.len())),
        };
        let value_start = line.len() - value.len();
        let shown = value[..end].trim_end();
        (!shown.is_empty() && !shown.contains("${")).then_some(value_start..value_start + shown.len())
    })
}

fn is_of_scheme(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.')
}

/// Returns where a text in quotes ends; one that is never closed goes on to the end of its line.
fn closing(text: &str, quote: char) -> usize {
    let mut signs = text.char_indices().peekable();
    while let Some((at, sign)) = signs.next() {
        if sign == '\\' && quote == '"' {
            signs.next();
        } else if sign == quote && signs.next_if(|(_, next)| quote == '\'' && *next == quote).is_none() {
            return at;
        }
    }
    text.len()
}

/// Finds the password in `user:password@host`.
fn password(login: &str, start: usize) -> Option<Range<usize>> {
    let (colon, at) = (login.find(':')?, login.rfind('@')?);
    let is_login = !login[..colon].contains('/') && !login[colon + 1..].starts_with(' ');
    (is_login && colon + 1 < at).then_some(start + colon + 1..start + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(line: &str, shown: &str) {
        assert_eq!(without(line), shown, "{line}");
    }

    #[test]
    fn a_password_is_hidden_however_it_is_written() {
        case("url: smtps://lan:s3cret@x.example", "url: smtps://lan:…@x.example");
        case(r#"smtp: { url: "smtps://lan:s3cret@x", auth: no }"#, r#"smtp: { url: "smtps://lan:…@x", auth: no }"#);
        case("imap: { url: imaps://lan:a,{b@x/INBOX }", "imap: { url: imaps://lan:…@x/INBOX }");
        case("  'imaps://lan@x.vn:a''b c@x'", "  'imaps://lan@x.vn:…@x'");
        case(r#"url: "imap://lan:a\"@b@x" # me@x.vn"#, r#"url: "imap://lan:…@x" # me@x.vn"#);
        case("url: smtps://lan:a/b c@x", "url: smtps://lan:…@x");
        case("url: lan:s3cret@x.example", "url: lan:…@x.example");
        case(r#"{"url": "lan:s3://cret@x"}"#, r#"{"url": "lan:…@x"}"#);
        case(r#"url: "smtps://lan:s3cret@x"#, r#"url: "smtps://lan:…@x"#);
        case("webhook: https://a:b@x, https://c:d@y", "webhook: https://a:…@x, https://c:…@y");
    }

    #[test]
    fn what_a_header_bears_is_hidden() {
        case("headers: { Authorization: Bearer abc }", "headers: { Authorization: … }");
        case(r#"{ "X-Api-Key": "abc, def", Accept: text/plain }"#, r#"{ "X-Api-Key": "…", Accept: text/plain }"#);
        case("  cookie: 'a=''b'' c'", "  cookie: '…'");
        case("  Token: abc", "  Token: …");
        case("  Authorization: Digest username=\"x\", response=\"abc\"", "  Authorization: …");
        case("  api_key: abc", "  api_key: …");
    }

    #[test]
    fn what_holds_none_is_left_alone() {
        for line in [
            "headers: { Authorization: \"Bearer ${CRM_TOKEN}\", X-Token: }",
            "dkim: { key: keys/mail.pem }",
            "template-keys: 5",
            "smtp: { url: smtps://lan@x.example:465, password_command: pass x@y }",
            "smtp: { url: \"smtp://[::1]:25\" }",
            "from: \"Lan: tea <lan@acme.example>\"",
            "public_url: https://acme.example:8443/",
            "Read https://acme.example/a:b@c, or write to lan@acme.example",
            "rua=mailto:dmarc@acme.example",
        ] {
            case(line, line);
        }
    }

    #[test]
    fn a_mark_stays_where_it_was() {
        let line = "url: a://é:s3cret@x, dely: é";
        let marked = |word: &str| {
            let start = line.find(word).unwrap();
            let (shown, mark) = without_marked(line, start..start + word.len());
            shown[mark].to_owned()
        };
        for word in ["url", "a://é:", "@x", "dely", ": é"] {
            assert_eq!(marked(word), word);
        }
        assert_eq!(marked("a://é:s3cret@x"), "a://é:…@x");
        assert_eq!(marked("s3cret"), "…");
        assert_eq!(marked("3cre"), "…");
        assert_eq!(marked("cret@x"), "…@x");
    }
}
