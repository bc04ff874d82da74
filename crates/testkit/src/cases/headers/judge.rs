//! What must be true of an answer.

use super::language::Call;
use crate::wire::Answer;

/// A row's own expectations.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    pub status: u16,
    /// The column `www_authenticate_error`.
    pub error: &'a str,
    pub cache_check: bool,
}

/// Whether the answer is the host's own, given before any code of ours ran.
///
/// Ours are problem documents or come from the handler. A 5xx is not taken for the host's own answer, for that is what a
/// crash of ours looks like; only to CONNECT, which hosts hand to no request handler. Nor is a 404: a parser knows no routes, and a
/// server whose route is elsewhere would pass every row.
pub fn is_hosts_own(answer: &Answer, method: &str) -> bool {
    let range = if method == "CONNECT" { 400..600 } else { 400..500 };
    let routed = answer.status == 404 && method != "CONNECT";
    range.contains(&answer.status) && !routed && !is_problem(answer) && answer.header("x-handler").is_none()
}

fn is_problem(answer: &Answer) -> bool {
    answer.header("content-type").is_some_and(|kind| kind.starts_with("application/problem+json"))
}

/// Everything that is wrong with the answer.
pub fn faults(answer: &Answer, call: &Call, expected: &Expected<'_>) -> Vec<String> {
    let mut faults = Vec::new();
    let mut check = |sound: bool, fault: &dyn Fn() -> String| {
        if !sound {
            faults.push(fault());
        }
    };
    let head = call.method == "HEAD";
    check(answer.status == expected.status, &|| format!("status {} instead of {}", answer.status, expected.status));
    let passed = (200..300).contains(&answer.status);
    let reached = answer.header("x-handler").is_some();
    check(reached == passed, &|| format!("the handler was {}reached", if reached { "" } else { "not " }));
    let leak = answer.header("x-leak");
    check(leak.is_none(), &|| format!("inbound identity headers reached the handler: {leak:?}"));
    check(!head || answer.body.is_empty(), &|| "HEAD was answered with a body".into());
    if !passed {
        check(is_problem(answer), &|| format!("Content-Type is {:?}", answer.header("content-type")));
        check(answer.lists("cache-control", "no-store"), &|| format!("Cache-Control is {:?}", answer.header("cache-control")));
        let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        check(head || body["status"] == answer.status, &|| format!("the body's status is {}", body["status"]));
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        let said = [text, answer.header("www-authenticate").unwrap_or_default()];
        for spoken in call.spoken() {
            check(!said.iter().any(|text| text.contains(spoken)), &|| format!("the answer repeats {spoken:?}"));
        }
    }
    check(answer.status != 503 || answer.header("retry-after").is_some(), &|| "503 without Retry-After".into());
    let challenge = answer.header("www-authenticate");
    if let Some(fault) = challenge_fault(answer.status, challenge.as_deref(), expected.error) {
        check(false, &|| fault.clone());
    }
    if expected.cache_check {
        let source = if call.has("x-api-key") { "x-api-key" } else { "authorization" };
        let private = ["private", "no-store"].iter().any(|word| answer.lists("cache-control", word));
        check(private || answer.lists("vary", source), &|| {
            format!(
                "a shared cache may keep this: Cache-Control {:?}, Vary {:?}",
                answer.header("cache-control"),
                answer.header("vary")
            )
        });
    }
    faults
}

/// The column `www_authenticate_error`: an `error` attribute, `none`, `-`, or `config` for a configuration error.
fn challenge_fault(status: u16, challenge: Option<&str>, expected: &str) -> Option<String> {
    let error = challenge.and_then(error_attribute);
    let sound = match expected {
        "-" => true,
        "none" if status == 401 => challenge.is_some_and(|text| text.starts_with("Bearer")) && error.is_none(),
        "none" | "config" => challenge.is_none(),
        wanted => challenge.is_some_and(|text| text.starts_with("Bearer")) && error == Some(wanted),
    };
    (!sound).then(|| format!("WWW-Authenticate is {challenge:?} instead of error {expected:?}"))
}

fn error_attribute(challenge: &str) -> Option<&str> {
    let (_, rest) = challenge.split_once(" error=\"").or_else(|| challenge.split_once(",error=\""))?;
    rest.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::super::keys::Keys;
    use super::*;

    fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Answer {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Answer { status, headers, body: body.into() }
    }

    fn refused(status: u16, challenge: &str) -> Answer {
        let headers =
            [("content-type", "application/problem+json"), ("cache-control", "no-store"), ("www-authenticate", challenge)];
        answer(status, &headers, &format!("{{\"status\":{status}}}"))
    }

    fn judged(answer: &Answer, status: u16, error: &str) -> String {
        let call = Call::parse("X-API-Key: K1:upper-AND-MORE", &Keys::example()).unwrap();
        faults(answer, &call, &Expected { status, error, cache_check: status == 200 }).join("; ")
    }

    #[test]
    fn sound_answers_have_no_fault() {
        assert_eq!(judged(&refused(401, "Bearer realm=\"r\", error=\"invalid_token\""), 401, "invalid_token"), "");
        assert_eq!(judged(&refused(401, "Bearer realm=\"r\""), 401, "none"), "");
        assert_eq!(judged(&answer(200, &[("x-handler", "reached"), ("vary", "A, X-API-Key")], "ok"), 200, "-"), "");
    }

    #[test]
    fn each_fault_is_named() {
        let good = || refused(401, "Bearer realm=\"r\", error=\"invalid_token\"");
        assert!(judged(&good(), 403, "-").contains("status 401 instead of 403"));
        assert!(judged(&good(), 401, "none").contains("WWW-Authenticate"));
        assert!(judged(&refused(401, ""), 401, "none").contains("WWW-Authenticate"));
        assert!(judged(&refused(503, "x"), 503, "-").contains("Retry-After"));
        let mut reached = good();
        reached.headers.push(("x-handler".into(), "reached".into()));
        assert!(judged(&reached, 401, "-").contains("handler was reached"));
        assert!(judged(&answer(200, &[("x-handler", "reached")], ""), 200, "-").contains("shared cache"));
        assert!(judged(&answer(200, &[], ""), 200, "-").contains("handler was not reached"));
        let mut echo = good();
        echo.body = b"{\"status\":401,\"detail\":\"not KEY-ONE-AND-MORE\"}".to_vec();
        assert!(judged(&echo, 401, "-").contains("repeats"));
        let mut cached = good();
        cached.headers.remove(1);
        assert!(judged(&cached, 401, "-").contains("Cache-Control"));
    }

    #[test]
    fn only_a_foreign_4xx_is_the_hosts_own() {
        let own = |answer: &Answer| is_hosts_own(answer, "GET");
        assert!(own(&answer(400, &[], "")) && is_hosts_own(&answer(500, &[], ""), "CONNECT"));
        assert!(!own(&answer(500, &[], "")) && !own(&refused(400, "")));
        assert!(!own(&answer(404, &[], "")) && is_hosts_own(&answer(404, &[], ""), "CONNECT"));
        assert!(!own(&answer(400, &[("x-handler", "reached")], "")));
    }
}
