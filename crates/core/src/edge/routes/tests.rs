use super::rule::demand;
use super::*;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::ToString;

/// Requirements as they are numbered, by what stands in the table.
#[derive(Default)]
pub(super) struct Numbers(BTreeMap<String, u32>);

impl Numbers {
    fn of(&mut self, service: Option<&str>, permission: Option<&str>) -> RequirementId {
        let next = self.0.len() as u32 + 2;
        let text = format!("{}{}", service.unwrap_or("-"), permission.map(|p| format!(" {p}")).unwrap_or_default());
        RequirementId(*self.0.entry(text).or_insert(next))
    }

    /// What is demanded of a path that was sent like that, as it stands in the table.
    pub(super) fn name(&self, routes: &Routes, method: &str, sent: &str) -> &str {
        let path = crate::http::normalize_path(sent.as_bytes()).unwrap();
        match routes.choose(method.as_bytes(), path.as_bytes(), sent.as_bytes()) {
            None => "refused",
            Some(RequirementId::DENY) => "deny",
            Some(RequirementId(n)) => self.0.iter().find(|(_, number)| **number == n).map_or("?", |(name, _)| name),
        }
    }
}

pub(super) fn read(table: &str) -> Result<(Routes, Numbers), RouteError> {
    let mut numbers = Numbers::default();
    let routes = Routes::read(table, 1 << 20, |service, permission| numbers.of(service, permission))?;
    Ok((routes, numbers))
}

/// A table in which each entry demands the service of [`demand`].
pub(super) fn numbered(router: &str, entries: &[String]) -> String {
    let lines: String = entries.iter().enumerate().map(|(n, entry)| format!("\n{entry}\tservice={}", demand(n))).collect();
    format!("router={router}\ndefault\tdeny{lines}")
}

fn answers(table: &str, requests: &[(&str, &str, &str)]) {
    let (routes, numbers) = read(table).unwrap();
    for (method, path, want) in requests {
        assert_eq!(numbers.name(&routes, method, path), *want, "{method} {path}");
    }
}

#[test]
fn the_most_specific_entry_is_chosen() {
    answers(
        "router=lenient\ndefault\tpermission=other\n/\tpermission=root\n/admin\tpermission=admin\n/admin/*\tpermission=admin\nGET /admin/users\tservice=list\n\
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
            ("GET", "/admin/self", "refused"),
            ("GET", "/admin/self/a/b", "- self"),
            ("GET", "/a/b/c", "s p"),
            ("GET", "/a/b/c/d", "- other"),
            ("GET", "/a/b", "- other"),
        ],
    );
    answers("router=strict\ndefault\n/*\tdeny", &[("GET", "/", "refused"), ("GET", "/a/b", "deny")]);
    answers("router=strict\ndefault\tdeny\n/*\tdeny", &[("GET", "/", "deny"), ("GET", "/a/", "deny")]);
    answers("router=strict\ndefault", &[("GET", "/", "-"), ("GET", "/a/", "-")]);
}

/// What a look-up by comparison misses, and a router does not.
#[test]
fn letter_case_and_a_final_slash_are_no_way_around() {
    let table = |router: &str| format!("router={router}\ndefault\n/Admin\tdeny\n/Admin/*\tdeny\nPOST /keys\tdeny");
    for path in ["/admin", "/ADMIN", "/Admin/", "/aDMIN/x", "/admin/X/"] {
        answers(&table("lenient"), &[("GET", path, "deny")]);
        let any = if path == "/Admin" { "deny" } else { "refused" };
        answers(&table("any"), &[("GET", path, any)]);
    }
    answers(&table("lenient"), &[("POST", "/KEYS/", "deny"), ("GET", "/keys", "-"), ("POST", "/keys", "deny")]);
    answers(&table("any"), &[("POST", "/KEYS", "refused"), ("POST", "/keys/", "refused"), ("POST", "/keys", "deny")]);
    answers(&table("strict"), &[("GET", "/Admin/x", "deny"), ("GET", "/admin/x", "-"), ("GET", "/Admin/", "refused")]);
    answers(&table("strict"), &[("POST", "/keys/", "-"), ("POST", "/Keys", "-"), ("POST", "/keys", "deny")]);
}

