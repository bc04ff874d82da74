"""Signed statements, roots and heads: SPEC section 4."""

import re

from . import ed25519
from .wire import FORMAT, Bytes, Refused, require

ROOT, PUBLISHER = 1, 2
MAX_ROOT = 8192
DAY = 86_400
LAST = 2**53 - 1


class RoleKeys:
    def __init__(self, data):
        self.threshold, count = data.u8(), data.u8()
        require(1 <= self.threshold <= count <= 16, "bad_threshold")
        self.keys = [data.take(32) for _ in range(count)]
        require(all(map(ed25519.is_public_key, self.keys)), "weak_key")
        require(all(a < b for a, b in zip(self.keys, self.keys[1:])), "unsorted")


class Signed:
    def __init__(self, data, magic):
        data = Bytes(data, magic)
        self.statement = data.take(data.u32())
        count = data.u8()
        require(count <= 32, "too_long")
        self.pairs = [(data.take(32), data.take(64)) for _ in range(count)]
        data.end()
        keys = [key for key, _ in self.pairs]
        require(all(a < b for a, b in zip(keys, keys[1:])), "duplicate_signature")

    def prove(self, number, role):
        message = b"edgelatch signature\0" + bytes([number, FORMAT, 0]) + self.statement
        known = [pair for pair in self.pairs if pair[0] in role.keys]
        for key, signature in known:
            require(ed25519.verify(key, signature, message), "bad_signature")
        require(len(known) >= role.threshold, "too_few_signatures")


def preamble(data):
    realm = data.text8()
    require(re.fullmatch(r"[a-z0-9._-]{1,64}", realm, re.ASCII), "bad_realm")
    min_reader = data.u16()
    require(min_reader >= 1, "bad_field")
    require(min_reader <= FORMAT, "reader_too_old")
    return realm


class Root:
    def __init__(self, signed):
        data = Bytes(signed.statement)
        self.realm = preamble(data)
        self.version, self.issued_at, self.expires_at = data.u32(), data.u64(), data.u64()
        self.era, self.min_epoch = data.u32(), data.u64()
        self.root, self.publisher = RoleKeys(data), RoleKeys(data)
        data.end()
        require(self.version >= 1 and self.issued_at < self.expires_at <= LAST, "bad_field")
        require(1 <= self.era <= self.version and 1 <= self.min_epoch <= LAST, "bad_field")
        require(not set(self.root.keys) & set(self.publisher.keys), "key_in_both_roles")

    @staticmethod
    def deployed(data):
        require(len(data) <= MAX_ROOT, "too_large")
        signed = Signed(data, b"ELRT")
        root = Root(signed)
        signed.prove(ROOT, root.root)
        return root

    def follow(self, data):
        require(len(data) <= MAX_ROOT, "too_large")
        signed = Signed(data, b"ELRT")
        signed.prove(ROOT, self.root)
        root = Root(signed)
        signed.prove(ROOT, root.root)
        require(root.realm == self.realm, "wrong_realm")
        require(root.version == self.version + 1, "root_out_of_order")
        goes_on, begins = root.era == self.era and root.min_epoch >= self.min_epoch, root.era == root.version
        require(goes_on or begins, "bad_era")
        return root


class Head:
    def __init__(self, signed):
        self.statement = signed.statement
        data = Bytes(self.statement)
        self.realm = preamble(data)
        self.root_version, self.epoch, self.issued_at, self.not_after = data.u32(), data.u64(), data.u64(), data.u64()
        self.tree, self.tree_bytes, self.records = data.take(32), data.u64(), data.u64()
        data.end()
        require(self.root_version >= 1 and 1 <= self.epoch <= LAST, "bad_field")
        require(1 <= self.not_after - self.issued_at <= 30 * DAY and self.not_after <= LAST, "bad_lifetime")
        require(self.tree_bytes <= 3 << 30, "too_large")

    @staticmethod
    def proven(data, root):
        signed = Signed(data, b"ELHD")
        require(not Head.waits(signed, root), "root_needed")
        signed.prove(PUBLISHER, root.publisher)
        head = Head(signed)
        require(head.realm == root.realm, "wrong_realm")
        return head

    @staticmethod
    def waits(signed, root):
        """Whether a head, proven or not, names a later root of the same realm."""
        try:
            head = Head(signed)
        except Refused:
            return False
        return head.realm == root.realm and head.root_version > root.version
