"""Top page, index pages, and a tree that is put together from its objects: SPEC sections 5 and 6."""

import hashlib

from .directory import CHUNK_ENTRIES, POLICIES, ROLE_SETS, ROLES, SCOPES, Chunk, Directory
from .shard import Shard
from .wire import Bytes, Slot, require

# Kinds of objects. A chunk of table t is of kind CHUNK + t.
TOP, DIRECTORY, PAGE, CHUNK, SHARD = 0, 1, 2, 3, 7


def place(kind, index=0):
    return kind + 8 * index


def order(at):
    """Kind and index of a place: in this order the places stand."""
    return at % 8, at // 8


class Absent(Exception):
    """The directory has nothing under a number that something refers to."""


class Needed(Exception):
    """The object at this place answers, and is not here."""

    def __init__(self, at):
        super().__init__(at)
        self.place = at


class Top:
    def __init__(self, data):
        data = Bytes(data, b"ELTP")
        self.bits, zero, self.records, self.directory = data.u8(), data.u8(), data.u64(), data.slot()
        self.pages = [data.slot() for _ in range(data.u32())]
        data.end()
        wanted = next((bits for bits in range(20) if self.records <= 256 * 2**bits), 20)
        require(zero == 0 and self.bits == wanted and len(self.pages) == max(1, 2**wanted // 256), "bad_field")
        self.shards_per_page = min(256, 2**wanted)
        require(all(slot.length == 8 + 36 * self.shards_per_page for slot in self.pages), "bad_field")


class Page:
    def __init__(self, data, shards):
        data = Bytes(data, b"ELPG")
        require(data.u16() == shards, "bad_field")
        self.shards = [data.slot() for _ in range(shards)]
        data.end()


class Tree:
    """The objects under a head by their places, each proven when it comes. Where an older tree has the same slot at the same
    place, its object is shared; an index page or a shard only if both trees have the same number of shards."""

    def __init__(self, head, top_len, old=None):
        self.head, self.old = head, old
        self.slots, self.objects, self.parts = {}, {}, {}
        self.announce({place(TOP): Slot(head.tree, top_len)})

    def announce(self, slots):
        self.slots |= slots
        for at, slot in slots.items():
            if self.old and at in self.old.objects and self.old.slots[at] == slot and self.shares(order(at)[0]):
                self.put(at, self.old.objects[at])

    def shares(self, kind):
        return kind not in (PAGE, SHARD) or self.parts[place(TOP)].bits == self.old.parts[place(TOP)].bits

    def put(self, at, data):
        slot = self.slots[at]
        require((hashlib.sha256(data).digest(), len(data)) == slot, "wrong_digest")
        self.parts[at], below = self.read(*order(at), data)
        self.objects[at] = data
        self.announce(below)
        self.count()

    def read(self, kind, index, data):
        """What an object says, and the slots of the objects below it by their places."""
        if kind == TOP:
            top = Top(data)
            require(top.records == self.head.records, "wrong_count")
            return top, {place(DIRECTORY): top.directory, **{place(PAGE, n): slot for n, slot in enumerate(top.pages)}}
        if kind == DIRECTORY:
            directory = Directory(data)
            chunks = ((table, *row) for table, rows in enumerate(directory.tables) for row in rows.items())
            return directory, {place(CHUNK + table, number): slot for table, number, slot in chunks}
        top = self.parts[place(TOP)]
        if kind == PAGE:
            page, first = Page(data, top.shards_per_page), index * top.shards_per_page
            return page, {place(SHARD, first + n): slot for n, slot in enumerate(page.shards)}
        return (Shard(data, index, top.bits) if kind == SHARD else Chunk(data, kind - CHUNK, index)), {}

    def count(self):
        """Compares with the head what can be counted so far."""
        missing = self.missing()
        if self.begun():
            require(sum(slot.length for slot in self.slots.values()) == self.head.tree_bytes, "wrong_count")
        if not missing:
            require(len(self.records()) == self.head.records, "wrong_count")

    def begun(self):
        """Whether top page, directory and index pages are here: all that a lazy edge waits for."""
        return bool(self.objects) and all(order(at)[0] > PAGE for at in self.missing())

    def missing(self):
        """The places whose slot is known but whose object is not here, in their order."""
        return sorted(self.slots.keys() - self.objects.keys(), key=order)

    def part(self, at):
        """What the object at a place says. A tree that names none there has nothing to say."""
        if at in self.slots and at not in self.objects:
            raise Needed(at)
        return self.parts[at]

    def parts_of(self, kind):
        """What the objects of a kind say, in their order."""
        return [self.parts[at] for at in sorted(self.parts, key=order) if at % 8 == kind]

    @property
    def directory(self):
        return self.parts[place(DIRECTORY)]

    def find(self, digest):
        """The record under the leftmost 16 bytes of a digest, or None."""
        number = int.from_bytes(digest, "big") >> (128 - self.parts[place(TOP)].bits)
        return self.part(place(SHARD, number)).records.get(digest)

    def records(self):
        return {digest: record for shard in self.parts_of(SHARD) for digest, record in shard.records.items()}

    def entry(self, table, number):
        try:
            return self.part(place(CHUNK + table, number // CHUNK_ENTRIES)).entries[number]
        except KeyError:
            raise Absent from None

    def roles(self, record):
        numbers = self.entry(ROLE_SETS, record["role_set"]) if record["role_set"] else []
        return [self.entry(ROLES, number) for number in numbers]

    def services(self, record):
        """The services of a record's scope, None for all."""
        return self.entry(SCOPES, record["scope"]) if record["scope"] else None

    def policy(self, record):
        return self.entry(POLICIES, record["policy"]) if record["policy"] else None
