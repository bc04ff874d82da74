//! What operations take, by the API's own document. The registry names the field that it refused, whichever call led there: a refusal
//! points to the member or the parameter of that name if the operation has one, and to nothing else. What is not there that a member names is a fault of
//! the body.

use axum::extract::MatchedPath;
use axum::http::request::Parts;
use serde_json::Value;

use crate::problem::Problem;

/// The document, to be looked up in.
pub(crate) struct Takes(Value);

impl Takes {
    /// Reads the document.
    pub(crate) fn new(document: &str) -> std::io::Result<Takes> {
        Ok(Takes(serde_json::from_str(document)?))
    }

    /// A refusal of this call, pointing to what its client gave or could give.
    pub(crate) fn placed(&self, call: &Parts, mut problem: Problem) -> Problem {
        let Some(pointer) = problem.take_pointer() else { return problem };
        let path = call.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
        let method = call.method.as_str().to_ascii_lowercase();
        let operation = &self.0["paths"][path][if method == "head" { "get" } else { method.as_str() }];
        let body = operation.get("requestBody").map(|body| &body["content"]["application/json"]["schema"]);
        match body.and_then(|schema| self.member(schema, &pointer)) {
            Some(member) => problem.in_body(member),
            None => match parameter(operation, pointer.trim_start_matches('/')) {
                Some(name) => problem.about(name),
                None => problem,
            },
        }
    }

    /// As much of a pointer as leads to a member.
    fn member<'d>(&'d self, mut schema: &'d Value, pointer: &str) -> Option<String> {
        let mut reached = String::new();
        for segment in pointer.split('/').skip(1) {
            let Some(below) = self.below(schema, segment) else { break };
            schema = below;
            reached = format!("{reached}/{segment}");
        }
        Some(reached).filter(|reached| !reached.is_empty() || pointer.is_empty())
    }

    /// The schema of a member or an item. Whatever may stand in an object that is described no further is a member of it.
    fn below<'d>(&'d self, schema: &'d Value, segment: &str) -> Option<&'d Value> {
        if let Some(name) = schema["$ref"].as_str().and_then(|to| to.strip_prefix("#/components/schemas/")) {
            return self.below(&self.0["components"]["schemas"][name], segment);
        }
        let is_index = segment.bytes().all(|b| b.is_ascii_digit());
        let mut choices = ["oneOf", "anyOf", "allOf"].iter().filter_map(|key| schema[*key].as_array()).flatten();
        let open = schema["type"] == "object" && schema["properties"].is_null();
        let named = schema["properties"].get(segment).or_else(|| schema.get("items").filter(|_| is_index));
        named.or_else(|| choices.find_map(|one| self.below(one, segment))).or_else(|| open.then_some(schema))
    }
}

/// The operation's parameter of this name, or of one of what it names.
fn parameter<'d>(operation: &'d Value, name: &str) -> Option<&'d str> {
    let names = operation["parameters"].as_array().into_iter().flatten().filter_map(|parameter| parameter["name"].as_str());
    names.into_iter().find(|known| *known == name || name.strip_suffix('s') == Some(*known))
}
