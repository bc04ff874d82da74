//! Route tables: what each demands for a request, and those that are refused.

use serde_json::{Value, json};

/// Method, target, and what is demanded, as it stands in the table; `None` for a path without a normal form.
type Request = (&'static str, &'static str, Option<&'static str>);

#[rustfmt::skip]
const TABLES: &[(&str, &[Request])] = &[
    ("case=ignored\ndefault\tdeny\n", &[("GET", "/", Some("deny")), ("GET", "/a?b", Some("deny")), ("GET", "*", None), ("GET", "h:443", None)]),
    ("case=exact\ndefault", &[("GET", "/", Some("")), ("GET", "//a", None)]),
    (
        "case=ignored\ndefault\tdeny\nGET /admin/*\tpermission=admin.read\n/admin/*\tpermission=admin.write\tservice=admin\n/public/*\n/Closed\tdeny\n/some\tpermission=zone.view|zone.edit\nPUT /some\tpermission=zone.view&zone.edit\tservice=dns\n",
        &[
            ("GET", "/admin", Some("permission=admin.read")),
            ("GET", "/ADMIN/x/", Some("permission=admin.read")),
            ("HEAD", "/%61dmin/x?y", Some("permission=admin.read")),
            ("get", "http://h/admin", Some("permission=admin.read")),
            ("POST", "/admin/x", Some("service=admin\tpermission=admin.write")),
            ("GET", "/administrator", Some("deny")),
            ("GET", "/public", Some("")),
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
        ],
    ),
    (
        "case=exact\ndefault\n/Admin/*\tdeny\nPUT /keys\tdeny",
        &[
            ("GET", "/Admin/x", Some("deny")),
            ("GET", "/admin/x", Some("")),
            ("put", "/keys/", Some("deny")),
            ("PUT", "/Keys", Some("")),
            ("GET", "/keys", Some("")),
        ],
    ),
    (
        "case=ignored\ndefault\tpermission=d\n/\tpermission=root\n/*\tpermission=rest\n/a/b\tpermission=ab\n/a/:x\tpermission=ax\n/:x/b\tpermission=xb\n\
         /a/*/c\tpermission=axc\n/a/b/*\tpermission=abr\nPOST /a/b\tpermission=post\n/:y/:z/:y\tpermission=xyz\n",
        &[
            ("GET", "/", Some("permission=root")),
            ("GET", "/z", Some("permission=rest")),
            ("GET", "/a", Some("permission=rest")),
            ("GET", "/a/b", Some("permission=ab")),
            ("POST", "/a/b/", Some("permission=post")),
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
        "case=ignored\ndefault\n/*\tpermission=rest\nGET /a\tpermission=get\n/a\tpermission=any\nGET,POST /b\tpermission=get\nHEAD /b\tpermission=head\nPOST /c\tpermission=post\n",
        &[
            ("HEAD", "/a", Some("permission=get")),
            ("OPTIONS", "/a", Some("permission=any")),
            ("HEAD", "/b", Some("permission=head")),
            ("POST", "/b", Some("permission=get")),
            ("PUT", "/b", Some("permission=rest")),
            ("HEAD", "/c", Some("permission=rest")),
        ],
    ),
    ("case=ignored\ndefault\n/~u-1_.x\tdeny\nM-SEARCH /...\tdeny", &[("GET", "/%7eU-1_.x", Some("deny")), ("M-SEARCH", "/...", Some("deny"))]),
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
    "/:id/x\n/*/x",
    "GET /a\nPOST,get /a",
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
    let mut refused: Vec<_> = REFUSED.iter().map(|lines| format!("case=ignored\ndefault\tdeny\n{lines}")).collect();
    refused.extend(
        [
            "",
            "case=ignored",
            "default\tdeny\ncase=ignored",
            "case=\ndefault",
            "case=ignored\n/a\ndefault",
            "case=exact\ndefault\tpermission=a b",
        ]
        .map(String::from),
    );
    refused.push(format!("case=exact\ndefault{}", (0..1025).map(|n| format!("\n/{n}")).collect::<String>()));
    refused.push(format!("case=exact\ndefault\n{}", "/a".repeat(33)));
    json!({ "tables": TABLES.iter().map(table).collect::<Vec<_>>(), "refused": refused })
}
