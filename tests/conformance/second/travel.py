"""Bundles and patches, the ways in which objects come: SPEC section 6."""

from .tree import Tree, order
from .wire import Bytes, require

MAX_HEAD, MAX_TOP, MAX_BUNDLE, MAX_PATCH = 4096, 256 << 10, 3 << 30, 64 << 20
MAX_OPS = 2**16


def opened(bundle):
    """What follows the header of a bundle, and the lengths of head and top page."""
    require(len(bundle) <= MAX_BUNDLE, "too_large")
    data = Bytes(bundle, b"ELBN")
    require(data.u16() == 0, "bad_field")
    head_len, top_len = data.u32(), data.u32()
    require(head_len <= MAX_HEAD and top_len <= MAX_TOP, "too_large")
    return data, head_len, top_len


def head_and_top(bundle):
    data, head_len, top_len = opened(bundle)
    return data.take(head_len), data.take(top_len)


def offered_head(data):
    """The head of an offer: a head alone, or the beginning of a bundle."""
    if data[:4] == b"ELBN":
        rest, head_len, _ = opened(data)
        return rest.take(head_len)
    require(len(data) <= MAX_HEAD, "too_large")
    return data


def tree_of(bundle, head):
    """The tree in a bundle under a proven head, every object proven."""
    data, head_len, top_len = opened(bundle)
    data.take(head_len)
    tree = Tree(head, top_len)
    while missing := tree.missing():
        tree.put(missing[0], data.take(tree.slots[missing[0]].length))
    data.end()
    return tree


def patched(patch, head, old):
    """The tree of a proven head as far as a patch and the tree before lead."""
    require(len(patch) <= MAX_PATCH, "too_large")
    data = Bytes(patch, b"ELPT")
    require(data.u16() == 0, "bad_field")
    ends, top_len = (data.take(32), data.take(32)), data.u32()
    require(top_len <= MAX_TOP, "too_large")
    require(ends == (old.head.tree, head.tree), "bad_reference")
    tree, before = Tree(head, top_len, old), (-1, 0)
    while data.left():
        at, delta = data.varint(), data.take(data.varint())
        require(before < order(at) and at in tree.slots, "bad_reference")
        before = order(at)
        # What a lazy edge has not at hand, it fetches when it needs it.
        if at in old.objects or at not in old.slots:
            tree.put(at, made(old.objects.get(at, b""), delta, tree.slots[at].length))
    return tree


def made(old, delta, length):
    """What a delta makes of an old object: exactly so many bytes."""
    delta, new, at, ops = Bytes(delta), bytearray(), 0, 0
    while delta.left():
        ops += 1
        require(ops <= MAX_OPS, "too_long")
        size, is_insert = divmod(delta.varint(), 2)
        require(size >= 1, "bad_field")
        require(len(new) + size <= length, "wrong_count")
        if is_insert:
            new += delta.take(size)
        else:
            at += zigzag(delta.varint())
            require(0 <= at <= len(old) - size, "bad_reference")
            new += old[at : at + size]
            at += size
    require(len(new) == length, "wrong_count")
    return bytes(new)


def zigzag(number):
    """0, 1, 2, 3 stand for 0, -1, 1, -2."""
    return -(number + 1) // 2 if number & 1 else number // 2
