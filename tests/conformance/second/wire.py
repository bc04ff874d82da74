"""The binary conventions: SPEC section 1."""

import struct


class Refused(Exception):
    """The bytes are refused; the argument is the name of SPEC section 7.1."""

    @property
    def code(self):
        return self.args[0]


def require(condition, code):
    if not condition:
        raise Refused(code)


class Bytes:
    """What is left of some bytes."""

    def __init__(self, data, magic=None):
        self.rest = bytes(data)
        if magic:
            require(self.take(4) == magic, "bad_magic")
            require(self.u16() == 1, "unsupported_format")

    def take(self, count):
        require(count <= len(self.rest), "truncated")
        taken, self.rest = self.rest[:count], self.rest[count:]
        return taken

    def number(self, form):
        return struct.unpack("<" + form, self.take(struct.calcsize("<" + form)))[0]

    def u8(self):
        return self.number("B")

    def u16(self):
        return self.number("H")

    def u32(self):
        return self.number("I")

    def u64(self):
        return self.number("Q")

    def numbers(self, form, count):
        return struct.unpack(f"<{count}{form}", self.take(count * struct.calcsize("<" + form)))

    def text8(self):
        data = self.take(self.u8())
        try:
            return data.decode()
        except UnicodeDecodeError:
            raise Refused("not_text") from None

    def list(self, limit=2**32):
        count = self.u32()
        require(count <= limit, "too_long")
        ends = self.numbers("I", count)
        data = self.take(ends[-1] if ends else 0)
        items = []
        for start, end in zip((0,) + ends, ends):
            require(start <= end <= len(data), "bad_table")
            items.append(data[start:end])
        ascending(items)
        return items

    def end(self):
        require(not self.rest, "trailing_bytes")


def ascending(items):
    require(all(a < b for a, b in zip(items, items[1:])), "unsorted")


def references(data, below, limit):
    require(len(data) // 4 <= limit, "too_long")
    require(len(data) % 4 == 0, "bad_reference")
    values = struct.unpack(f"<{len(data) // 4}I", data)
    require(all(value < below for value in values), "bad_reference")
    ascending(values)
    return values
