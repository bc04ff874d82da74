use super::*;
use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::ToString;

/// Requirements as they are numbered, by what stands in the table.
#[derive(Default)]
struct Numbers(BTreeMap<String, u32>);

impl Numbers {
    fn of(&mut self, service: Option<&str>, permission: Option<&str>) -> RequirementId {
        let next = self.0.len() as u32 + 2;
        let text = format!("{}{}", service.unwrap_or("-"), permission.map(|p| format!(" {p}")).unwrap_or_default());
        RequirementId(*self.0.entry(text).or_insert(next))
    }

    fn name(&self, id: RequirementId) -> &str {
        match id {
            RequirementId::DENY => "deny",
            RequirementId(n) => self.0.iter().find(|(_, number)| **number == n).map_or("?", |(name, _)| name),
        }
    }
}

fn read(table: &str) -> Result<(Routes, Numbers), RouteError> {
    let mut numbers = Numbers::default();
    let routes = Routes::read(table, 1 << 20, |service, permission| numbers.of(service, permission))?;
    Ok((routes, numbers))
}

/// A table in which each entry requires a service called like its place.
fn numbered(case: &str, entries: &[String]) -> String {
    let lines: String = entries.iter().enumerate().map(|(n, entry)| format!("\n{entry}\tservice=e{n}")).collect();
    format!("case={case}\ndefault\tdeny{lines}")
}

fn answers(table: &str, requests: &[(&str, &str, &str)]) {
    let (routes, numbers) = read(table).unwrap();
    for (method, path, want) in requests {
        assert_eq!(numbers.name(routes.choose(method.as_bytes(), path)), *want, "{method} {path}");
    }
}

#[test]
fn the_most_specific_entry_is_chosen() {
    answers(
        "case=ignored\ndefault\tpermission=other\n/\tpermission=root\n/admin/*\tpermission=admin\nGET /admin/users\tservice=list\n\
         /admin/:id/keys\tpermission=keys\n/admin/self/*\tpermission=self\n/admin/self/:key\tdeny\n/:a/:b/:c\tservice=s\tpermission=p\n",
        &[
            ("GET", "/", "- root"),
            ("GET", "/x", "- other"),
            ("GET", "/admin", "- admin"),
            ("GET", "/admin/", "- admin"),
            ("GET", "/admin/x/y/z/", "- admin"),
            ("GET", "/administrator", "- other"),
            ("GET", "/admin/users", "list"),
            ("GET", "/admin/users/", "list"),
            ("POST", "/admin/users", "- admin"),
            ("GET", "/admin/users/x", "- admin"),
            ("GET", "/admin/7/keys", "- keys"),
            ("GET", "/admin/self/keys", "deny"),
            ("GET", "/admin/self", "- self"),
            ("GET", "/admin/self/a/b", "- self"),
            ("GET", "/a/b/c", "s p"),
            ("GET", "/a/b/c/d", "- other"),
            ("GET", "/a/b", "- other"),
        ],
    );
    answers("case=exact\ndefault\n/*\tdeny", &[("GET", "/", "deny"), ("GET", "/a/b", "deny")]);
    answers("case=exact\ndefault", &[("GET", "/", "-")]);
}

/// What a look-up by comparison misses, and a router does not.
#[test]
fn letter_case_and_a_final_slash_are_no_way_around() {
    let table = |case: &str| format!("case={case}\ndefault\n/Admin/*\tdeny\nPOST /keys\tdeny");
    let paths = ["/admin", "/ADMIN", "/Admin/", "/aDMIN/x", "/admin/X/"];
    let all: Vec<_> = paths.iter().map(|path| ("GET", *path, "deny")).collect();
    answers(&table("ignored"), &all);
    answers(&table("ignored"), &[("post", "/KEYS/", "deny"), ("GET", "/keys", "-"), ("GET", "/%41dmin", "-")]);
    answers(&table("exact"), &[("GET", "/Admin/x", "deny"), ("GET", "/admin/x", "-"), ("Post", "/keys/", "deny")]);
}

