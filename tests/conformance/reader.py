#!/usr/bin/env python3
"""Checks every file of tests/vectors/ with a reader that shares no code with the core: the package `second` beside this
file, written from crates/core/SPEC.md. Prints each disagreement; the last line counts."""

import base64
import hashlib
import json
import pathlib
import sys

from second import ed25519, request, text
from second.directory import ROLES
from second.edge import Edge, LazyEdge, outcome
from second.routes import Table
from second.travel import head_and_top, tree_of
from second.tree import CHUNK, order
from second.trust import Head, Root, Signed

VECTORS = pathlib.Path(__file__).resolve().parents[1] / "vectors"
CODES = (
    "valid missing invalid_request malformed unknown revoked not_yet_valid expired owner_disabled ip_denied ip_unknown"
    " scope_denied permission_denied snapshot_missing snapshot_stale clock_invalid internal bad_requirement shard_needed"
    " shard_unavailable"
).split()
KINDS = ("top page", "directory", "index page", "chunk", "chunk", "chunk", "chunk", "shard")
tally = {True: 0, False: 0}


def load(name):
    return json.loads((VECTORS / name).read_text(encoding="utf-8"))


def check(what, found, expected):
    tally[found == expected] += 1
    if found != expected:
        print(f"{what}\n  found    {found}\n  expected {expected}")


def check_refused(what, found, expected):
    """A refusal by its name, or by any where the row names none."""
    check(what, found != "accepted" if expected is None else found, True if expected is None else expected)


def keys():
    table = load("keys.json")
    for row in table["texts"]:
        data = bytes.fromhex(row["hex"]) if "hex" in row else row["text"].encode()
        issued = text.is_issued_key(data)
        check(f"key text: {row['why']}", (issued, issued or text.is_imported_key(data)), (row["issued"], row["imported"]))
    for row in table["ids"]:
        number = text.read_key_id(row["text"])
        check(f"key id {row['text']!r}", None if number is None else str(number), row["value"])
        if number is not None:
            check(f"key id {row['text']!r} written", text.key_id(number), row["text"])
    for row in table["digests"]:
        key = row["text"].encode()
        pepper = bytes.fromhex(row["pepper"])
        found = text.digest(key).hex(), text.digest(key, pepper).hex(), f"{text.pepper_id(pepper):08x}"
        check(f"digest of {row['text']}", found, (row["digest"], row["peppered"], row["pepper_id"]))


def permissions():
    table = load("permissions.json")
    for row in table["matches"]:
        check(f"{row['pattern']!r} on {row['permission']!r}", text.grants(row["pattern"], row["permission"]), row["granted"])
    for row in table["forms"]:
        found = text.is_pattern(row["text"]), text.is_permission(row["text"])
        check(f"form of {row['text']!r}", found, (row["pattern"], row["permission"]))


def addresses():
    for row in load("addresses.json")["addresses"]:
        address = text.read_address(row["text"])
        check(f"address {row['text']!r}", address and text.write_address(address), row["canonical"])


def paths():
    for row in load("paths.json")["paths"]:
        check(f"path {row['path']!r}", text.normal_path(row["path"]), row["normal"])


def requests():
    table = load("requests.json")
    for row in table["targets"]:
        check(f"target {row['target']!r}", request.read_target(row["target"]), (row["path"], row["query"], row["authority"]))
    for row in table["hosts"]:
        check(f"host {row['host']!r}", request.is_host(row["host"]), row["good"])
    for row in table["lines"]:
        check(f"hosts of {row['lines']}", request.names_one_host(row["lines"]), row["good"])


def routes():
    table = load("routes.json")
    for row in table["tables"]:
        chosen = Table(row["table"])
        for asked in row["requests"]:
            wanted = asked["demand"]
            if wanted not in (None, "deny"):
                wanted = dict(part.split("=") for part in wanted.split("\t") if part)
            check(f"{asked} by {row['table']!r}", chosen.demand(asked["method"], asked["target"]), wanted)
    for refused in table["refused"]:
        check(f"table {refused[:200]!r}", outcome(lambda: Table(refused) and "accepted"), "refused")


def clients():
    for row in load("clients.json")["clients"]:
        address = request.client(row["rule"], row["peer"], row["proxy_line"], row["lines"])
        check(f"client address {row}", address and text.write_address(address), row["client"])


def signatures():
    for row in load("ed25519.json")["cases"]:
        found = ed25519.verify(*(bytes.fromhex(row[name]) for name in ("key", "signature", "message")))
        check(f"signature: {row['name']}", found, row["accepted"])


def show_role(role):
    return {"threshold": role.threshold, "keys": [key.hex() for key in role.keys]}


