//! Options are called what the management API calls the same thing, and each says what it does.

use std::collections::BTreeSet;

use clap::{Arg, Command, CommandFactory};
use edgelatch_server::api_document;
use serde_json::Value;

use crate::Cli;
use crate::failure::Failure;

/// Which command does what an operation of the API does.
const SAME: &[(&str, &str)] = &[
    ("countVerdicts", "usage totals"),
    ("createKey", "keys create"),
    ("createOrg", "orgs create"),
    ("createOwner", "owners create"),
    ("createRealm", "realms create"),
    ("createRole", "roles create"),
    ("deleteKey", "keys delete"),
    ("deleteRealm", "realms delete"),
    ("deleteRole", "roles delete"),
    ("editKey", "keys edit"),
    ("editKeys", "keys edit-many"),
    ("editOrg", "orgs set"),
    ("editOwner", "owners edit"),
    ("editPerson", "people edit"),
    ("editRealm", "realms edit"),
    ("editRole", "roles edit"),
    ("explainAddress", "explain address"),
    ("explainKey", "explain key"),
    ("exportActivity", "audit export"),
    ("exportRequests", "usage export"),
    ("getUsage", "usage show"),
    ("importKeys", "keys import"),
    ("beginImport", "keys import"),
    ("listServices", "services"),
    ("listActivity", "audit list"),
    ("listEdges", "fleet"),
    ("listEvents", "events list"),
    ("listKeys", "keys list"),
    ("invitePerson", "people invite"),
    ("listOwners", "owners list"),
    ("listPeople", "people list"),
    ("removePerson", "people remove"),
    ("renewInvitation", "people renew"),
    ("listRequests", "keys requests"),
    ("listRoles", "roles list"),
    ("findKeyBySecret", "keys find-secret"),
    ("revokeKeyBySecret", "keys revoke-secret"),
    ("revokeKeys", "keys revoke-many"),
    ("rotateKey", "keys rotate"),
    ("verifyActivity", "audit verify"),
];

/// Operations that take something and have no command: what edges do, and what a command says beside something else.
const NO_COMMAND: &[&str] =
    &["acceptInvitation", "getFleet", "getPublishing", "getRole", "reportEdge", "reportLeaks", "reportUsage"];

/// What a command takes in another form, and why.
const OTHERWISE: &[(&str, &str, &str)] = &[
    ("createRealm", "credentials", "what the preset begins with; `orgs set` changes it"),
    ("createRealm", "realm", "the argument, since --realm is an option of every command"),
    ("editKeys", "dry_run", "what no --confirm means"),
    ("editKeys", "edit", "an option for each member"),
    ("editOrg", "name", "`orgs rename`, since `orgs set` takes settings"),
    ("editOrg", "settings", "NAME=VALUE, by the names of the settings"),
    ("editOwner", "disabled", "`owners disable` and `owners enable`"),
    ("findKeyBySecret", "secret", "standard input, since arguments are seen by others"),
    ("revokeKeyBySecret", "secret", "standard input, since arguments are seen by others"),
    ("revokeKeys", "dry_run", "what no --confirm means"),
    ("verifyActivity", "hash", "--anchor ROW:HASH, as it is printed"),
    ("verifyActivity", "seq", "--anchor ROW:HASH, as it is printed"),
];

/// Every command without commands below it, by its words.
fn leaves(command: &Command, path: &str, all: &mut Vec<(String, Command)>) {
    for below in command.get_subcommands() {
        let path = format!("{path} {}", below.get_name()).trim_start().to_owned();
        if below.has_subcommands() {
            leaves(below, &path, all);
        } else {
            all.push((path, below.clone()));
        }
    }
}

fn commands() -> Vec<(String, Command)> {
    let mut all = Vec::new();
    leaves(&Cli::command(), "", &mut all);
    assert!(all.len() > 35);
    all
}