#[test]
fn head_goes_by_get_where_its_pattern_does_not_name_it() {
    answers(
        "case=ignored\ndefault\n/*\tpermission=rest\nGET /a\tpermission=get\n/a\tpermission=any\nGET,POST /b\tpermission=get\n\
         HEAD /b\tpermission=head\nPOST /c\tpermission=post\n",
        &[
            ("HEAD", "/a", "- get"),
            ("OPTIONS", "/a", "- any"),
            ("HEAD", "/b", "- head"),
            ("POST", "/b", "- get"),
            ("HEAD", "/c", "- rest"),
            ("GET", "/c", "- rest"),
        ],
    );
}

#[test]
fn tables_that_are_refused() {
    for (entries, part) in [
        ("admin", "route \"admin\": the pattern must begin with `/`"),
        ("\n/a", "route \"\": the pattern must"),
        ("default", "the pattern must"),
        ("*", "the pattern must"),
        (" /a", "methods are joined"),
        ("GET,/a", "the pattern must"),
        ("GET, PUT /a", "methods are joined"),
        ("GE(T /a", "methods are joined"),
        ("GET  /a", "the pattern must"),
        ("/a/", "no segment may be empty"),
        ("//", "no segment may be empty"),
        ("/a//b", "no segment may be empty"),
        ("/a/./b", "`.` must consist of"),
        ("/..", "`..` must consist of"),
        ("/a%20b", "`a%20b` must consist of letters"),
        ("/a b", "methods are joined"),
        ("/a@b", "`a@b` must"),
        ("/é", "`é` must"),
        ("/a?b", "`a?b` must"),
        ("/*.json", "`*.json` must"),
        ("/a*", "`a*` must"),
        ("/**", "`**` must"),
        ("/{id}", "`{id}` must"),
        ("/(.*)", "`(.*)` must"),
        ("/:", "`:` must be `:` and a name"),
        ("/:id.json", "`:id.json` must be"),
        ("/:id?", "`:id?` must be"),
        ("/a\n/a", "route \"/a\": another entry"),
        ("/a\n/A", "route \"/A\": another entry"),
        ("/:id/x\n/*/x", "route \"/*/x\": another entry"),
        ("GET /a\nPOST,get /a", "route \"POST,get /a\": another entry"),
        ("GET,GET /a", "another entry"),
        ("/a\tpermission=", "route \"/a\": `deny`, or"),
        ("/a\tpermission=a b", "`deny`, or"),
        ("/a\tpermission=a\tpermission=a", "`deny`, or"),
        ("/a\tpermision=a", "`deny`, or"),
        ("/a\tdeny\tservice=a", "`deny`, or"),
        ("/a\t", "`deny`, or"),
        ("/a\tDENY", "`deny`, or"),
        ("/a\tservice=*", "`deny`, or"),
    ] {
        let error = read(&format!("case=ignored\ndefault\tdeny\n{entries}")).err().map(|error| error.to_string());
        assert!(error.as_ref().is_some_and(|error| error.contains(part)), "{entries}: {error:?}");
    }
    assert!(read("case=exact\ndefault\tdeny\n/a\n/A\nGET /a\n/*\n/:a\n").is_ok());
    for head in ["", "case=ignored", "default\tdeny\ncase=ignored", "case=\ndefault", "case=ignored\n/a\ndefault"] {
        assert_eq!(read(head).err(), Some(RouteError::Head), "{head}");
    }
    assert!(matches!(read("case=exact\ndefault\tpermission=a b").err(), Some(RouteError::Entry { .. })), "the default too");
}

#[test]
fn is_bounded() {
    let table = |entries: usize| format!("case=exact\ndefault{}", (0..entries).map(|n| format!("\n/{n}")).collect::<String>());
    assert!(read(&table(MAX_ROUTES)).is_ok());
    assert_eq!(read(&table(MAX_ROUTES + 1)).err(), Some(RouteError::TooMany));
    let deep = |segments: usize| format!("case=exact\ndefault\n{}", "/a".repeat(segments));
    assert!(read(&deep(crate::limits::MAX_ROUTE_SEGMENTS)).is_ok());
    assert!(read(&deep(crate::limits::MAX_ROUTE_SEGMENTS + 1)).is_err());
    let long = |bytes: usize| format!("case=exact\ndefault\n/{}", "a".repeat(bytes - 20));
    assert!(read(&long(MAX_ROUTE_TABLE_BYTES)).is_ok());
    assert_eq!(read(&long(MAX_ROUTE_TABLE_BYTES + 1)).err(), Some(RouteError::TooLong { bytes: MAX_ROUTE_TABLE_BYTES + 1 }));
    let mut compiled = 0;
    let mut compile = |_: Option<&str>, _: Option<&str>| {
        compiled += 1;
        RequirementId::NONE
    };
    for (table, room) in
        [("case=exact\ndefault\n/a\n/b", 2), ("case=exact\ndefault\n/a\n/a", 9), ("case=exact\ndefault\n/a\n/b/", 9)]
    {
        assert!(Routes::read(table, room, &mut compile).is_err());
    }
    assert_eq!(compiled, 0, "what is refused leaves no trace");
}

