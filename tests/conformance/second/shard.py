"""Shards: SPEC section 5.3."""

import re

from .directory import has_control
from .wire import Bytes, Refused, ascending, require

LAST_TIME = 2**53 - 1
MAX_RECORDS = 2**22
# The columns whose widths the header tells, and the widths that each may have.
ANY, TIME = (0, 1, 2, 4), (0, 4, 8)
WIDTHS = {"state": (1, 2, 4), "scope": ANY, "policy": ANY, "not_before": TIME, "expires_at": TIME, "subject": ANY, "claims": ANY}
HOT = 5


class Shard:
    """The records of a shard, as dictionaries by the leftmost 16 bytes of their digests."""

    def __init__(self, data, number, bits):
        data = Bytes(data, b"ELSH")
        zero, count, widths, second_zero = data.u16(), data.u32(), data.take(7), data.u8()
        require(zero == second_zero == 0, "bad_field")
        require(all(width in allowed for width, allowed in zip(widths, WIDTHS.values())), "bad_field")
        require(count <= MAX_RECORDS, "too_long")
        high = data.numbers(8, count)
        hot = [(data.u64(), *map(data.number, widths[:HOT])) for _ in range(count)]
        ids = data.numbers(8, count)
        cold = [data.numbers(width, count) for width in widths[HOT:]]
        subjects = [entry(subject, item) for item in listed(data)]
        claims = [("", "")] + [entry(claim, item) for item in listed(data)]
        data.end()
        digests = [h.to_bytes(8, "big") + row[0].to_bytes(8, "big") for h, row in zip(high, hot)]
        ascending(digests)
        require(all(h >> (64 - bits) == number for h in high), "wrong_shard")
        rows = [(*row[1:], *references) for row, *references in zip(hot, *cold)]
        for width, allowed, column in zip(widths, WIDTHS.values(), zip(*rows) if rows else [[0]] * 7):
            require(width == least(allowed, max(column)), "bad_field")
        self.records = {}
        for index, (digest, key_id, row) in enumerate(zip(digests, ids, rows)):
            record = dict(zip(WIDTHS, row))
            require(max(record["not_before"], record["expires_at"]) <= LAST_TIME, "bad_field")
            require(record["subject"] < len(subjects) and record["claims"] < len(claims), "bad_reference")
            state = record.pop("state")
            record |= {"role_set": state >> 2, "owner_disabled": bool(state & 2), "revoked": bool(state & 1)}
            record |= {"subject": subjects[record["subject"]], "claims": claims[record["claims"]]}
            self.records[digest] = {"id": key_id, "shard": number, "index": index, **record}


def least(widths, value):
    """The least of the widths whose bytes hold the value."""
    return next(width for width in widths if value < 256**width)


def listed(data):
    """The items of a list."""
    count, width = data.u32(), data.u8()
    require(width in (1, 2, 4), "bad_field")
    items = data.items(count, width)
    require(width == least((1, 2, 4), sum(map(len, items))), "bad_field")
    ascending(items)
    return items


def entry(form, item):
    """Any fault inside an item of a list is a field out of its range."""
    try:
        return form(Bytes(item))
    except (Refused, UnicodeDecodeError):
        raise Refused("bad_field") from None


def subject(data):
    pair = data.text8(), data.rest().decode()
    require(all(re.fullmatch("[!-~]{1,64}", part) for part in pair), "bad_field")
    return pair


def claim(data):
    name, metadata = data.text8(), data.rest().decode()
    require(len(name.encode()) <= 128 and len(metadata.encode()) <= 4096 and (name or metadata), "bad_field")
    require(not has_control(name + metadata), "bad_field")
    return name, metadata
