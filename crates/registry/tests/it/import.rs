//! Many keys at once: all, or none and a report.

use std::io::{Cursor, Read};

use edgelatch_core::key::{self, KeyId};
use edgelatch_core::verdict::Code;
use edgelatch_registry::{
    AuditFilter, Caller, Error, Import, ImportDefaults, ImportFormat, ImportReport, KeyFilter, OrgEdit, Origin, Paging,
    RefusedLine,
};
use edgelatch_testkit::on_both_stores;
use edgelatch_testkit::registry::edge::edge;
use edgelatch_testkit::registry::{Fixture, KeysExt, NOW, caller, new_key, slug};
use serde_json::json;

fn digest(text: &str) -> String {
    key::digest(text.as_bytes()).iter().map(|b| format!("{b:02x}")).collect()
}

fn how(format: ImportFormat) -> Import {
    let defaults =
        ImportDefaults { org: Some(slug("one")), owner: Some(slug("alice")), roles: vec![slug("reader")], environment: None };
    Import { format, defaults, dry_run: false }
}

fn run(f: &Fixture, import: &Import, text: impl AsRef<[u8]>) -> Result<ImportReport, Error> {
    f.registry.keys(&f.realm).import_file(&caller(), import, &mut Cursor::new(text), &mut |_| {})
}

fn count(f: &Fixture) -> u64 {
    f.registry.keys(&f.realm).count(&KeyFilter::default()).unwrap()
}