/// The rule of the specification, word for word, over the entries as given: the greatest of those that match, by rank.
fn naive(case: &str, entries: &[String], method: &str, path: &str) -> String {
    let fold = |text: &str| if case == "ignored" { text.to_ascii_lowercase() } else { text.into() };
    let names = |text: &str| text.split('/').filter(|name| !name.is_empty()).map(fold).collect::<Vec<_>>();
    let given = names(path);
    let split = |entry: &str| {
        entry.split_once(' ').map(|(m, p)| (Some(m.to_owned()), p.to_owned())).unwrap_or((None, entry.to_owned()))
    };
    let rank = |entry: &String| {
        let (methods, pattern) = split(entry);
        let segments = names(&pattern);
        let rest = segments.last().is_some_and(|last| last == "*");
        let fixed = if rest { &segments[..segments.len() - 1] } else { &segments[..] };
        let fits = |(name, segment): (&String, &String)| segment.starts_with([':', '*']) || segment == name;
        let matches = if rest { given.len() >= fixed.len() } else { given.len() == fixed.len() };
        if !matches || !given.iter().zip(fixed).all(fits) {
            return None;
        }
        let mut rank: Vec<u8> = fixed.iter().map(|segment| if segment.starts_with([':', '*']) { 2 } else { 3 }).collect();
        rank.push(u8::from(!rest));
        let named = |methods: &str, method: &str| methods.split(',').any(|m| m == method);
        let by_method = match &methods {
            None => 0,
            Some(methods) if named(methods, method) => 2,
            Some(methods) if method == "HEAD" && named(methods, "GET") => 1,
            Some(_) => return None,
        };
        Some((rank, by_method))
    };
    let best = entries.iter().enumerate().filter_map(|(n, entry)| Some((rank(entry)?, n))).max();
    best.map_or("deny".into(), |(_, n)| format!("e{n}"))
}

#[test]
fn every_table_answers_as_the_rule_says() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut below = |n: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 33) as usize % n
    };
    let (mut chosen, mut denied) = (0, 0);
    for round in 0..2_000 {
        let case = if round % 3 == 0 { "exact" } else { "ignored" };
        let mut entries: Vec<String> = Vec::new();
        for _ in 0..below(12) {
            let method = ["", "", "GET ", "HEAD ", "GET,POST ", "PUT "][below(6)];
            let depth = below(4);
            let mut pattern: String = (0..depth).map(|_| ["/a", "/B", "/c", "/:x", "/a"][below(5)]).collect();
            if depth == 0 || below(3) == 0 {
                pattern.push_str(["/*", if depth == 0 { "/" } else { "" }][below(2)]);
            }
            let more = [&entries[..], &[format!("{method}{pattern}")]].concat();
            if read(&numbered(case, &more)).is_ok() {
                entries = more;
            }
        }
        let (routes, numbers) = read(&numbered(case, &entries)).unwrap();
        for _ in 0..40 {
            let method = ["GET", "HEAD", "POST", "PUT", "PATCH"][below(5)];
            let path: String = (0..below(5)).map(|_| ["/a", "/A", "/b", "/B", "/c", "/d"][below(6)]).collect();
            let path = format!("{path}{}", if path.is_empty() || below(4) == 0 { "/" } else { "" });
            let found = numbers.name(routes.choose(method.as_bytes(), &path));
            assert_eq!(found, naive(case, &entries, method, &path), "{case} {entries:?}: {method} {path}");
            *if found == "deny" { &mut denied } else { &mut chosen } += 1;
        }
    }
    assert!(chosen > 20_000 && denied > 10_000, "{chosen} {denied}");
}
