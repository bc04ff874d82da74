"""The directory, its chunks, and what they hold: SPEC section 5.2."""

import unicodedata

from . import text
from .policy import Policy
from .wire import Bytes, Refused, ascending, require

ROLES, ROLE_SETS, SCOPES, POLICIES = range(4)
CHUNK_ENTRIES, CHUNK_BYTES = 64, 4 << 20
TABLE_CHUNKS, CHUNK_NUMBERS = 2**16, 2**24
ROLE_PATTERNS, SET_ROLES, SCOPE_SERVICES = 256, 32, 128


class Directory:
    def __init__(self, data):
        data = Bytes(data, b"ELDR")
        self.credentials, flags, self.pepper_id = data.u8(), data.u8(), data.u32()
        require(1 <= self.credentials <= 3 and flags <= 1, "bad_field")
        self.imports = flags == 1
        self.tables = [chunk_slots(data) for _ in range(4)]
        data.end()


def chunk_slots(data):
    """The slots of a table's chunks by the chunks' numbers."""
    count = data.u32()
    require(count <= TABLE_CHUNKS, "too_long")
    rows = [(data.u32(), data.slot(CHUNK_BYTES)) for _ in range(count)]
    ascending([number for number, _ in rows])
    require(all(number < CHUNK_NUMBERS for number, _ in rows), "bad_field")
    return dict(rows)


class Chunk:
    """The entries of a chunk by their numbers."""

    def __init__(self, data, table, number):
        data = Bytes(data, b"ELCH")
        own_table, count, own_number = data.u8(), data.u8(), data.u32()
        require((own_table, own_number) == (table, number) and 1 <= count <= CHUNK_ENTRIES, "bad_field")
        items = data.items(count, 4)
        data.end()
        require(items[-1], "bad_table")
        # Number 0 means that there is nothing, so nothing stands under it.
        require(number or not items[0], "bad_field")
        self.entries = {CHUNK_ENTRIES * number + n: FORMS[table](Bytes(item)) for n, item in enumerate(items) if item}


def has_control(value):
    return any(unicodedata.category(character) == "Cc" for character in value)


def role(data):
    name = data.text8()
    require(1 <= len(name.encode()) <= 128 and not has_control(name), "bad_field")
    return name, words(data, data.u16(), ROLE_PATTERNS, text.is_pattern)


def scope(data):
    return words(data, data.u8(), SCOPE_SERVICES, text.is_permission)


def words(data, count, most, rule):
    require(count <= most, "too_long")
    found = [data.take(data.u8()) for _ in range(count)]
    data.end()
    require(all(word.isascii() and rule(word.decode()) for word in found), "bad_field")
    ascending(found)
    return [word.decode() for word in found]


def role_set(data):
    require(data.left() % 4 == 0, "bad_reference")
    require(data.left() // 4 <= SET_ROLES, "too_long")
    roles = data.numbers(4, data.left() // 4)
    require(0 not in roles, "bad_reference")
    ascending(roles)
    return roles


def policy(data):
    """Any fault inside a policy is a field out of its range."""
    try:
        return Policy(data)
    except Refused:
        raise Refused("bad_field") from None


FORMS = (role, role_set, scope, policy)