fn csv_and_json_lines_say_the_same(f: Fixture) {
    let (a, b) = ("legacy-key-000000", "legacy-key-000001");
    let csv = format!(
        "name,sha256,org,allow,scope,roles,expires_at,metadata,description\n\
         first,{},two,10.0.0.0/8 ::1,cdn dns,writer admin,2027-01-01,\"{{\"\"team\"\":\"\"web\"\"}}\",\"two\nlines\"\n",
        digest(a)
    );
    let done = run(&f, &how(ImportFormat::Csv), csv).unwrap();
    assert_eq!((done.keys, done.refused, done.done), (1, 0, true));
    let line = json!({
        "sha256": digest(b), "name": "second", "org": "two", "allow": ["10.0.0.0/8", "::1"], "scope": ["cdn", "dns"],
        "roles": ["writer", "admin"], "expires_at": "2027-01-01", "metadata": { "team": "web" }, "description": "two\nlines",
    });
    assert!(run(&f, &how(ImportFormat::JsonLines), format!("\n{line}\n\n")).unwrap().done);
    let keys = f.registry.keys(&f.realm).all(&KeyFilter::default()).unwrap();
    let [second, first] = &keys[..] else { panic!() };
    assert_eq!((first.origin, first.description.as_str()), (Origin::Imported, "two\nlines"));
    assert_eq!(
        (&first.ip, &first.scope, &first.roles, &first.metadata),
        (&second.ip, &second.scope, &second.roles, &second.metadata)
    );
    assert_eq!((first.org.as_str(), first.expires_at, first.ip.allow().len()), ("two", second.expires_at, 2));
    let mut edge = edge(&f);
    let requirement = edge.compile(Some("dns"), Some("x.write"));
    for text in [a, b] {
        let from = |ip: &str| edge.verify_key(text.as_bytes(), Some(ip.as_bytes()), requirement, NOW).code;
        assert_eq!([from("10.1.2.3"), from("11.1.2.3")], [Code::Valid, Code::IpDenied]);
    }
    let filter = AuditFilter { action: Some("keys.import".into()), ..AuditFilter::default() };
    let acts = f.registry.audit(&f.realm).list(&filter, &Paging::default());
    assert_eq!(acts.unwrap().rows[0].after.as_deref(), Some(r#"{"imported":1}"#));
}

fn one_bad_line_stops_all_and_each_is_reported(f: Fixture) {
    f.registry.keys(&f.realm).make(&caller(), &new_key("here")).unwrap();
    let changes = f.registry.ledger(&f.realm).changes().unwrap();
    let taken = digest("taken-key-0000000");
    let mut text = String::from("sha256,name,org,owner,roles,allow,expires_at\n");
    for row in [
        format!("{taken},good,,,,,"),
        format!("{taken},twice,,,,,"),
        "123,short,,,,,".into(),
        format!("{},,,,,,", digest("b")),
        format!("{},org,nowhere,,,,", digest("c")),
        format!("{},owner,,nobody,,,", digest("d")),
        format!("{},role,,,none,,", digest("e")),
        format!("{},ip,,,,10.0.0.1/8,", digest("f")),
        format!("{},past,,,,,2020-01-01", digest("g")),
        format!("{},local,,,,,2037-01-31T23:59", digest("k")),
        format!("{},columns", digest("h")),
        format!("{},good too,,,,,", digest("i")),
    ] {
        text.push_str(&row);
        text.push('\n');
    }
    let mut bytes = text.clone().into_bytes();
    bytes.extend(format!("{},\u{e9}", digest("j")).into_bytes());
    bytes.pop();
    bytes.extend(b",,,,,\n");
    let report = run(&f, &how(ImportFormat::Csv), &bytes).unwrap();
    let seen: Vec<(u64, &str, Option<&str>)> =
        report.refusals.iter().map(|RefusedLine { line, code, field, .. }| (*line, *code, field.as_deref())).collect();
    assert_eq!(
        seen,
        [
            (3, "digest_taken", Some("sha256")),
            (4, "invalid", Some("sha256")),
            (5, "invalid", Some("name")),
            (6, "not_found", Some("org")),
            (7, "not_found", Some("owner")),
            (8, "not_found", Some("roles")),
            (9, "invalid", Some("allow")),
            (10, "invalid", Some("expires_at")),
            (11, "invalid", Some("expires_at")),
            (12, "invalid", Some("line")),
            (14, "invalid", Some("line")),
        ]
    );
    assert_eq!((report.keys, report.refused, report.done), (2, 11, false));
    assert!(!format!("{report:?}").contains(&taken[..16]));
    assert_eq!((count(&f), f.registry.ledger(&f.realm).changes().unwrap()), (1, changes));
    assert!(!f.registry.realm(&f.realm).unwrap().imports);
    f.registry.audit(&f.realm).verify(None).unwrap();
    assert!(
        f.registry.audit(&f.realm).list(&AuditFilter::default(), &Paging::default()).unwrap().rows[0].action != "keys.import"
    );
}

fn a_dry_run_changes_nothing(f: Fixture) {
    let lines: String =
        (0..2500).map(|i| format!("{{\"sha256\":\"{}\",\"name\":\"k{i}\"}}\n", digest(&i.to_string()))).collect();
    let mut heard = Vec::new();
    let dry = Import { dry_run: true, ..how(ImportFormat::JsonLines) };
    let report =
        f.registry.keys(&f.realm).import_file(&caller(), &dry, &mut Cursor::new(&lines), &mut |n| heard.push(n)).unwrap();
    assert_eq!((report.keys, report.refused, report.done, count(&f)), (2500, 0, false, 0));
    assert_eq!(heard, [1000, 2000]);
    assert!(run(&f, &how(ImportFormat::JsonLines), &lines).unwrap().done);
    assert_eq!(count(&f), 2500);
    let again = run(&f, &how(ImportFormat::JsonLines), &lines).unwrap();
    assert_eq!((again.refused, again.refusals.len(), again.done, count(&f)), (2500, 1000, false, 2500));
}

fn limits_and_names_hold_for_imports_too(f: Fixture) {
    let settings = OrgEdit { settings: Some(json!({ "max_keys": 3, "unique_names": true })), ..OrgEdit::default() };
    f.registry.tenants(&f.realm).edit_org(&caller(), &slug("one"), &settings).unwrap();
    f.registry.keys(&f.realm).make(&caller(), &new_key("here")).unwrap();
    let lines = |names: &[&str]| -> String {
        let row = |name: &&str| format!("{},{name}\n", digest(name));
        format!("sha256,name\n{}", names.iter().map(row).collect::<String>())
    };
    let codes = |names| -> Vec<_> {
        let report = run(&f, &how(ImportFormat::Csv), lines(names)).unwrap();
        report.refusals.iter().map(|r| (r.line, r.code)).collect()
    };
    assert_eq!(codes(&["a", "b", "c"]), [(4, "limit_reached")]);
    assert_eq!(codes(&["a", "here"]), [(3, "name_taken")]);
    assert_eq!(count(&f), 1);
    assert_eq!(codes(&["a", "b"]), []);
    assert_eq!(count(&f), 3);
    // A caller of one org imports into that one.
    let me = caller().within(slug("two"));
    let report =
        f.registry.keys(&f.realm).import_file(&me, &how(ImportFormat::Csv), &mut Cursor::new(lines(&["z"])), &mut |_| {});
    assert_eq!(report.unwrap().refusals[0].code, "not_found");
}

/// Lines go into the database many at once, and are judged as if they came one by one: what was refused holds nothing, and
/// reports are in the lines' order.
fn lines_are_judged_one_after_the_other(f: Fixture) {
    let settings = OrgEdit { settings: Some(json!({ "unique_names": true })), ..OrgEdit::default() };
    f.registry.tenants(&f.realm).edit_org(&caller(), &slug("one"), &settings).unwrap();
    let line = |text: &str, name: &str| format!("{},{name}\n", digest(text));
    let mut file = String::from("sha256,name\n");
    for n in 0..4100 {
        file += &match n {
            10 => line("text 3", "digest of line 5"),
            11 => line("text 11", "name 4"),
            12 => "short,x\n".into(),
            14 => line("text 14", "NAME 4"),
            15 => line("text 15", "name\u{202e} 15"),
            16 => line("text 16", "HOST 2"),
            17 => line("text 17", "НOST 2"),
            4002 => line("text 4002", "HОST 2"),
            // Neither of these refused lines kept its name or its digest from others.
            13 => line("text 11", "digest of line 5"),
            4000 => line("text 0", "of the first batch"),
            4001 => line("text 4001", "name 1"),
            _ => line(&format!("text {n}"), &format!("name {n}")),
        };
    }
    let report = run(&f, &how(ImportFormat::Csv), &file).unwrap();
    let seen: Vec<_> = report.refusals.iter().map(|refusal| (refusal.line, refusal.code)).collect();
    let expected = [
        (12, "digest_taken"),
        (13, "name_taken"),
        (14, "invalid"),
        (16, "name_taken"),
        (17, "invalid"),
        (19, "name_taken"),
        (4002, "digest_taken"),
        (4003, "name_taken"),
        (4004, "name_taken"),
    ];
    assert_eq!(seen, expected);
    assert_eq!((report.keys, report.done, count(&f)), (4091, false, 0));
}

fn what_is_no_import_is_refused(f: Fixture) {
    for (format, text, words) in [
        (ImportFormat::Csv, format!("{}\n", digest("a")), "the first line looks like data"),
        (ImportFormat::Csv, format!("name,{}\n", digest("a")), "the first line looks like data"),
        (ImportFormat::Csv, "name,legacy-key-000000\n".into(), "the first line looks like data"),
        (ImportFormat::Csv, "sha256,name,colour\n".into(), "`colour` is no column; there are: sha256, name, org"),
        (ImportFormat::Csv, "sha256,name,name\n".into(), "twice"),
        (ImportFormat::Csv, "name\nx\n".into(), "no column `sha256`"),
        (ImportFormat::Csv, format!("sha256,name\n{},\"{}", digest("a"), "x\n".repeat(200_000)), "longer than"),
        (ImportFormat::JsonLines, "x".repeat(200_000), "longer than"),
    ] {
        let error = run(&f, &how(format), &text).unwrap_err();
        assert_eq!(error.code(), "invalid");
        assert!(error.to_string().contains(words), "{error}");
        assert!(!error.to_string().contains(&digest("a")[..16]));
    }
    for line in ["[]", "{", "{\"secret\":\"x\"}", "{\"sha256\":7,\"name\":\"a\"}", "{\"sha256\":\"\",\"name\":\"a\"}"] {
        assert_eq!(run(&f, &how(ImportFormat::JsonLines), line).unwrap().refused, 1, "{line}");
    }
    assert!(!run(&f, &how(ImportFormat::Csv), "sha256,name\n").unwrap().done);
    // A file whose columns are one off: what should be a name is a digest, which the report does not repeat.
    for column in ["org", "owner", "roles", "scope", "allow", "allow_mode", "order", "not_before", "metadata", "environment"] {
        let text = format!("sha256,name,{column}\n{},k,{}\n", digest("a"), digest("b"));
        let report = run(&f, &Import { dry_run: true, ..how(ImportFormat::Csv) }, &text).unwrap();
        assert!(!serde_json::to_string(&report).unwrap().contains(&digest("b")[..16]), "{column}: {report:?}");
    }
    /// A pipe whose writer dies.
    struct Dead;
    impl Read for Dead {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("gone"))
        }
    }
    let line = |n: u32| format!("{{\"sha256\":\"{}\",\"name\":\"k\"}}\n", digest(&n.to_string()));
    let text = line(1) + &line(2);
    let mut broken = text.as_bytes().chain(Dead);
    let import = how(ImportFormat::JsonLines);
    let error = f.registry.keys(&f.realm).import_file(&caller(), &import, &mut broken, &mut |_| {}).unwrap_err();
    assert!(error.to_string().contains("gone"), "{error}");
    assert_eq!(count(&f), 0);
}

