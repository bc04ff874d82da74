"""Request targets, hosts and the client's address: SPEC sections 9 and 10."""

import ipaddress
import re

from . import text

TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
QUOTED = r'"(?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[^\x00-\x08\x0a-\x1f\x7f])*"'
PAIR = re.compile(rf"({TOKEN})=({TOKEN}|{QUOTED})")


def read_target(target):
    """(path, query, authority); a target of another form is its own path, which has no normal form."""
    absolute = re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)(.*)", target, re.DOTALL)
    path = ((absolute[2] or "/") if absolute else target).split("?")[0]
    _, mark, query = target.split("#")[0].partition("?")
    return path, query if mark else None, absolute[1] if absolute else None


def is_host(value):
    match = re.fullmatch(r"(\[(.*)\]|[^:]*)(?::([0-9]{0,5}))?", value.strip(" \t"), re.ASCII)
    if not match or int(match[3] or 0) > 65535:
        return False
    if match[2] is not None:
        return text.read_ipv6(match[2]) is not None
    name = match[1]
    labels = name.removesuffix(".").split(".")
    if len(name) > 254 or not all(re.fullmatch(r"[A-Za-z0-9_-]{1,63}", label) for label in labels):
        return False
    number = re.fullmatch(r"[0-9]+|0x[0-9a-f]*", labels[-1], re.IGNORECASE | re.ASCII)
    return not number or text.read_ipv4(name) is not None


def names_one_host(lines):
    named = {":authority": [], "host": []}
    for line in lines:
        match = re.fullmatch(r"(:authority|host):(.*)", line, re.IGNORECASE)
        if match:
            named[match[1].lower()].append(match[2].strip(" \t"))
    hosts = named[":authority"] or named["host"]
    repeated = named["host"] in ([], hosts)
    return not hosts or len(hosts) == 1 and repeated and is_host(hosts[0])


def is_port(port):
    return re.fullmatch(r"[0-9]{1,5}", port, re.ASCII) is not None and int(port) <= 65535


def node(value, bare_v6, named_port):
    """An address with or without a port, or None."""
    if bare_v6 and text.read_address(value):
        return text.read_address(value)
    match = re.fullmatch(r"(?:\[(.*)\]|([^:]*))(?::(.+))?", value)
    if not match or match[3] and not (is_port(match[3]) or named_port and re.fullmatch(r"_[A-Za-z0-9._-]+", match[3])):
        return None
    if match[1] is not None:
        return text.read_address(match[1]) if text.read_ipv6(match[1]) is not None else None
    v4 = text.read_ipv4(match[2])
    return None if v4 is None else (32, v4)


def forwarded_for(element):
    """The address in one element of `Forwarded`, or None."""
    pairs, at = {}, 0
    while at < len(element):
        if element[at] != ";":
            pair = PAIR.match(element, at)
            if not pair or pair.end() < len(element) and element[pair.end()] != ";" or pair[1].lower() in pairs or len(pairs) == 16:
                return None
            pairs[pair[1].lower()] = pair[2]
            at = pair.end()
        at += 1
    value = pairs.get("for", "")
    if value.startswith('"'):
        value = re.sub(r"\\(.)", r"\1", value[1:-1])
    return node(value, False, True) if len(value) <= 128 else None


def elements_from_the_right(line):
    """Elements of a line of `Forwarded`: commas in quotes do not count, and a quote is closed before it is opened. Ends with
    None where one is not opened."""
    end = at = len(line)
    while at > 0:
        at -= 1
        if line[at] == ",":
            yield line[at + 1 : end]
            end = at
        elif line[at] == '"':
            while True:
                at = line.rfind('"', 0, at)
                if at < 0:
                    yield None
                    return
                if (at - len(line[:at].rstrip("\\"))) % 2 == 0:
                    break
    yield line[:end]


def addresses(header, lines):
    """The addresses of a header from the right, None for what is none."""
    values = [value.strip(" \t") for name, value in lines if name == header]
    if header == "x-forwarded-for":
        yield from (node(e.strip(" \t"), True, False) for value in reversed(values) for e in reversed(value.split(",")))
    elif header == "forwarded":
        elements = (element for value in reversed(values) for element in elements_from_the_right(value))
        yield from (None if element is None else forwarded_for(element.strip(" \t")) for element in elements)
    elif len(values) == 1:
        yield text.read_address(values[0])


def proxied(line):
    """The source of a PROXY protocol line, or None."""
    number = "(0|[1-9][0-9]{0,4})"
    match = re.fullmatch(rf"PROXY TCP([46]) (\S+) (\S+) {number} {number}(\r\n)?", line or "", re.ASCII)
    if not match or max(int(match[4]), int(match[5])) > 65535 or len(line.removesuffix("\r\n")) > 105:
        return None
    read = text.read_ipv4 if match[1] == "4" else text.read_ipv6
    return None if None in (read(match[2]), read(match[3])) else text.read_address(match[2])


def networks(items):
    return [ipaddress.ip_network(item.strip(" \t")) for item in items.split(",")]


def inside(address, trusted):
    plain = ipaddress.ip_address(text.write_address(address))
    return any(plain in network for network in trusted)


def client(rule, peer, proxy_line, lines):
    """The client's address by a rule without a platform, or None."""
    rule = dict([part.strip(" \t") for part in item.split("=")] for item in rule.split(";"))
    lines = [(line.partition(":")[0].lower(), line.partition(":")[2]) for line in lines]
    connection = text.read_address(peer or "")
    if "proxy_protocol" in rule:
        if connection is None:
            return None
        if inside(connection, networks(rule["proxy_protocol"].removeprefix("trust:"))):
            connection = proxied(proxy_line)
            if connection is None:
                return None
    found = addresses(rule.get("header", "x-forwarded-for").lower(), lines)
    hops = int(rule.get("hops", 0))
    if hops:
        counted = [next(found, None) for _ in range(hops)]
        return None if None in counted else counted[-1]
    trusted = networks(rule["trust"]) if rule.get("trust", "none") != "none" else []
    if connection is None or not inside(connection, trusted):
        return connection
    return next((address for address in found if address is None or not inside(address, trusted)), None)
