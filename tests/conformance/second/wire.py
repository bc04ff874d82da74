"""The binary conventions: SPEC section 1, and the varints of section 6.2."""

from collections import namedtuple

FORMAT = 2
MAX_OBJECT = 2**28

Slot = namedtuple("Slot", "digest length")


class Refused(Exception):
    """The bytes are refused; the argument is the name of SPEC section 7.1."""

    @property
    def code(self):
        return self.args[0]


def require(condition, code):
    if not condition:
        raise Refused(code)


class Bytes:
    """Some bytes, read from the left."""

    def __init__(self, data, magic=None):
        self.data, self.at = bytes(data), 0
        if magic:
            require(self.take(4) == magic, "bad_magic")
            require(self.u16() == FORMAT, "unsupported_format")

    def left(self):
        return len(self.data) - self.at

    def take(self, count):
        require(count <= self.left(), "truncated")
        self.at += count
        return self.data[self.at - count : self.at]

    def rest(self):
        return self.take(self.left())

    def end(self):
        require(not self.left(), "trailing_bytes")

    def numbers(self, width, count):
        data = self.take(width * count)
        return [int.from_bytes(data[n * width : (n + 1) * width], "little") for n in range(count)]

    def number(self, width):
        return int.from_bytes(self.take(width), "little")

    def u8(self):
        return self.number(1)

    def u16(self):
        return self.number(2)

    def u32(self):
        return self.number(4)

    def u64(self):
        return self.number(8)

    def varint(self):
        """LEB128: seven bits a byte, the lowest first; the top bit of each byte but the last is set."""
        value = 0
        for shift in range(0, 35, 7):
            byte = self.u8()
            value |= (byte & 127) << shift
            if byte < 128:
                require((byte or not shift) and value < 2**32, "bad_field")
                return value
        raise Refused("bad_field")

    def text8(self):
        try:
            return self.take(self.u8()).decode()
        except UnicodeDecodeError:
            raise Refused("not_text") from None

    def slot(self, most=MAX_OBJECT):
        slot = Slot(self.take(32), self.u32())
        require(slot.length <= most, "too_large")
        require(slot.length >= 1, "bad_field")
        return slot

    def items(self, count, width):
        """The ends of some items, then the items."""
        ends = self.numbers(width, count)
        require(ends == sorted(ends), "bad_table")
        data = self.take(ends[-1] if ends else 0)
        return [data[start:end] for start, end in zip([0] + ends, ends)]


def ascending(items):
    require(all(a < b for a, b in zip(items, items[1:])), "unsorted")