/// How a text becomes a file's bytes.
type Save = dyn Fn(&str) -> Vec<u8>;

/// Files as spreadsheets write them, on whatever system.
fn a_file_is_read_however_it_was_saved(f: Fixture) {
    let mut n = 0;
    let mut import = |head: &str, line: &dyn Fn(&str) -> String, save: &Save| {
        n += 1;
        let text = format!("{head}\r\n{}\r\n", line(&digest(&format!("legacy-{n}"))));
        let report = run(&f, &how(ImportFormat::Csv), save(&text)).unwrap();
        assert!(report.done, "{report:?}");
        let newest = f.registry.keys(&f.realm).all(&KeyFilter::default()).unwrap().remove(0);
        (newest.name.to_string(), newest.description.to_string(), newest.ip.allow().len())
    };
    let plain = |text: &str| text.as_bytes().to_vec();
    let marked = |text: &str| format!("\u{feff}{text}").into_bytes();
    let little =
        |text: &str| "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    let big = |text: &str| "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_be_bytes).collect::<Vec<_>>();
    let wanted = ("Zürich 🔑".to_owned(), "a, b; c".to_owned(), 2);
    let saves: [&Save; 4] = [&plain, &marked, &little, &big];
    for save in saves {
        for separator in [",", ";", "\t"] {
            let head = ["sha256", "name", "description", "allow"].join(separator);
            let line = |sha: &str| [sha, "Zürich 🔑", "\"a, b; c\"", "10.0.0.0/8 ::1"].join(separator);
            assert_eq!(import(&head, &line, save), wanted);
        }
    }
    let blanks = |sha: &str| format!(" {sha} ,  Zürich 🔑\u{a0}, \"a; b\" , 10.0.0.0/8  ::1 ");
    assert_eq!(import(" sha256 , name , description, allow ", &blanks, &plain), (wanted.0, "a; b".into(), 2));
    let json = format!("{{\"sha256\":\"{}\",\"name\":\"Zürich\"}}\n", digest("json"));
    assert!(run(&f, &how(ImportFormat::JsonLines), little(&json)).unwrap().done);
    // Half a character, and one that another program could not read.
    let head = format!("sha256,name\n{},", digest("half"));
    let mut half = little(&head);
    half.extend([0x3d, 0xd8, b'x', 0, b'\n', 0]);
    for text in [half, plain(&format!("{head}Z\u{fffd}rich\n")), [head.as_bytes(), b"Z\xfcrich\n"].concat()] {
        let report = run(&f, &how(ImportFormat::Csv), text).unwrap();
        assert!(report.refusals.len() == 1 && report.refusals[0].reason.contains("save the file as UTF-8"), "{report:?}");
    }
}

/// Whoever revokes a key finds what it has made; what it is about to import they cannot find yet.
fn a_key_that_has_ended_imports_nothing(f: Fixture) {
    let holder = Caller::holding(KeyId(99)).unwrap();
    let mut file = Cursor::new(format!("sha256,name\n{},late\n", digest("late")));
    let imported = f.registry.keys(&f.realm).import_file(&holder, &how(ImportFormat::Csv), &mut file, &mut |_| {});
    assert_eq!(imported.unwrap_err().code(), "import_overtaken");
    assert_eq!(count(&f), 0);
    assert!(run(&f, &how(ImportFormat::Csv), format!("sha256,name\n{},late\n", digest("late"))).unwrap().done);
}

on_both_stores!(
    a_key_that_has_ended_imports_nothing,
    a_file_is_read_however_it_was_saved,
    csv_and_json_lines_say_the_same,
    one_bad_line_stops_all_and_each_is_reported,
    a_dry_run_changes_nothing,
    limits_and_names_hold_for_imports_too,
    lines_are_judged_one_after_the_other,
    what_is_no_import_is_refused,
);
