"""Route tables: SPEC section 9."""

import re

from . import request, text
from .wire import require

TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
ENTRY = re.compile(rf"(?:({TOKEN}(?:,{TOKEN})*) )?(/|(?:/(?!\.{{1,2}}(?:/|$))(?:[A-Za-z0-9._~-]+|:[A-Za-z0-9_]+|\*))+)")


class Table:
    """`refused` is raised for a text that is no table."""

    def __init__(self, table):
        require(len(table.encode()) <= 65536, "refused")
        lines = table.removesuffix("\n").split("\n")
        require(len(lines) > 1, "refused")
        case, default, *entries = lines
        require(case in ("case=ignored", "case=exact") and len(entries) <= 1024, "refused")
        self.folds = case == "case=ignored"
        self.default = self.demand_of(default, "default")
        self.entries = {}
        for line in entries:
            match = ENTRY.fullmatch(line.split("\t")[0])
            require(match, "refused")
            segments = self.names(match[2])
            require(len(segments) <= 32, "refused")
            rest = segments[-1:] == ["*"]
            names = segments[:-1] if rest else segments
            pattern = tuple(None if name[0] in ":*" else name for name in names), rest
            for method in match[1].upper().split(",") if match[1] else [None]:
                require((pattern, method) not in self.entries, "refused")
                self.entries[pattern, method] = self.demand_of(line, match[0])

    @staticmethod
    def demand_of(line, key):
        name, *parts = line.split("\t")
        require(name == key, "refused")
        if parts == ["deny"]:
            return "deny"
        pairs = [part.split("=") for part in parts]
        reads = {"service": text.is_permission, "permission": text.is_demand}
        require(all(len(p) == 2 and p[0] in reads and reads[p[0]](p[1]) for p in pairs), "refused")
        require(len(dict(pairs)) == len(pairs), "refused")
        return dict(pairs)

    def names(self, path):
        return [name.lower() if self.folds else name for name in path.split("/") if name]

    def demand(self, method, target):
        """What is demanded; None for a path without a normal form."""
        path = text.normal_path(request.read_target(target)[0])
        if path is None:
            return None
        given, method = self.names(path), method.upper()
        accepted = [method, "GET", None] if method == "HEAD" else [method, None]
        fitting = []
        for (names, rest), named in self.entries:
            fits = len(given) >= len(names) if rest else len(given) == len(names)
            if fits and named in accepted and all(name in (None, has) for name, has in zip(names, given)):
                rank = [2 if name is None else 3 for name in names] + [0 if rest else 1]
                fitting.append((rank, -accepted.index(named), self.entries[(names, rest), named]))
        return max(fitting, key=lambda entry: entry[:2])[2] if fitting else self.default
