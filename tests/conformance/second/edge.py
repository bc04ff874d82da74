"""What an edge accepts, and one verification: SPEC sections 7 and 8."""

import hashlib

from . import text
from .travel import MAX_BUNDLE, head_and_top, offered_head, patched, tree_of
from .tree import Absent, Needed, Tree
from .trust import Head, Root
from .wire import Refused, require

TOLERANCE = 300
MASKED, STALE = 1, 2


class Edge:
    def __init__(self, root, config=""):
        self.root = Root.deployed(root)
        self.head = self.tree = self.era = self.offered = None
        settings = dict(line.split("=", 1) for line in config.splitlines())
        self.grace = int(settings.get("grace", 0))
        self.floors = [tuple(map(int, settings["floor"].split(":")))] if "floor" in settings else []
        if "min_epoch" in settings:
            self.floors.append((self.root.version, int(settings["min_epoch"])))
        peppers = [bytes.fromhex(secret) for secret in settings["pepper"].split(",")] if "pepper" in settings else []
        self.peppers = {0: None} | {text.pepper_id(pepper): pepper for pepper in peppers}
        self.mask_ip = settings.get("mask_ip") == "on"
        bits = {"bearer": 1, "x-api-key": 2}
        self.credentials = sum(bits[name] for name in settings.get("credentials", "bearer,x-api-key").split(","))
        self.query = settings.get("query")

    def advance(self, roots):
        require(len(roots) <= 64, "too_long")
        root = self.root
        for data in roots:
            root = root.follow(data)
        return root

    def accepted(self, root, data, now):
        head = Head.proven(data, root)
        require(now < root.expires_at, "root_expired")
        require(now + TOLERANCE >= head.issued_at, "clock_invalid")
        require(now < head.not_after + self.grace, "head_expired")
        require(head.root_version >= root.era, "earlier_era")
        require(all(root.version >= version for version, _ in self.floors), "root_needed")
        counted = [epoch for version, epoch in self.floors if version >= root.era]
        require(head.epoch >= max([root.min_epoch] + counted), "below_floor")
        if self.head and self.era == root.era:
            require(head.epoch >= self.head.epoch, "rollback")
            require(head.epoch > self.head.epoch or head.statement == self.head.statement, "equivocation")
        return head

    def offer(self, roots, data, now):
        """The answer; of `tree_needed` a pair with the most bytes that the bundle can have."""
        root, data = self.advance(roots), offered_head(data)
        head = self.accepted(root, data, now)
        if not self.head or head.tree != self.head.tree:
            self.offered = data
            return "tree_needed", min(head.tree_bytes + head.tree_bytes // 8 + (1 << 20), MAX_BUNDLE)
        answer = "unchanged" if head.statement == self.head.statement else "renewed"
        self.root, self.era, self.head = root, root.era, head
        return answer

    def vouching(self, root, top, now):
        """The head offered last, if it vouches for this top page."""
        try:
            head = self.accepted(root, self.offered, now) if self.offered else None
        except Refused:
            return None
        return head if head and head.tree == hashlib.sha256(top).digest() else None

    def update(self, roots, bundle, now):
        root = self.advance(roots)
        own, top = head_and_top(bundle)
        head = self.vouching(root, top, now) or self.accepted(root, own, now)
        self.switch(root, tree_of(bundle, head))
        return "accepted"

    def patch(self, head, patch, now):
        """The tree that a patch makes of the one being served; the edge switches to it only if nothing is missing."""
        tree = patched(patch, self.accepted(self.root, head, now), self.tree)
        if not tree.missing():
            self.switch(self.root, tree)
        return tree

    def switch(self, root, tree):
        require(self.query or self.credentials & tree.directory.credentials, "bad_config")
        require(tree.directory.pepper_id in self.peppers, "wrong_pepper")
        self.root, self.era, self.head, self.tree, self.offered = root, root.era, tree.head, tree, None

    def verify(self, key, ip, service, permission, now):
        """(code, flags, record); the record also for refusals once one was found. With `shard_needed` the place that is missing instead."""
        early = self.before_lookup(key, now)
        if early:
            return early, 0, None
        try:
            return self.looked_up(key, ip, service, permission, now)
        except Needed as needed:
            return "shard_needed", 0, needed.place

    def looked_up(self, key, ip, service, permission, now):
        flags = STALE if now >= self.head.not_after else 0
        pepper = self.peppers[self.tree.directory.pepper_id]
        record = self.tree.find(text.digest(key, pepper)[:16])
        if record is None:
            return "unknown", flags, None
        try:
            code = self.judge_record(record, ip, service, permission, now)
        except Absent:
            code = "internal"
        if self.mask_ip and code in ("ip_denied", "ip_unknown"):
            flags |= MASKED
        return code, flags, record

    def before_lookup(self, key, now):
        if not key:
            return "missing"
        issued = text.is_issued_key(key)
        if not issued and not (text.is_imported_key(key) and (self.head is None or self.tree.directory.imports)):
            return "malformed"
        if self.head is None:
            return "snapshot_missing"
        if now + TOLERANCE < self.head.issued_at:
            return "clock_invalid"
        return "snapshot_stale" if now >= self.head.not_after + self.grace else None

    def judge_record(self, record, ip, service, permission, now):
        if record["revoked"]:
            return "revoked"
        if record["owner_disabled"]:
            return "owner_disabled"
        if now < record["not_before"]:
            return "not_yet_valid"
        if record["expires_at"] and now >= record["expires_at"]:
            return "expired"
        policy = self.tree.policy(record)
        if policy:
            address = text.read_address(ip or "")
            if address is None:
                return "ip_unknown"
            if not policy.allows(address):
                return "ip_denied"
        if service is not None and not text.is_permission(service) or permission is not None and not text.is_demand(permission):
            return "bad_requirement"
        if record["scope"] and (service is None or service not in self.tree.services(record)):
            return "scope_denied"
        if permission is not None:
            patterns = [pattern for _, patterns in self.tree.roles(record) for pattern in patterns]
            if not text.is_met(permission, patterns):
                return "permission_denied"
        return "valid"


class LazyEdge(Edge):
    """One that switches with top page, directory and index pages. It drops nothing, as it may."""

    candidate = proven = None

    def offer(self, roots, data, now):
        answer = super().offer(roots, data, now)
        self.candidate, self.proven = None, self.accepted(self.root, data, now)
        return answer

    def give(self, at, data):
        """An object for the candidate. Nobody knows how long its top page is before it is here."""
        tree = self.candidate or Tree(self.proven, len(data), self.tree)
        tree.put(at, data)
        self.candidate = tree
        return "accepted"

    def give_patch(self, patch):
        self.candidate = patched(patch, self.proven, self.tree)
        return "accepted"

    def complete(self):
        return bool(self.candidate) and self.candidate.begun()

    def commit(self):
        require(self.complete(), "unchecked")
        self.switch(self.root, self.candidate)
        return self.head.epoch

    def supply(self, at, data):
        self.tree.put(at, data)
        return "accepted"


def outcome(act):
    """What came of an act: its answer, or the name of the refusal."""
    try:
        return act()
    except Refused as refused:
        return refused.code
