use super::*;
use alloc::vec::Vec;

#[test]
fn reads_a_request() {
    let block = Block::parse(b"1.2.3.4\nGET /a?b#c\nHOST: h\nx-y:\nAuthorization:Bearer a\nx-y:1:2\n").unwrap();
    assert_eq!((block.peer(), block.proxy_line()), (Some(&b"1.2.3.4"[..]), None));
    assert_eq!((block.method(), block.target(), block.path()), (&b"GET"[..], &b"/a?b#c"[..], &b"/a"[..]));
    assert_eq!(block.query(), Some(&b"b"[..]));
    assert_eq!((block.host, block.authorization, block.api_key), (Field::One(b"h"), Field::One(b"Bearer a"), Field::Absent));
    assert_eq!(block.lines().values("X-Y").collect::<Vec<_>>(), [&b""[..], b"1:2"]);
    assert_eq!(block.lines().values("x-y").next_back(), Some(&b"1:2"[..]));
    assert_eq!(block.lines().count(), 4);
    let block = Block::parse(b"\t PROXY\nGET /\nhost:a\nHost:a").unwrap();
    assert_eq!((block.peer(), block.proxy_line(), block.host), (None, Some(&b" PROXY"[..]), Field::Many));
}

#[test]
fn target_forms() {
    for (target, path, query, authority) in [
        ("/", "/", None, None),
        ("/a?", "/a", Some(""), None),
        ("/a?b?c", "/a", Some("b?c"), None),
        ("/a#b?c", "/a#b", None, None),
        ("/a?b#c?d", "/a", Some("b"), None),
        ("//evil.example/a", "//evil.example/a", None, None),
        ("*", "*", None, None),
        ("http://h:80/a/b?c", "/a/b", Some("c"), Some("h:80")),
        ("HTTPS://h", "/", None, Some("h")),
        ("http://h?c", "", Some("c"), Some("h")),
        ("http://h?x/admin", "", Some("x/admin"), Some("h")),
        ("http://h#x/admin", "#x/admin", None, Some("h")),
        ("http://u@h/a", "/a", None, Some("u@h")),
        ("http://", "/", None, Some("")),
        ("/a:b//c", "/a:b//c", None, None),
        ("h:443", "h:443", None, None),
        ("http:/a?b", "http:/a", Some("b"), None),
        ("://h/a", "://h/a", None, None),
        ("1://h/a", "1://h/a", None, None),
    ] {
        let bytes = alloc::format!("\nGET {target}");
        let block = Block::parse(bytes.as_bytes()).unwrap();
        assert_eq!(block.path(), path.as_bytes(), "{target}");
        assert_eq!(block.query(), query.map(str::as_bytes), "{target}");
        assert_eq!(block.authority(), authority.map(str::as_bytes), "{target}");
    }
}

#[test]
fn refuses_what_could_split_or_hide_a_line() {
    use BlockError::{Control, Header, Request};
    for (bytes, want) in [
        (&b""[..], Request),
        (b"\n", Request),
        (b"\nGET", Request),
        (b"\nGET ", Request),
        (b"\n /", Request),
        (b"\nG(T /", Request),
        (b"\nGET / HTTP/1.1", Request),
        (b"\nGET  /", Request),
        (b"\nGET /\x7f", Request),
        (b"\nGET /\ta", Request),
        (b"\r\nGET /\n", Control { line: 1 }),
        (b"\nGET /\r\n", Control { line: 2 }),
        (b"\nGET /\na:b\0", Control { line: 3 }),
        (b"\nGET /\na:b\nc:d\re:f", Control { line: 4 }),
        (b"\nGET /\n\na:b", Header { line: 3 }),
        (b"\nGET /\na:b\n\n", Header { line: 4 }),
        (b"\nGET /\na", Header { line: 3 }),
        (b"\nGET /\n:b", Header { line: 3 }),
        (b"\nGET /\na :b", Header { line: 3 }),
        (b"\nGET /\n a:b", Header { line: 3 }),
        (b"\nGET /\na:b\n folded", Header { line: 4 }),
        (b"\nGET /\na\0:b", Header { line: 3 }),
        (b"\nGET /\n\xe9:b", Header { line: 3 }),
        (b"\nGET /\n:authority", Header { line: 3 }),
        (b"\nGET /\n:authority\n:h", Header { line: 3 }),
        (b"\nGET /\n:authority :h", Header { line: 3 }),
        (b"\nGET /\n:authorityx:h", Header { line: 3 }),
        (b"\nGET /\n:Authority:h", Header { line: 3 }),
        (b"\nGET /\n:path:/", Header { line: 3 }),
    ] {
        assert_eq!(Block::parse(bytes).map(|_| ()), Err(want), "{bytes:?}");
    }
}

#[test]
fn line_ends_are_found_wherever_they_stand() {
    for fill in [b'a', b'\t', 0x0e, 0x7f, 0x80, 0xff] {
        for stop in [b'\n', b'\r', 0] {
            for (length, at) in (1..40).flat_map(|length| (0..length).map(move |at| (length, at))) {
                let mut bytes = alloc::vec![fill; length];
                assert_eq!(line_end(&bytes), None);
                bytes[at] = stop;
                assert_eq!(line_end(&bytes), Some(at), "{fill} {stop} {length}");
            }
        }
    }
}

#[test]
fn is_bounded() {
    let mut bytes = Vec::from(&b"\nGET /\n"[..]);
    for _ in 0..MAX_LINES {
        bytes.extend(b"a:b\n");
    }
    assert!(Block::parse(&bytes).is_ok());
    bytes.extend(b"a:b\n");
    assert_eq!(Block::parse(&bytes).map(|_| ()), Err(BlockError::TooManyLines));
    let mut bytes = Vec::from(&b"\nGET /\na:"[..]);
    bytes.resize(MAX_BLOCK, b'b');
    assert!(Block::parse(&bytes).is_ok());
    bytes.push(b'b');
    assert_eq!(Block::parse(&bytes).map(|_| ()), Err(BlockError::TooLong { bytes: MAX_BLOCK + 1 }));
}