def roots(table):
    last = None
    for row in table:
        data = base64.b64decode(row["bytes"])
        last = last.follow(data) if last else Root.deployed(data)
        found = {name: getattr(last, name) for name in ("realm", "version", "issued_at", "expires_at", "era", "min_epoch")}
        found |= {"root": show_role(last.root), "publisher": show_role(last.publisher)}
        check(f"root {row['name']}", found, {name: row[name] for name in found})


def show_network(network):
    bits, number, prefix = network
    return f"{text.write_address((bits, number))}/{prefix}"


def show_policy(policy):
    return policy and {
        "allow_mode": "list" if policy.is_list else "any",
        "order": "deny_first" if policy.deny_first else "allow_first",
        "allow": [show_network(network) for network in policy.allow],
        "deny": [show_network(network) for network in policy.deny],
    }


def show_record(digest, record, tree):
    """A record as the files tell it: without what has its default."""
    shown = {
        "digest16": digest.hex(),
        "id": text.key_id(record["id"]),
        "org": record["subject"][0],
        "owner": record["subject"][1],
        "owner_disabled": record["owner_disabled"],
        "name": record["claims"][0],
        "metadata": record["claims"][1],
        "revoked": record["revoked"],
        "not_before": record["not_before"] or None,
        "expires_at": record["expires_at"] or None,
        "roles": sorted(name for name, _ in tree.roles(record)),
        "services": tree.services(record),
        "ip_policy": show_policy(tree.policy(record)),
    }
    defaults = {"org": "acme", "owner": "alice", "owner_disabled": False, "revoked": False, "name": "", "metadata": "", "roles": []}
    return {name: value for name, value in shown.items() if value != defaults.get(name)}


def realm(row):
    bundle = base64.b64decode(row["bundle"])
    head = Head(Signed(head_and_top(bundle)[0], b"ELHD"))
    names = ("realm", "root_version", "epoch", "issued_at", "not_after", "tree_bytes", "records")
    check(f"head of {row['name']}", {name: getattr(head, name) for name in names} | {"tree": head.tree.hex()}, row["head"])
    tree = tree_of(bundle, head)
    objects = [(KINDS[order(at)[0]], data) for at, data in tree.objects.items()]
    objects = [{"kind": kind, "bytes": len(data), "digest": hashlib.sha256(data).hexdigest()} for kind, data in objects]
    check(f"objects of {row['name']}", objects, row["objects"])
    directory = tree.directory
    found = {"credentials": directory.credentials, "imports": directory.imports}
    found["pepper"] = f"{directory.pepper_id:08x}" if directory.pepper_id else None
    roles = sorted(role for chunk in tree.parts_of(CHUNK + ROLES) for role in chunk.entries.values())
    found["roles"] = [{"name": name, "patterns": patterns} for name, patterns in roles]
    check(f"directory of {row['name']}", found, row["directory"])
    records = [show_record(digest, record, tree) for digest, record in tree.records().items()]
    told = [{name: value for name, value in record.items() if name not in ("text", "label")} for record in row["records"]]
    check(f"number of records of {row['name']}", len(records), len(told))
    for found, expected in zip(records, told):
        check(f"record of {row['name']}", found, expected)


def verifications(realms):
    table = load("verifications.json")
    edges = {}
    for row in table["rows"]:
        name = row["realm"]
        told = next((r for r in realms["realms"] if r["name"] == name), {"roots": ["v1"], "config": "", "records": []})
        config = row.get("config", told["config"])
        if (name, config) not in edges:
            by_name = {root["name"]: base64.b64decode(root["bytes"]) for root in realms["roots"]}
            first, *later = (by_name[root] for root in told["roots"])
            edges[name, config] = Edge(first, config)
            if "bundle" in told:
                edges[name, config].update(later, base64.b64decode(told["bundle"]), told["head"]["issued_at"])
        key = row["text"] if "text" in row else next(r["text"] for r in told["records"] if r.get("label") == row["key"])
        asked = row.get("ip"), row.get("service"), row.get("permission"), row.get("now", table["now"])
        code, flags, record = edges[name, config].verify(key.encode(), *asked)
        place = 1 + record["index"] + (record["shard"] << 22) if record else 0
        packed = CODES.index(code) + 64 * flags + 1024 * place
        check(f"verification {row}", (code, flags, packed), (row["code"], row.get("flags", 0), row["packed"]))
        if record:
            expected = next(r["id"] for r in told["records"] if r.get("label") == row["key"])
            check(f"identity of {row}", text.key_id(record["id"]), expected)


def edited(base, edits):
    out, start = b"", 0
    for at, removed, inserted in edits:
        out += base[start:at] + base64.b64decode(inserted)
        start = at + removed
    return out + base[start:]


def deploy(root, config=""):
    Edge(root, config)
    return "accepted"


