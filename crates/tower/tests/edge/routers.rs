//! Random paths to axum behind a route table: whoever reaches a handler holds what its entry requires.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing::{get, post};
use edgelatch_testkit::realm::{record, text};
use edgelatch_tower::{EdgelatchLayer, Requirement, Routes, Rule, Verifier};
use tower_service::Service;

use crate::common::{runtime, serving};

/// So many tables a verifier is used for; it keeps them.
const TABLES: usize = 40;
const NAMES: [&str; 8] = ["a", "b", "Keys", "admin", "keys", "A", ":id", ":id"];

/// Xorshift.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % n
    }

    fn name<'a>(&mut self, names: &[&'a str]) -> &'a str {
        names[self.below(names.len())]
    }
}

/// An entry: its methods, the names of its pattern, and whether it requires what the key lacks.
struct Entry {
    methods: &'static [&'static str],
    names: Vec<&'static str>,
    strong: bool,
}

impl Entry {
    fn pattern(&self) -> String {
        if self.names.is_empty() { "/".into() } else { self.names.iter().map(|name| format!("/{name}")).collect() }
    }

    fn key(&self) -> String {
        if self.methods.len() == 1 { format!("{} {}", self.methods[0], self.pattern()) } else { self.pattern() }
    }

    /// As axum writes it.
    fn path(&self) -> String {
        let name = |(at, name): (usize, &&str)| match *name {
            ":id" => format!("/{{id{at}}}"),
            "*" => "/{*rest}".into(),
            name => format!("/{name}"),
        };
        if self.names.is_empty() { "/".into() } else { self.names.iter().enumerate().map(name).collect() }
    }

    /// Of axum's paths a `{name}` and a `{*rest}` do not stand beside each other.
    fn clashes(&self, other: &Entry) -> bool {
        let beside = |(one, other): (&&str, &&str)| matches!((*one, *other), (":id", "*") | ("*", ":id"));
        let first = self.names.iter().zip(&other.names).find(|(one, other)| one != other);
        first.is_some_and(beside)
    }
}

/// A table that both sides take, with letter case as a router of that kind may have it.
fn entries(random: &mut Random, strict: bool) -> Vec<Entry> {
    let names: &[&str] = if strict { &NAMES } else { &["a", "b", "Keys", "admin", ":id", ":id"] };
    let mut entries: Vec<Entry> = Vec::new();
    for _ in 0..12 {
        let mut made: Vec<&str> = (0..random.below(4)).map(|_| random.name(names)).collect();
        if random.below(3) == 0 {
            made.push("*");
        }
        let methods: &[&str] = [&["GET"][..], &["POST"], &["GET", "POST"], &["GET", "POST"]][random.below(4)];
        let entry = Entry { methods, names: made, strong: random.below(2) == 0 };
        let taken = |other: &Entry| other.names == entry.names && other.methods.iter().any(|one| entry.methods.contains(one));
        if !entries.iter().any(|other| entry.clashes(other) || taken(other)) {
            entries.push(entry);
        }
    }
    entries
}

fn app(verifier: &Verifier, entries: &[Entry], kind: fn(Routes) -> Routes, default: Rule) -> Router {
    let (strong, weak) = (Requirement::permission("dns.edit"), Requirement::permission("zone.view"));
    let mut table = kind(Routes::new(default));
    let mut router = Router::new();
    for (at, entry) in entries.iter().enumerate() {
        table = table.on(&entry.key(), if entry.strong { strong.clone() } else { weak.clone() });
        let handler = move || async move { [("x-entry", at.to_string())] };
        for method in entry.methods {
            router = router.route(&entry.path(), if *method == "GET" { get(handler) } else { post(handler) });
        }
    }
    router.layer(EdgelatchLayer::builder(verifier.clone()).requirement(table).build().unwrap())
}

fn target(random: &mut Random, entries: &[Entry]) -> String {
    let mut names: Vec<&str> = entries[random.below(entries.len())].names.clone();
    if random.below(4) == 0 {
        names.pop();
    }
    if random.below(6) == 0 {
        names.push("x");
    }
    let spelt = ["a", "A", "b", "keys", "Keys", "KEYS", "admin", "%61dmin", "%41", "x", "%e2%84%aaeys", "..", "b;x"];
    let name = |name| if matches!(name, ":id" | "*") || random.below(5) == 0 { random.name(&spelt) } else { name };
    let path: String = names.into_iter().map(name).map(|name| format!("/{name}")).collect();
    if path.is_empty() || random.below(4) == 0 { path + "/" } else { path }
}

#[test]
fn nothing_reaches_a_handler_of_axum_that_requires_something_else() {
    runtime().block_on(async {
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let (mut reached, mut refused) = (0, 0);
        let kinds: [fn(Routes) -> Routes; 2] = [|routes| routes, Routes::strict];
        for _ in 0..5 {
            let verifier = serving("", vec![record(1)]);
            for table in 0..TABLES {
                let entries = entries(&mut random, table % 2 == 1);
                let default = [Rule::Deny, Requirement::none().into()][random.below(2)].clone();
                let mut app = app(&verifier, &entries, kinds[table % 2], default);
                for _ in 0..60 {
                    let (method, target) = (random.name(&["GET", "GET", "POST", "HEAD", "get"]), target(&mut random, &entries));
                    let request = Request::builder().method(method).uri(&target).header("x-api-key", text(1));
                    let answer = app.call(request.body(Body::empty()).unwrap()).await.unwrap();
                    refused += usize::from(answer.status() == StatusCode::BAD_REQUEST);
                    let Some(entry) = answer.headers().get("x-entry") else { continue };
                    let entry = &entries[entry.to_str().unwrap().parse::<usize>().unwrap()];
                    let all: Vec<String> = entries.iter().map(Entry::key).collect();
                    assert!(!entry.strong, "{method} {target} reaches {} of {all:?}", entry.key());
                    reached += 1;
                }
            }
        }
        assert!(reached > 1_000 && refused > 1_000, "{reached} {refused}");
    });
}
