"""Route tables: SPEC section 9."""

import re

from . import request, text
from .wire import require

TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
ENTRY = re.compile(rf"(?:({TOKEN}(?:,{TOKEN})*) )?(/|(?:/(?!\.{{1,2}}(?:/|$))(?:[A-Za-z0-9._~-]+|:[A-Za-z0-9_]+|\*))+)")


# Whether letter case is ignored, and what is read behind a final slash.
HABITS = {
    "router=lenient": ([True], ["nothing"]),
    "router=strict": ([False], ["name", "rest"]),
    "router=any": ([True, False], ["nothing", "name", "rest"]),
}


class Table:
    """`refused` is raised for a text that is no table."""

    def __init__(self, table):
        require(len(table.encode()) <= 65536, "refused")
        lines = table.removesuffix("\n").split("\n")
        require(len(lines) > 1, "refused")
        router, default, *entries = lines
        require(router in HABITS and len(entries) <= 1024, "refused")
        self.folds, self.tails = HABITS[router]
        self.default = self.demand_of(default, "default")
        self.entries = []
        for line in entries:
            match = ENTRY.fullmatch(line.split("\t")[0])
            require(match, "refused")
            segments = [name for name in match[2].split("/") if name]
            require(len(segments) <= 32, "refused")
            rest = segments[-1:] == ["*"]
            names = tuple(None if name[0] in ":*" else name for name in (segments[:-1] if rest else segments))
            for method in match[1].upper().split(",") if match[1] else [None]:
                same = [fold(names, folds) == fold(other, folds) for other, also, named, _ in self.entries if (also, named) == (rest, method) for folds in self.folds]
                require(not any(same), "refused")
                self.entries.append((names, rest, method, self.demand_of(line, match[0])))

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

    def demand(self, method, target):
        """What is demanded; None for a path without a normal form, or that is read in ways which demand different things."""
        sent = re.split("[?#]", request.read_target(target)[0])[0]
        path = text.normal_path(sent)
        if path is None:
            return None
        ends = self.tails if len(path) > 1 and path.endswith("/") else ["nothing"]
        found = [self.find(method.upper(), spelling, folds, end) for spelling in (path, sent) for folds in self.folds for end in ends]
        return found[0] if all(demand == found[0] for demand in found) else None

    def find(self, method, path, folds, end):
        given = [name for name in path.split("/") if name] + ([] if end == "nothing" else [""])
        accepted = [method, "GET", None] if method == "HEAD" else [method, None]
        fitting = []
        for names, rest, named, demand in self.entries:
            fits = len(given) >= len(names) if rest else len(given) == len(names)
            equal = lambda name, has: (has != "" or end == "name") if name is None else fold([name], folds) == fold([has], folds)
            if fits and named in accepted and all(equal(name, has) for name, has in zip(names, given)):
                rank = [2 if name is None else 3 for name in names] + [0 if rest else 1]
                fitting.append((rank, -accepted.index(named), demand))
        return max(fitting, key=lambda entry: entry[:2])[2] if fitting else self.default


def fold(names, folds):
    return [name.lower() if folds and name is not None else name for name in names]