def updates():
    table = load("updates.json")
    root, bundle, served = (base64.b64decode(table[name]) for name in ("root", "bundle", "served"))
    for row in table["deployed"]:
        check(f"root: {row['name']}", outcome(lambda: deploy(edited(root, row["edits"]))), row["code"])
    hot = Edge(root)
    check("the served bundle", hot.update([], served, table["now"]), "accepted")
    for row in table["refused"]:
        bad, now = edited(bundle, row["edits"]), row.get("now", table["now"])
        for edge in (Edge(root), hot):
            check_refused(f"bundle: {row['name']}", outcome(lambda: edge.update([], bad, now)), row["code"])
    check("epoch after all refusals", hot.head.epoch, 4)
    objects = {name: base64.b64decode(data) for name, data in table["objects"].items()}
    for scenario in table["scenarios"]:
        edge = Edge(objects[scenario["root"]], scenario["config"])
        for step in scenario["steps"]:
            act, data = (edge.offer, step["offer"]) if "offer" in step else (edge.update, step["bundle"])
            handed = [objects[name] for name in step.get("roots", [])], objects[data], step.get("now", table["now"])
            found = outcome(lambda: act(*handed)), edge.head and edge.head.epoch, edge.root.version
            answer = (step["expect"], step["bundle_bytes"]) if "bundle_bytes" in step else step["expect"]
            check(f"{scenario['name']}: {step}", found, (answer, step["epoch"], step["root_version"]))


def digests(objects):
    return {at: hashlib.sha256(data).hexdigest() for at, data in objects.items()}


def patches():
    for row in load("patches.json")["cases"]:
        name, now = row["name"], row["now"]
        root, old, patch, head = (base64.b64decode(row[part]) for part in ("root", "old", "patch", "head"))
        edge, whole = Edge(root), Edge(root)
        check(f"the bundle before {name}", edge.update([], old, now), "accepted")
        before = edge.tree
        found = outcome(lambda: edge.patch(head, patch, now))
        if "refused" in row or isinstance(found, str):
            check(f"patch: {name}", (found, edge.tree is before), (row.get("refused", "accepted"), True))
            continue
        missing = row.get("missing", [])
        check(f"patch: {name}", (found.missing(), edge.tree is before), (missing, bool(missing)))
        whole.update([], base64.b64decode(row["new"]), now)
        wanted = {at: data for at, data in whole.tree.objects.items() if at in found.objects or not missing}
        check(f"objects after {name}", digests(found.objects), digests(wanted))


def lazy():
    table = load("lazy.json")
    objects = {name: base64.b64decode(data) for name, data in table["objects"].items()}
    edge, now = LazyEdge(base64.b64decode(table["root"]), table["config"]), table["now"]
    acts = {
        "offer": lambda step: edge.offer([], objects[step["offer"]], now)[0],
        "complete": lambda step: edge.complete(),
        "give": lambda step: edge.give(step["give"], objects[step["object"]]),
        "patch": lambda step: edge.give_patch(objects[step["patch"]]),
        "commit": lambda step: edge.commit(),
        "supply": lambda step: edge.supply(step["supply"], objects[step["object"]]),
        "ask": lambda step: edge.verify(step["ask"].encode(), None, None, step["permission"], now),
    }
    expected = {"offer": "tree_needed", "patch": "accepted"}
    for number, step in enumerate(table["steps"]):
        verb = next(verb for verb in acts if verb in step)
        found = outcome(lambda: acts[verb](step))
        if verb == "ask":
            code, flags, at = found
            packed = CODES.index(code) + 64 * flags + 1024 * (at + 1) if code == "shard_needed" else None
            at = at if code == "shard_needed" else None
            check(f"lazy edge, step {number}", (code, at, packed), (step["code"], step.get("needs"), step.get("packed")))
        else:
            wanted = step.get("expect", expected.get(verb, step[verb]))
            check(f"lazy edge, step {number}: {verb}", found, wanted)


def flips():
    table = load("flips.json")
    edge, bundle = Edge(base64.b64decode(table["root"])), bytearray(base64.b64decode(table["bundle"]))
    for part in table["ranges"]:
        for bit in range(part["from_bit"], part["to_bit"]):
            bundle[bit // 8] ^= 1 << bit % 8
            found = outcome(lambda: edge.update([], bytes(bundle), table["now"]))
            check_refused(f"bit {bit}, {part['name']}", found, part["code"])
            bundle[bit // 8] ^= 1 << bit % 8
    check("the bundle unharmed", edge.update([], bytes(bundle), table["now"]), "accepted")


def main():
    keys()
    permissions()
    addresses()
    paths()
    requests()
    routes()
    clients()
    signatures()
    realms = load("realms.json")
    roots(realms["roots"])
    for row in realms["realms"]:
        realm(row)
    verifications(realms)
    updates()
    patches()
    lazy()
    flips()
    print(f"{tally[True]} passed, {tally[False]} failed")
    return 1 if tally[False] else 0


if __name__ == "__main__":
    sys.exit(main())