/// Each with what routers do.
#[test]
fn what_routers_read_in_several_ways_is_refused_where_these_demand_different_things() {
    let keys = "\ndefault\tservice=other\n/keys\tservice=list\n/keys/:id\tservice=one\n/keys/:id/*\tservice=below\n/files/*\tservice=files\n/*\tservice=rest\n/:x\tservice=name";
    let (list, one, rest, name) = ("list", "one", "rest", "name");
    for (path, lenient, strict, any, why) in [
        ("/keys", list, list, list, "alike everywhere"),
        ("/keys/", list, "refused", "refused", "Express: /keys; Fastify: /keys/:id; Hono and axum: /*"),
        ("/KEYS", list, name, "refused", "Express: /keys; Fastify: /:x"),
        ("/%6beys", "refused", "refused", "refused", "Fastify: /keys; Express and axum: /:x"),
        ("/x", name, name, name, "alike everywhere"),
        ("/x/", name, rest, "refused", "Express: /:x; axum: /*"),
        ("/files", "refused", "refused", "refused", "Hono: /files/*; Fastify, Express: /:x"),
        ("/files/", "refused", "refused", "refused", "Hono: /files/*; axum: /*; Express: either, or /:x"),
        ("/files/x/", "files", "files", "files", "alike everywhere"),
        ("/keys/1", one, one, one, "alike everywhere"),
        ("/keys/%31", one, one, one, "no name of the table"),
        ("/keys/1/", "refused", "refused", "refused", "Express: /keys/:id; Fastify: /keys/:id/*"),
        ("/", "refused", "refused", "refused", "Hono: /*; axum: nothing"),
    ] {
        for (router, want) in [("lenient", lenient), ("strict", strict), ("any", any)] {
            let (routes, numbers) = read(&format!("router={router}{keys}")).unwrap();
            assert_eq!(numbers.name(&routes, "GET", path), want, "{router} {path}: {why}");
        }
    }
    // Fastify takes `/` for a `/:id` too, unless there is one for `/`.
    let root = |router: &str, entry: &str| format!("router={router}\ndefault\n/:x\tservice=name{entry}");
    for (router, want) in [("lenient", "-"), ("strict", "refused"), ("any", "refused")] {
        answers(&root(router, ""), &[("GET", "/", want), ("GET", "/x", "name")]);
        answers(&root(router, "\n/\tservice=root"), &[("GET", "/", "root")]);
    }
    // Where all readings demand the same, none has to be refused.
    let same = "router=any\ndefault\n/a\tdeny\n/a/:b\tdeny\n/*\tdeny\n/\tdeny";
    for path in ["/", "/a", "/A", "/a/", "/%61", "/A/", "/a/b/", "/x/"] {
        answers(same, &[("GET", path, "deny")]);
    }
    // Express ignores letter case, and a router of another kind in it does not.
    let mixed = "router=any\ndefault\n/admin/keys\tservice=one\n/:a/:b\tservice=one\n/admin/:x\tservice=two";
    answers(mixed, &[("GET", "/ADMIN/KEYS", "refused"), ("GET", "/admin/keys", "one"), ("GET", "/x/KEYS", "one")]);
}

#[test]
fn a_method_with_a_lower_case_letter_is_refused() {
    let table = "router=any\ndefault\tdeny\nPOST /keys\tservice=a\n/keys\tservice=b\nM-SEARCH /\tservice=c";
    answers(table, &[("POST", "/keys", "a"), ("PATCH", "/keys", "b"), ("M-SEARCH", "/", "c")]);
    answers(table, &[("post", "/keys", "refused"), ("pOST", "/keys", "refused"), ("PATCh", "/keys", "refused")]);
}

