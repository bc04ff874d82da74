//! The header cases: one handler for everything behind one guard, as `tests/conformance/servers/README.md` says.

use edgelatch_fastly::{Need, Requirement, Verdict};
use fastly::http::StatusCode;
use fastly::{Error, Request, Response};

/// What a listener requires.
pub fn need(need: &str) -> Need {
    let permission = |permission: &str| Requirement::permission(permission.to_owned());
    match need {
        "" => Requirement::none().into(),
        // What is no permission can only come out of a function: a guard with one is not made.
        "undefined" => Need::choose(|_, _| Requirement::permission("")),
        "by method" => Need::choose(move |info, _| {
            permission(if matches!(info.method, "GET" | "HEAD" | "OPTIONS") { "read" } else { "write" })
        }),
        // By a function, as on every other host: a table refuses what routers read in several ways, which is tried elsewhere.
        "by path" => Need::choose(move |info, _| {
            permission(if info.path == "/admin" || info.path.starts_with("/admin/") { "write" } else { "read" })
        }),
        name => permission(name).into(),
    }
}

/// The handler that is protected: it tells that it was reached, and whether it saw a header that only we may set.
pub fn answer(request: Request, _: &Verdict) -> Result<Response, Error> {
    let names = request.get_header_names_str();
    let leaked: Vec<&str> = names.into_iter().filter(|name| name.starts_with("x-edgelatch-")).collect();
    let mut response = match request.get_method_str() {
        "OPTIONS" => Response::from_status(StatusCode::NO_CONTENT),
        _ => Response::from_body("ok\n"),
    };
    response.set_header("x-handler", "reached");
    if !leaked.is_empty() {
        response.set_header("x-leak", leaked.join(" "));
    }
    Ok(response)
}
