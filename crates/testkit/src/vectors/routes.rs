//! Route tables: what each demands for a request, and those that are refused.

use serde_json::{Value, json};

/// Method, target, and what is demanded, as it stands in the table; `None` where the request is refused.
type Request = (&'static str, &'static str, Option<&'static str>);

#[rustfmt::skip]
const TABLES: &[(&str, &[Request])] = &[
    ("router=lenient\ndefault\tdeny\n", &[("GET", "/", Some("deny")), ("GET", "/a?b", Some("deny")), ("GET", "*", None), ("GET", "h:443", None)]),
    ("router=strict\ndefault", &[("GET", "/", Some("")), ("GET", "/a/", Some("")), ("get", "/", None), ("GET", "//a", None)]),
    (
        "router=lenient\ndefault\tdeny\nGET /admin/*\tpermission=admin.read\n/admin/*\tpermission=admin.write\tservice=admin\n/public/*\n/Closed\tdeny\n/some\tpermission=zone.view|zone.edit\nPUT /some\tpermission=zone.view&zone.edit\tservice=dns\n",
        &[
            ("GET", "/admin", None),
            ("GET", "/ADMIN/x/", Some("permission=admin.read")),
            ("HEAD", "/admin/%78?y", Some("permission=admin.read")),
            ("HEAD", "/%61dmin/x?y", None),
            ("GET", "http://h/admin/x", Some("permission=admin.read")),
            ("get", "http://h/admin/x", None),
            ("Get", "/admin/x", None),
            ("POST", "/admin/x", Some("service=admin\tpermission=admin.write")),
            ("GET", "/administrator", Some("deny")),
            ("GET", "/public", None),
            ("GET", "/public/", None),
            ("GET", "/Public/a%20b", Some("")),
            ("GET", "/CLOSED/", Some("deny")),
            ("GET", "/closed/x", Some("deny")),
            ("GET", "/some", Some("permission=zone.view|zone.edit")),
            ("PUT", "/some", Some("permission=zone.view&zone.edit\tservice=dns")),
            ("GET", "/public/..%2fclosed", None),
            ("GET", "/public/%2e%2e/closed", None),
            ("GET", "/public//x", None),
            ("GET", "/public#/admin", None),
            ("GET", "http://h?/admin", None),
            ("GET", "http://h#/admin", None),
            ("GET", "/public;x", None),
            ("GET", "/public/%2561", None),
            ("GET", "/public/%e2%84%aa", None),
            ("GET", "/public/%C5%BF", None),
        ],
    ),
    (
        "router=strict\ndefault\n/Admin/*\tdeny\nPUT /keys\tdeny",
        &[
            ("GET", "/Admin/x", Some("deny")),
            ("GET", "/admin/x", Some("")),
            ("PUT", "/keys", Some("deny")),
            ("PUT", "/keys/", Some("")),
            ("GET", "/Admin/", None),
            ("put", "/keys", None),
            ("PUT", "/Keys", Some("")),
            ("GET", "/keys", Some("")),
        ],
    ),
    (
        "router=lenient\ndefault\tpermission=d\n/\tpermission=root\n/*\tpermission=rest\n/a/b\tpermission=ab\n/a/:x\tpermission=ax\n/:x/b\tpermission=xb\n\
         /a/*/c\tpermission=axc\n/a/b/*\tpermission=abr\nPOST /a/b\tpermission=post\n/:y/:z/:y\tpermission=xyz\n",
        &[
            ("GET", "/", Some("permission=root")),
            ("GET", "/z", Some("permission=rest")),
            ("GET", "/a", Some("permission=rest")),
            ("GET", "/a/b", Some("permission=ab")),
            ("POST", "/a/b", Some("permission=post")),
            ("POST", "/a/b/", None),
            ("GET", "/a/c", Some("permission=ax")),
            ("GET", "/c/b", Some("permission=xb")),
            ("GET", "/a/b/c", Some("permission=abr")),
            ("GET", "/a/d/c", Some("permission=axc")),
            ("GET", "/a/d/d", Some("permission=xyz")),
            ("GET", "/a/b/c/d", Some("permission=abr")),
            ("GET", "/a/d/d/d", Some("permission=rest")),
        ],
    ),
    (
        "router=lenient\ndefault\n/*\tpermission=rest\nGET /a\tpermission=get\n/a\tpermission=any\nGET,POST /b\tpermission=get\nHEAD /b\tpermission=head\nPOST /c\tpermission=post\n",
        &[
            ("HEAD", "/a", Some("permission=get")),
            ("OPTIONS", "/a", Some("permission=any")),
            ("HEAD", "/b", Some("permission=head")),
            ("POST", "/b", Some("permission=get")),
            ("PUT", "/b", Some("permission=rest")),
            ("HEAD", "/c", Some("permission=rest")),
        ],
    ),
    ("router=lenient\ndefault\n/~u-1_.x\tdeny\nM-SEARCH /...\tdeny", &[("GET", "/~U-1_.x", Some("deny")), ("GET", "/%7eU-1_.x", None), ("M-SEARCH", "/...", Some("deny"))]),
    (
        "router=any\ndefault\n/keys\tpermission=list\n/keys/:id\tpermission=one\n/keys/*\tpermission=rest\n/a\tdeny\n/a/:b\tdeny\n/a/*\tdeny\n/:x\tpermission=x\n/:x/*\tpermission=y",
        &[
            ("GET", "/keys", Some("permission=list")),
            ("GET", "/keys/", None),
            ("GET", "/KEYS", None),
            ("GET", "/%6beys", None),
            ("GET", "/keys/%31", Some("permission=one")),
            ("GET", "/keys/1/", None),
            ("GET", "/keys/1/2/", Some("permission=rest")),
            ("GET", "/a", Some("deny")),
            ("GET", "/a/", None),
            ("GET", "/A", None),
            ("GET", "/z", Some("permission=x")),
            ("GET", "/z/", None),
            ("GET", "/z/z/", Some("permission=y")),
            ("GET", "/", None),
        ],
    ),
    (
        "router=any\ndefault\tdeny\n/a\tdeny\n/b/*\tdeny\n/admin/keys\tpermission=one\n/:a/:b\tpermission=one\n/admin/:x\tpermission=two",
        &[
            ("GET", "/A", Some("deny")),
            ("GET", "/A/", None),
            ("GET", "/%61", Some("deny")),
            ("GET", "/b", Some("deny")),
            ("GET", "/B", Some("deny")),
            ("GET", "/admin/keys", Some("permission=one")),
            ("GET", "/ADMIN/KEYS", None),
            ("GET", "/x/KEYS", Some("permission=one")),
        ],
    ),
    (
        "router=strict\ndefault\n/keys\tpermission=list\n/keys/:id\tpermission=one\n/files\tpermission=list\n/files/*\n/Files/:x\tdeny\n/b\n/:c/*\tpermission=c\n/:c/:d/*\tpermission=c",
        &[
            ("GET", "/keys/", None),
            ("GET", "/Keys", None),
            ("GET", "/files", Some("permission=list")),
            ("GET", "/files/", None),
            ("GET", "/Files/", None),
            ("GET", "/Files/x", Some("deny")),
            ("GET", "/FILES/x/", Some("permission=c")),
            ("GET", "/b", Some("")),
            ("GET", "/b/", None),
            ("GET", "/x/y", Some("permission=c")),
        ],
    ),
    (
        "router=lenient\ndefault\n/keys\tpermission=list\n/keys/:id\tpermission=one\n/files\tpermission=list\n/files/*\tpermission=rest\n/x/*",
        &[
            ("GET", "/Keys/", Some("permission=list")),
            ("GET", "/keys/1/", Some("permission=one")),
            ("GET", "/files", Some("permission=list")),
            ("GET", "/files/", None),
            ("GET", "/x", Some("")),
            ("GET", "/X/", Some("")),
        ],
    ),
    ("router=strict\ndefault\n/:x\tpermission=x\nGET /\tpermission=root", &[("GET", "/", Some("permission=root")), ("HEAD", "/", Some("permission=root")), ("POST", "/", None), ("POST", "/?x", None)]),
    ("router=lenient\ndefault\n/:x\tpermission=x", &[("GET", "/", Some("")), ("GET", "/a", Some("permission=x"))]),
];

/// Entries that no table can have, after the two lines at its head, with what comes before them if they are refused for it.
const REFUSED: &[&str] = &[
    "admin",
    "default",
    "*",
    " /a",
    "GET,/a",
    "GET, PUT /a",
    "GE(T /a",
    "GET  /a",
    "/a/",
    "//",
    "/a//b",
    "/a/./b",
    "/..",
    "/a%20b",
    "/a@b",
    "/a\tpermission=a|b&c",
    "/a\tpermission=a|",
    "/a\tservice=a|b",
    "/a;b",
    "/é",
    "/a?b",
    "/*.json",
    "/a*",
    "/**",
    "/{id}",
    "/(.*)",
    "/:",
    "/:id.json",
    "/:id?",
    "/a\n/a",
    "/a\n/A",
    "/a/b\n/A/c",
    "/:x/b\n/:y/B/*",
    "get /a",
    "GET,PoST /a",
    "/:id/x\n/*/x",
    "GET /a\nPOST,GET /a",
    "GET,GET /a",
    "/a\n\n/b",
    "/a\tpermission=",
    "/a\tpermission=a b",
    "/a\tpermission=a\tpermission=a",
    "/a\tpermision=a",
    "/a\tdeny\tservice=a",
    "/a\t",
    "/a\tDENY",
    "/a\tservice=*",
];

pub fn tables() -> Value {
    let request = |&(method, target, demand): &Request| json!({ "method": method, "target": target, "demand": demand });
    let table = |(text, requests): &(&str, &[Request])| json!({ "table": text, "requests": requests.iter().map(request).collect::<Vec<_>>() });
    let mut refused: Vec<_> = REFUSED.iter().map(|lines| format!("router=lenient\ndefault\tdeny\n{lines}")).collect();
    refused.extend(
        [
            "",
            "router=any",
            "router=some\ndefault",
            "default\tdeny\nrouter=any",
            "router=\ndefault",
            "case=ignored\ndefault",
            "router=any\n/a\ndefault",
            "router=any\ndefault\n/a\n/A",
            "router=strict\ndefault\tpermission=a b",
        ]
        .map(String::from),
    );
    refused.push(format!("router=strict\ndefault{}", (0..1025).map(|n| format!("\n/{n}")).collect::<String>()));
    refused.push(format!("router=strict\ndefault\n{}", "/a".repeat(33)));
    json!({ "tables": TABLES.iter().map(table).collect::<Vec<_>>(), "refused": refused })
}
