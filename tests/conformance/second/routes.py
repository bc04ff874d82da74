"""Route tables: SPEC section 9."""

import re

from . import request, text
from .wire import require

TOKEN = r"[!#$%&'*+.^_`|~0-9A-Z-]+"
ENTRY = re.compile(rf"(?:({TOKEN}(?:,{TOKEN})*) )?(/|(?:/(?!\.{{1,2}}(?:/|$))(?:[A-Za-z0-9._~-]+|:[A-Za-z0-9_]+|\*))+)")
ROUTERS = "any", "lenient", "strict"


class Table:
    """`refused` is raised for a text that is no table."""

    def __init__(self, table):
        require(len(table.encode()) <= 65536, "refused")
        lines = table.removesuffix("\n").split("\n")
        require(len(lines) > 1, "refused")
        router, default, *entries = lines
        self.router = router.removeprefix("router=")
        require(router.startswith("router=") and self.router in ROUTERS and len(entries) <= 1024, "refused")
        self.default = self.demand_of(default, "default")
        self.patterns = {}
        spellings = {}
        for line in entries:
            match = ENTRY.fullmatch(line.split("\t")[0])
            require(match, "refused")
            segments = [name for name in match[2].split("/") if name]
            require(len(segments) <= 32, "refused")
            rest = segments[-1:] == ["*"]
            names = tuple(None if name[0] in ":*" else name for name in (segments[:-1] if rest else segments))
            if self.router != "strict":
                for place in range(len(names)):
                    folded = tuple(name and name.lower() for name in names[: place + 1])
                    require(spellings.setdefault(folded, names[place]) == names[place], "refused")
            entries_of_pattern = self.patterns.setdefault((names, rest), {})
            for method in match[1].split(",") if match[1] else [None]:
                require(method not in entries_of_pattern, "refused")
                entries_of_pattern[method] = self.demand_of(line, match[0])

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
        """What is demanded; None for a path without a normal form, and where routers may read it in ways of which different things are demanded."""
        sent = request.read_target(target)[0]
        path = text.normal_path(sent)
        if path is None or re.search("[a-z]", method):
            return None
        names, sent = ([name for name in one.split("?")[0].split("/") if name] for one in (path, sent))
        slash = path.endswith("/") and path != "/"
        fitting = []
        for (pattern, rest), entries in self.patterns.items():
            named = [one for one in (method, "GET" if method == "HEAD" else None, None) if one in entries]
            fits = self.fits(pattern, rest, names, sent, slash)
            if named and fits:
                # Behind a final slash a rest comes before the end, which comes first elsewhere.
                end = (1 if rest else 0) if slash else (0 if rest else 4)
                rank = [2 if name is None else 3 for name in pattern] + [end]
                fitting.append((rank, fits, entries[named[0]]))
        demands = []
        for _, fits, demand in sorted(fitting, key=lambda one: one[0], reverse=True):
            demands.append(demand)
            if fits == "surely":
                break
        else:
            demands.append(self.default)
        return demands[0] if all(demand == demands[0] for demand in demands) else None

    def fits(self, pattern, rest, names, sent, slash):
        """`surely`, `perhaps` or None."""
        fits = "surely"
        for segment, name, written in zip(pattern, names, sent):
            if segment is None:
                continue
            folds = segment.lower() == name.lower() and self.router != "strict"
            if segment != name and not folds:
                return None
            if name != written or (segment != name and self.router == "any"):
                fits = "perhaps"
        more = len(names) - len(pattern)
        if more == -1 and (slash or not names) and pattern[-1] is None and self.router != "lenient":
            return "perhaps"
        if more < 0 or (more > 0 and not rest):
            return None
        if more > 0:
            return fits
        if rest:
            return "perhaps"
        return {"lenient": fits, "any": "perhaps", "strict": None}[self.router] if slash else fits
