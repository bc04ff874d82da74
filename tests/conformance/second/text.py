"""Key text, permissions, paths and addresses: SPEC sections 2, 3, 9 and 10."""

import hashlib
import hmac
import re
import unicodedata
import zlib
from urllib.parse import quote, unquote, unquote_to_bytes

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
KEY = re.compile(rb"([a-z][a-z0-9_]{0,17}_[0-9A-Za-z]{30})([0-9A-Za-z]{6})")
TOKEN68 = re.compile(rb"[A-Za-z0-9\-._~+/]+=*")
SEGMENT = re.compile(r"[A-Za-z0-9_-]+")


def base62(number, digits):
    out = ""
    for _ in range(digits):
        number, digit = divmod(number, 62)
        out = BASE62[digit] + out
    return out


def is_issued_key(text):
    match = KEY.fullmatch(text)
    return bool(match) and base62(zlib.crc32(match[1]), 6).encode() == match[2]


def is_imported_key(text):
    return 16 <= len(text) <= 255 and bool(TOKEN68.fullmatch(text))


def key_id(number):
    return "key_" + base62(number, 11)


def read_key_id(text):
    """The number, or None."""
    if not re.fullmatch(r"key_[0-9A-Za-z]{11}", text, re.ASCII):
        return None
    number = 0
    for character in text[4:]:
        number = number * 62 + BASE62.index(character)
    return number if number < 2**64 else None


def digest(text, pepper=None):
    plain = hashlib.sha256(text).digest()
    return hmac.new(pepper, plain[:16], hashlib.sha256).digest() if pepper else plain


def pepper_id(pepper):
    """The number by which a directory names it."""
    return int.from_bytes(hmac.new(pepper, b"edgelatch pepper id", hashlib.sha256).digest()[:4], "big") or 1


def is_pattern(text, stars=True):
    segments = text.split(".")
    return (
        len(text.encode()) <= 128
        and len(segments) <= 16
        and all(SEGMENT.fullmatch(segment) or (stars and segment == "*") for segment in segments)
    )


def is_permission(text):
    return is_pattern(text, stars=False)


def is_demand(text):
    words = re.split("[|&]", text)
    return len(words) <= 8 and not ("|" in text and "&" in text) and all(map(is_permission, words))


def is_met(demand, patterns):
    granted = [any(grants(pattern, permission) for pattern in patterns) for permission in re.split("[|&]", demand)]
    return all(granted) if "&" in demand else any(granted)


def grants(pattern, permission):
    if not is_pattern(pattern) or not is_permission(permission):
        return False

    def match(pieces, segments):
        if not pieces:
            return not segments
        if pieces[0] == "*":
            # For the star's first segment, and each further one.
            return any(match(pieces[1:], segments[n:]) for n in range(1, len(segments) - len(pieces) + 2))
        return bool(segments) and pieces[0] == segments[0] and match(pieces[1:], segments[1:])

    return match(pattern.split("."), permission.split("."))


def normal_path(target):
    """The path of a request target in normal form, or None."""
    path = target.split("?")[0]
    if re.search(r"[^!-~]|%(?![0-9A-Fa-f]{2})|\\|;|#|%(2f|5c|3b|3f|23)", path, re.IGNORECASE):
        return None
    try:
        decoded = unquote_to_bytes(path).decode()
    except UnicodeDecodeError:
        return None
    # U+017F and U+212A are s and k to whoever ignores letter case beyond ASCII.
    if unquote(decoded) != decoded or any(unicodedata.category(character) == "Cc" or character in "\u017f\u212a" for character in decoded):
        return None
    first, *names = decoded.split("/")
    if first or not names or any(name in (".", "..") for name in names) or "" in names[:-1]:
        return None
    return quote(decoded, safe="/-._~!$&'()*+,=:@")


def read_ipv4(text):
    parts = text.split(".")
    number = r"0|[1-9][0-9]{0,2}"
    if len(parts) != 4 or not all(re.fullmatch(number, part, re.ASCII) and int(part) < 256 for part in parts):
        return None
    return int.from_bytes(bytes(map(int, parts)), "big")


def read_groups(text):
    """The 16-bit groups of one side of `::`, or None."""
    groups = []
    pieces = text.split(":") if text else []
    for place, piece in enumerate(pieces):
        if "." in piece and place == len(pieces) - 1:
            v4 = read_ipv4(piece)
            if v4 is None:
                return None
            groups += [v4 >> 16, v4 & 0xFFFF]
        elif re.fullmatch(r"[0-9A-Fa-f]{1,4}", piece, re.ASCII):
            groups.append(int(piece, 16))
        else:
            return None
    return groups


def read_ipv6(text):
    sides = text.split("::")
    # Dotted decimal stands at the end of the whole only.
    if len(sides) > 2 or (len(sides) == 2 and "." in sides[0]):
        return None
    groups = [read_groups(side) for side in sides]
    if any(side is None for side in groups):
        return None
    if len(groups) == 2:
        gap = 8 - len(groups[0]) - len(groups[1])
        if gap < 1:
            return None
        groups = [groups[0] + [0] * gap + groups[1]]
    if len(groups[0]) != 8:
        return None
    number = 0
    for group in groups[0]:
        number = number << 16 | group
    return number


def read_address(text):
    """(bits, number) with bits 32 or 128, or None. IPv4-mapped addresses are IPv4."""
    v4 = read_ipv4(text)
    if v4 is not None:
        return 32, v4
    v6 = read_ipv6(text)
    if v6 is None:
        return None
    return (32, v6 & 0xFFFFFFFF) if v6 >> 32 == 0xFFFF else (128, v6)


def write_address(address):
    """RFC 5952."""
    bits, number = address
    if bits == 32:
        return ".".join(map(str, number.to_bytes(4, "big")))
    groups = [number >> shift & 0xFFFF for shift in range(112, -1, -16)]
    runs = [(n, at) for at in range(8) for n in range(2, 9 - at) if not any(groups[at : at + n])]
    if not runs:
        return ":".join(f"{group:x}" for group in groups)
    length, at = max(runs, key=lambda run: (run[0], -run[1]))
    sides = [":".join(f"{group:x}" for group in side) for side in (groups[:at], groups[at + length :])]
    return "::".join(sides)
