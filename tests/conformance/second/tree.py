"""Top page, index pages, directory, shards and bundles: SPEC sections 5 and 6."""

import hashlib
import re
import unicodedata

from . import text
from .wire import Bytes, Refused, ascending, references, require

NONE, UP_TO = 0, {0: 0, 1: 0xFF, 2: 0xFFFF, 4: 0xFFFFFFFF}
DIRECTORY_BYTES, DIRECTORY_ENTRIES = 32 * 2**20, 2**17
ROLE_PATTERNS, SET_ROLES, SCOPE_SERVICES = 256, 32, 128


def proven(data, digest):
    require(hashlib.sha256(data).digest() == digest, "wrong_digest")
    return data


def has_control(value):
    return any(unicodedata.category(character) == "Cc" for character in value)


class Top:
    def __init__(self, data):
        data = Bytes(data, b"ELTP")
        self.bits, zero, self.records = data.u8(), data.u8(), data.u64()
        self.directory, self.directory_len = data.take(32), data.u32()
        count = data.u32()
        self.pages = [data.take(32) for _ in range(min(count, len(data.rest) // 32 + 1))]
        self.ends = data.numbers("Q", count)
        data.end()
        require(self.directory_len <= DIRECTORY_BYTES, "too_large")
        wanted = next((bits for bits in range(20) if self.records <= 256 * 2**bits), 20)
        require(zero == 0 and self.bits == wanted and count == max(1, 2**wanted // 256), "bad_field")
        require(all(a <= b for a, b in zip(self.ends, self.ends[1:])), "bad_table")
        self.shards_per_page = min(256, 2**wanted)


class Page:
    def __init__(self, data, shards, size):
        data = Bytes(data, b"ELPG")
        require(data.u16() == shards, "bad_field")
        self.shards = [data.take(32) for _ in range(shards)]
        self.ends = data.numbers("I", shards)
        data.end()
        require(all(a < b for a, b in zip((0,) + self.ends, self.ends)) and self.ends[-1] == size, "bad_table")


class Directory:
    def __init__(self, data):
        data = Bytes(data, b"ELDR")
        self.credentials, flags, self.pepper_id = data.u8(), data.u8(), data.u32()
        patterns, services, roles, role_sets, scopes = (data.list(DIRECTORY_ENTRIES) for _ in range(5))
        data.end()
        require(1 <= self.credentials <= 3 and flags <= 1, "bad_field")
        self.imports = flags == 1
        self.patterns = [ascii_of(pattern, text.is_pattern) for pattern in patterns]
        self.services = [ascii_of(service, text.is_permission) for service in services]
        self.roles = [self.role(Bytes(role)) for role in roles]
        require(role_sets and role_sets[0] == b"" and scopes and scopes[0] == b"\0", "bad_field")
        self.role_sets = [references(role_set, len(roles), SET_ROLES) for role_set in role_sets]
        require(all(scope[:1] == b"\1" for scope in scopes[1:]), "bad_field")
        self.scopes = [None] + [references(scope[1:], len(services), SCOPE_SERVICES) for scope in scopes[1:]]

    def role(self, data):
        name = data.text8()
        require(1 <= len(name.encode()) <= 128 and not has_control(name), "bad_field")
        places = references(data.rest, len(self.patterns), ROLE_PATTERNS)
        return name, [self.patterns[place] for place in places]


def ascii_of(data, rule):
    require(data.isascii() and rule(data.decode("latin-1")), "bad_field")
    return data.decode()


class Policy:
    def __init__(self, data):
        data = Bytes(data)
        flags, zero = data.u8(), data.u8()
        require(flags <= 3 and zero == 0, "bad_field")
        self.is_list, self.deny_first = bool(flags & 1), bool(flags & 2)
        allow4, allow6, deny4, deny6 = data.numbers("H", 4)
        self.allow = networks(data, 32, allow4) + networks(data, 128, allow6)
        self.deny = networks(data, 32, deny4) + networks(data, 128, deny6)
        data.end()
        require(self.is_list or (self.deny and not self.allow), "bad_field")

    def allows(self, address):
        allowed, denied = holds(self.allow, address), holds(self.deny, address)
        if not self.is_list:
            return not denied
        if self.allow and not self.deny_first:
            return allowed
        return allowed and not denied


def networks(data, bits, count):
    if bits == 32:
        numbers = data.numbers("I", count)
    else:
        halves = data.numbers("Q", 2 * count)
        numbers = [high << 64 | low for high, low in zip(halves[::2], halves[1::2])]
    found = [(bits, number, prefix) for number, prefix in zip(numbers, data.take(count))]
    after = 0
    for _, number, prefix in found:
        require(prefix <= bits and number % 2 ** (bits - prefix) == 0 and number >= after, "bad_field")
        require(bits == 32 or number >> 32 != 0xFFFF, "bad_field")
        after = number + 2 ** (bits - prefix)
    return found


def holds(entries, address):
    bits, number = address
    return any(b == bits and number >> (b - prefix) == net >> (b - prefix) for b, net, prefix in entries)


class Shard:
    """The records of a shard, as dictionaries."""

    def __init__(self, data, number, bits, directory):
        data = Bytes(data, b"ELSH")
        require(data.u16() == 0, "bad_field")
        count = data.u32()
        widths = data.take(6)
        require(data.u16() == 0 and all(width in UP_TO for width in widths), "bad_field")
        require(count <= 2**22, "too_long")
        high = data.numbers("Q", count)
        body = Bytes(data.take(count * (16 + sum(widths))))
        low, ids, refs = [], [], []
        for _ in range(count):
            low.append(body.u64())
            ids.append(body.u64())
            refs.append([int.from_bytes(body.take(width), "little") for width in widths])
        tables = [data.list() for _ in range(4)]
        data.end()
        digests = [h.to_bytes(8, "big") + l.to_bytes(8, "big") for h, l in zip(high, low)]
        ascending(digests)
        require(all(h >> (64 - bits) == number for h in high), "wrong_shard")
        validities, policies, subjects, claims = (
            [entry(form, item) for item in table] for form, table in zip((validity, Policy, subject, claim), tables)
        )
        validities.insert(NONE, (False, False, 0, 0))
        policies.insert(NONE, None)
        claims.insert(NONE, ("", ""))
        columns = (validities, policies, directory.role_sets, directory.scopes, subjects, claims)
        for place, (width, column) in enumerate(zip(widths, columns)):
            greatest = max((row[place] for row in refs), default=0)
            require(not refs or greatest < len(column), "bad_reference")
            least = next(w for w, limit in UP_TO.items() if greatest <= limit)
            require(width == least, "bad_field")
        names = ("validity", "policy", "roles", "scope", "subject", "claims")
        self.records = {}
        for index, (digest, key_id, row) in enumerate(zip(digests, ids, refs)):
            found = {name: column[place] for name, column, place in zip(names, columns, row)}
            self.records[digest] = {"id": key_id, "shard": number, "index": index, **found}


def entry(form, item):
    """Any fault inside an entry of a shard's table is a field out of its range."""
    try:
        return form(item)
    except (Refused, UnicodeDecodeError):
        raise Refused("bad_field") from None


def validity(item):
    data = Bytes(item)
    flags, not_before, expires_at = data.u8(), data.u64(), data.u64()
    data.end()
    require(flags <= 3 and (flags or not_before or expires_at), "bad_field")
    return bool(flags & 1), bool(flags & 2), not_before, expires_at


def subject(item):
    data = Bytes(item)
    pair = data.text8(), data.rest.decode()
    require(all(re.fullmatch("[!-~]{1,64}", part) for part in pair), "bad_field")
    return pair


def claim(item):
    data = Bytes(item)
    name, metadata = data.text8(), data.rest.decode()
    require(len(name.encode()) <= 128 and len(metadata.encode()) <= 4096 and (name or metadata), "bad_field")
    require(not has_control(name + metadata), "bad_field")
    return name, metadata


MAX_HEAD, MAX_TOP, MAX_BUNDLE = 4096, 256 << 10, 3 << 30


def opened(bundle):
    """What follows the header of a bundle, and the lengths of head and top page."""
    require(len(bundle) <= MAX_BUNDLE, "too_large")
    data = Bytes(bundle, b"ELBN")
    require(data.u16() == 0, "bad_field")
    head_len, top_len = data.u32(), data.u32()
    require(head_len <= MAX_HEAD and top_len <= MAX_TOP, "too_large")
    return data, head_len, top_len


def head_of(bundle):
    data, head_len, top_len = opened(bundle)
    return data.take(head_len), data.take(top_len), data.rest


def offered_head(data):
    """The head of an offer: a head alone, or the beginning of a bundle."""
    if data[:4] == b"ELBN":
        rest, head_len, _ = opened(data)
        return rest.take(head_len)
    require(len(data) <= MAX_HEAD, "too_large")
    return data


class Tree:
    """A bundle under a proven head, every object proven, every record read."""

    def __init__(self, bundle, head):
        _, top_bytes, rest = head_of(bundle)
        top = Top(proven(top_bytes, head.tree))
        page_len = 8 + 36 * top.shards_per_page
        announced = page_len * len(top.pages) + top.directory_len + top.ends[-1]
        require(announced <= len(rest), "truncated")
        require(announced == len(rest), "trailing_bytes")
        require(len(top_bytes) + len(rest) == head.tree_bytes and top.records == head.records, "wrong_count")
        rest = Bytes(rest)
        pages = [rest.take(page_len) for _ in top.pages]
        directory = rest.take(top.directory_len)
        self.directory = Directory(proven(directory, top.directory))
        self.bits, self.records, self.objects = top.bits, {}, [("top page", top_bytes)]
        self.objects += [("index page", page) for page in pages] + [("directory", directory)]
        starts = (0,) + top.ends
        for number, (page, digest) in enumerate(zip(pages, top.pages)):
            page = Page(proven(page, digest), top.shards_per_page, starts[number + 1] - starts[number])
            for slot, (start, end) in enumerate(zip((0,) + page.ends, page.ends)):
                shard = proven(rest.take(end - start), page.shards[slot])
                self.objects.append(("shard", shard))
                place = number * top.shards_per_page + slot
                self.records.update(Shard(shard, place, top.bits, self.directory).records)
        require(len(self.records) == head.records, "wrong_count")