#[test]
fn head_goes_by_get_where_its_pattern_does_not_name_it() {
    answers(
        "router=lenient\ndefault\n/*\tpermission=rest\nGET /a\tpermission=get\n/a\tpermission=any\nGET,POST /b\tpermission=get\n\
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
        (" /a", "methods are in upper case"),
        ("GET,/a", "the pattern must"),
        ("GET, PUT /a", "methods are in upper case"),
        ("GE(T /a", "methods are in upper case"),
        ("GET  /a", "the pattern must"),
        ("/a/", "no segment may be empty"),
        ("//", "no segment may be empty"),
        ("/a//b", "no segment may be empty"),
        ("/a/./b", "`.` must consist of"),
        ("/..", "`..` must consist of"),
        ("/a%20b", "`a%20b` must consist of letters"),
        ("/a b", "methods are in upper case"),
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
        ("GET /a\nPOST,GET /a", "route \"POST,GET /a\": another entry"),
        ("GET,post /a", "methods are in upper case"),
        ("GEt /a", "methods are in upper case"),
        ("/a/b\n/A/c", "or writes a name in another letter case"),
        ("/:x/b\n/:y/B/*", "route \"/:y/B/*\": another entry"),
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
        let error = read(&format!("router=lenient\ndefault\tdeny\n{entries}")).err().map(|error| error.to_string());
        assert!(error.as_ref().is_some_and(|error| error.contains(part)), "{entries}: {error:?}");
    }
    assert!(read("router=strict\ndefault\tdeny\n/a\n/A\nGET /a\n/*\n/:a\n/A/b\n").is_ok());
    assert!(read("router=any\ndefault\tdeny\n/a/b\n/c/B\nGET,POST /a\n").is_ok(), "behind other names");
    for head in [
        "",
        "router=any",
        "default\tdeny\nrouter=any",
        "router=\ndefault",
        "router=Any\ndefault",
        "case=ignored\ndefault",
        "router=any\n/a\ndefault",
    ] {
        assert_eq!(read(head).err(), Some(RouteError::Head), "{head}");
    }
    assert!(matches!(read("router=strict\ndefault\tpermission=a b").err(), Some(RouteError::Entry { .. })), "the default too");
}

#[test]
fn is_bounded() {
    let table =
        |entries: usize| format!("router=strict\ndefault{}", (0..entries).map(|n| format!("\n/{n}")).collect::<String>());
    assert!(read(&table(MAX_ROUTES)).is_ok());
    assert_eq!(read(&table(MAX_ROUTES + 1)).err(), Some(RouteError::TooMany));
    let deep = |segments: usize| format!("router=strict\ndefault\n{}", "/a".repeat(segments));
    assert!(read(&deep(crate::limits::MAX_ROUTE_SEGMENTS)).is_ok());
    assert!(read(&deep(crate::limits::MAX_ROUTE_SEGMENTS + 1)).is_err());
    let long = |bytes: usize| format!("router=strict\ndefault\n/{}", "a".repeat(bytes - 23));
    assert!(read(&long(MAX_ROUTE_TABLE_BYTES)).is_ok());
    assert_eq!(read(&long(MAX_ROUTE_TABLE_BYTES + 1)).err(), Some(RouteError::TooLong { bytes: MAX_ROUTE_TABLE_BYTES + 1 }));
    let mut compiled = 0;
    let mut compile = |_: Option<&str>, _: Option<&str>| {
        compiled += 1;
        RequirementId::NONE
    };
    for (table, room) in
        [("router=strict\ndefault\n/a\n/b", 2), ("router=strict\ndefault\n/a\n/a", 9), ("router=strict\ndefault\n/a\n/b/", 9)]
    {
        assert!(Routes::read(table, room, &mut compile).is_err());
    }
    assert_eq!(compiled, 0, "what is refused leaves no trace");
}
