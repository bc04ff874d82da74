"""IP policies: SPEC sections 5.4 and 10."""

from .wire import require


class Policy:
    def __init__(self, data):
        flags, zero = data.u8(), data.u8()
        require(flags <= 3 and zero == 0, "bad_field")
        self.is_list, self.deny_first = bool(flags & 1), bool(flags & 2)
        allow4, allow6, deny4, deny6 = data.numbers(2, 4)
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
        numbers = data.numbers(4, count)
    else:
        halves = data.numbers(8, 2 * count)
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