/// What an operation takes in its query and in its body, each with its schema; a filter's members stand for the filter.
fn takes(document: &Value, operation: &Value) -> Vec<(String, Value)> {
    let query = operation["parameters"].as_array().into_iter().flatten().filter(|parameter| parameter["in"] == "query");
    let mut all: Vec<(String, Value)> =
        query.map(|parameter| (parameter["name"].as_str().unwrap().to_owned(), parameter["schema"].clone())).collect();
    let body = &operation["requestBody"]["content"]["application/json"]["schema"];
    for (name, schema) in members(document, body) {
        if name == "filter" { all.extend(members(document, &schema)) } else { all.push((name, schema)) }
    }
    all
}

fn members(document: &Value, schema: &Value) -> Vec<(String, Value)> {
    let named = resolved(document, schema);
    named["properties"].as_object().into_iter().flatten().map(|(name, schema)| (name.clone(), schema.clone())).collect()
}

/// The schema that one refers to, at once or as one of several.
fn resolved<'d>(document: &'d Value, schema: &'d Value) -> &'d Value {
    let choices = ["oneOf", "anyOf", "allOf"].into_iter().filter_map(|key| schema[key].as_array()).flatten();
    let name =
        std::iter::once(schema).chain(choices).find_map(|one| one["$ref"].as_str()?.strip_prefix("#/components/schemas/"));
    name.map_or(schema, |name| &document["components"]["schemas"][name])
}

/// The option or argument of this name: with `-` for `_`, and of a list that is given one by one the name of one.
fn argument<'c>(command: &'c Command, name: &str) -> Option<&'c Arg> {
    let name = name.replace('_', "-");
    let fits = |given: &str| given == name || format!("{given}s") == name;
    command.get_arguments().find(|arg| arg.get_long().map_or_else(|| fits(arg.get_id().as_str()), fits))
}

#[test]
fn options_are_called_what_the_api_calls_them() {
    let (document, commands) = (serde_json::to_value(api_document()).unwrap(), commands());
    let mut seen = BTreeSet::new();
    for operation in document["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values()) {
        let (id, taken) = (operation["operationId"].as_str().unwrap(), takes(&document, operation));
        let Some((_, path)) = SAME.iter().find(|(of, _)| *of == id) else {
            let single = taken.iter().all(|(name, _)| name == "org");
            assert!(single || NO_COMMAND.contains(&id), "which command is {id}? name it in SAME, or in NO_COMMAND");
            continue;
        };
        let (_, command) = commands.iter().find(|(words, _)| words == path).unwrap_or_else(|| panic!("no command `{path}`"));
        for (name, schema) in taken {
            if OTHERWISE.iter().any(|(of, member, _)| (*of, *member) == (id, &name)) {
                seen.insert((id.to_owned(), name));
                continue;
            }
            let arg =
                argument(command, &name).unwrap_or_else(|| panic!("`edgelatch {path}` has no --{}", name.replace('_', "-")));
            let offered: BTreeSet<String> = arg.get_possible_values().iter().map(|v| v.get_name().replace('-', "_")).collect();
            let schema = resolved(&document, &schema);
            let words: BTreeSet<String> = schema["enum"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|word| Some(word.as_str()?.replace('-', "_")))
                .collect();
            // The preset of the management API is a word of the API's answers alone.
            let missing: Vec<&String> = words.difference(&offered).filter(|word| *word != "management").collect();
            assert!(missing.is_empty(), "`edgelatch {path}` --{name} does not offer {missing:?}");
        }
    }
    assert_eq!(seen.len(), OTHERWISE.len(), "{seen:?}");
}

/// What keys are found by has the name alone: what they get is told from it by `--set-`.
#[test]
fn many_keys_are_changed_in_all_that_one_is() {
    let (document, commands) = (serde_json::to_value(api_document()).unwrap(), commands());
    let operation = &document["paths"]["/api/v1/realms/{realm}/keys/edit"]["post"];
    let body = resolved(&document, &operation["requestBody"]["content"]["application/json"]["schema"]);
    let of = |part: &str| members(&document, &body["properties"][part]).into_iter().map(|(name, _)| name);
    let (_, command) = commands.iter().find(|(words, _)| words == "keys edit-many").unwrap();
    let found_by: Vec<String> = of("filter").collect();
    assert!(found_by.len() > 10);
    // A name is one key's own.
    for member in of("edit").filter(|member| member != "name") {
        let finds = found_by.iter().any(|by| *by == member || format!("{by}s") == member);
        let option = if finds { format!("set_{member}") } else { member };
        assert!(argument(command, &option).is_some(), "`edgelatch keys edit-many` has no --{}", option.replace('_', "-"));
    }
}

