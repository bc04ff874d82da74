"""What an edge accepts, and one verification: SPEC sections 7 and 8."""

from . import text
from .tree import Tree, head_of
from .trust import Head, Root
from .wire import Refused, require

TOLERANCE = 300
MASKED, STALE = 1, 2


class Edge:
    def __init__(self, root, config=""):
        self.root = Root.deployed(root)
        self.deployed = self.publisher_since = self.root.version
        self.head = self.tree = self.served_since = None
        settings = dict(line.split("=", 1) for line in config.splitlines())
        self.grace, self.min_epoch = int(settings.get("grace", 0)), int(settings.get("min_epoch", 0))
        self.floor = tuple(map(int, settings.get("floor", "0:0").split(":")))
        pepper_id, _, secret = settings.get("pepper", "0:").partition(":")
        self.pepper_id, self.pepper = int(pepper_id), bytes.fromhex(secret)
        self.mask_ip = settings.get("mask_ip") == "on"
        bits = {"bearer": 1, "x-api-key": 2}
        self.sources = sum(bits[name] for name in settings.get("sources", "bearer,x-api-key").split(","))
        self.query = settings.get("query")

    def advance(self, roots):
        require(len(roots) <= 64, "too_long")
        root, since = self.root, self.publisher_since
        for data in roots:
            following = root.follow(data)
            since = since if following.publisher == root.publisher else following.version
            root = following
        return root, since

    def judge(self, root, since, head, now):
        require(now < root.expires_at, "root_expired")
        require(now + TOLERANCE >= head.issued_at, "clock_invalid")
        require(now < head.not_after + self.grace, "head_expired")
        configured = self.min_epoch if since == self.deployed else 0
        durable = self.floor[1] if self.floor[0] >= since else 0
        require(head.epoch >= max(configured, durable), "below_floor")
        if self.head and self.served_since == since:
            require(head.epoch >= self.head.epoch, "rollback")
            require(head.epoch > self.head.epoch or head.statement == self.head.statement, "equivocation")

    def offer(self, roots, data, now):
        root, since = self.advance(roots)
        head = Head.proven(data, root)
        self.judge(root, since, head, now)
        if not self.head or head.tree != self.head.tree:
            return "tree_needed"
        answer = "unchanged" if head.statement == self.head.statement else "renewed"
        self.root, self.publisher_since, self.head, self.served_since = root, since, head, since
        return answer

    def update(self, roots, bundle, now):
        root, since = self.advance(roots)
        head = Head.proven(head_of(bundle)[0], root)
        self.judge(root, since, head, now)
        tree = Tree(bundle, head)
        require(self.query or self.sources & tree.directory.sources, "bad_config")
        require(tree.directory.pepper_id in (0, self.pepper_id), "wrong_pepper")
        self.root, self.publisher_since, self.head, self.served_since, self.tree = root, since, head, since, tree
        return "accepted"

    def verify(self, key, ip, service, permission, now):
        """(code, flags, record); the record also for refusals once one was found."""
        early = self.before_lookup(key, now)
        if early:
            return early, 0, None
        flags = STALE if now >= self.head.not_after else 0
        pepper = self.pepper if self.tree.directory.pepper_id else None
        record = self.tree.records.get(text.digest(key, pepper)[:16])
        if record is None:
            return "unknown", flags, None
        code = self.judge_record(record, ip, service, permission, now)
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
        revoked, owner_disabled, not_before, expires_at = record["validity"]
        if revoked:
            return "revoked"
        if owner_disabled:
            return "owner_disabled"
        if now < not_before:
            return "not_yet_valid"
        if expires_at and now >= expires_at:
            return "expired"
        if record["policy"]:
            address = text.read_address(ip or "")
            if address is None:
                return "ip_unknown"
            if not record["policy"].allows(address):
                return "ip_denied"
        if not all(wanted is None or text.is_permission(wanted) for wanted in (service, permission)):
            return "bad_requirement"
        directory = self.tree.directory
        scope = record["scope"]
        if service is not None and scope is not None and service not in [directory.services[s] for s in scope]:
            return "scope_denied"
        patterns = [pattern for role in record["roles"] for pattern in directory.roles[role][1]]
        if permission is not None and not any(text.grants(pattern, permission) for pattern in patterns):
            return "permission_denied"
        return "valid"


def outcome(act):
    """What came of an act: its answer, or the name of the refusal."""
    try:
        return act()
    except Refused as refused:
        return refused.code