#[test]
fn every_option_says_what_it_does() {
    for (path, command) in commands() {
        for arg in command.get_arguments().filter(|arg| !["help", "version"].contains(&arg.get_id().as_str())) {
            let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains(' '), "`edgelatch {path}` does not say what {} does", arg.get_id());
        }
        assert!(command.get_about().is_some(), "{path}");
    }
    for arg in Cli::command().get_arguments() {
        assert!(arg.get_help().is_some() || arg.get_id() == "help" || arg.get_id() == "version", "{}", arg.get_id());
    }
}

#[test]
fn presets_are_offered_where_one_is_taken() {
    let mut number = 0;
    for (path, command) in commands() {
        for arg in command.get_arguments().filter(|arg| arg.get_long() == Some("preset")) {
            let offered: Vec<String> = arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
            assert_eq!(offered, ["default", "vergeos", "vergecloud", "ipaware", "valar"], "{path}");
            number += 1;
        }
    }
    assert!(number >= 2);
}

/// What is no placeholder of an example, such as `$KEY`, but a name that means the same everywhere.
#[test]
fn variables_begin_with_our_name() {
    let mut texts: Vec<(String, String)> =
        ["README.md", "CONTRIBUTING.md", "js/README.md", "crates/server/docs/fleet.md", "crates/server/docs/publishing.md"]
            .map(|name| {
                (name.to_owned(), std::fs::read_to_string(format!("{}/../../{name}", env!("CARGO_MANIFEST_DIR"))).unwrap())
            })
            .into();
    for (path, command) in commands() {
        // One has the name that OpenTelemetry gave it, so that it is set once for all programs of a machine.
        let theirs = |name: &&std::ffi::OsStr| cfg!(feature = "otel") && *name == "OTEL_EXPORTER_OTLP_ENDPOINT";
        let variables = command.get_arguments().filter_map(|arg| arg.get_env()).filter(|name| !theirs(name));
        let variables = variables.map(|name| format!("${}", name.to_string_lossy()));
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        texts.push((path, variables.chain([help]).collect::<Vec<_>>().join("\n")));
    }
    for (place, text) in texts {
        for rest in text.split('$').skip(1) {
            let name: String =
                rest.trim_start_matches('{').chars().take_while(|c| c.is_ascii_uppercase() || *c == '_').collect();
            assert!(!name.contains('_') || name.starts_with("EDGELATCH_"), "{place}: ${name}");
        }
    }
}

/// Words of Rust and of its libraries, with which nobody should be answered who types commands.
const FOREIGN: [&str; 14] = [
    "u16",
    "u32",
    "u64",
    "usize",
    "i64",
    "integer",
    "digit found",
    "target type",
    "..=",
    "syntax",
    "struct",
    "invalid type",
    "EOF",
    "parse",
];

#[test]
fn refusals_are_in_words_for_whoever_types() {
    for (path, command) in commands() {
        let groups = Cli::command();
        let options = command.get_arguments().chain(groups.get_arguments()).filter_map(|arg| arg.get_long());
        for option in options {
            for value in ["", "-1", "1.5", "hunter2 {", "99999999999999999999999", "1m", "[]", "{\"a\":"] {
                let option = format!("--{option}={value}");
                let words = ["edgelatch"].into_iter().chain(path.split(' ')).chain([option.as_str()]);
                let Err(error) = Cli::command().try_get_matches_from(words) else { continue };
                let says = Failure::misfit(&error).map_or_else(|| error.kind().to_string(), |failure| failure.to_string());
                assert!(!says.contains("hunter2"), "{path} {option}: {says}");
                assert!(FOREIGN.iter().all(|word| !says.contains(word)), "{path} {option}: {says}");
            }
        }
    }
}
