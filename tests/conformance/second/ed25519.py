"""Strict Ed25519 verification (RFC 8032, SPEC section 4) in plain integers: slow, and easy to follow."""

import functools
import hashlib

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)

# Points are (X, Y, Z, T) with x = X/Z, y = Y/Z, T = XY/Z.
NEUTRAL = (0, 1, 1, 0)


def add(p, q):
    a = (p[1] - p[0]) * (q[1] - q[0]) % P
    b = (p[1] + p[0]) * (q[1] + q[0]) % P
    c = 2 * p[3] * q[3] * D % P
    d = 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def double(p):
    a, b, c = p[0] * p[0], p[1] * p[1], 2 * p[2] * p[2]
    h = a + b
    e = h - (p[0] + p[1]) ** 2
    g = a - b
    f = c + g
    return e * f % P, g * h % P, f * g % P, e * h % P


def negate(p):
    return -p[0] % P, p[1], p[2], -p[3] % P


def encode(p):
    inverse = pow(p[2], P - 2, P)
    x, y = p[0] * inverse % P, p[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


@functools.cache
def decode(data):
    """The point of a canonical encoding, or None."""
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, number & (2**255 - 1)
    if y >= P:
        return None
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if (v * x * x - u) % P:
        x = x * ROOT_OF_MINUS_ONE % P
    if (v * x * x - u) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


def is_small_order(p):
    for _ in range(3):
        p = double(p)
    return p[0] % P == 0 and (p[1] - p[2]) % P == 0


def is_public_key(data):
    """Whether the bytes may stand in a root."""
    point = decode(data)
    return point is not None and not is_small_order(point)


BASE = decode((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


@functools.cache
def verify(key, signature, message):
    """Strict: canonical S, R and key, neither of small order, no cofactor."""
    point, commitment, s = decode(key), decode(signature[:32]), int.from_bytes(signature[32:], "little")
    if point is None or commitment is None or s >= L or is_small_order(point) or is_small_order(commitment):
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    # s B - k A, bit by bit for both at once.
    minus = negate(point)
    steps = {(0, 1): minus, (1, 0): BASE, (1, 1): add(BASE, minus)}
    result = NEUTRAL
    for bit in range(252, -1, -1):
        result = double(result)
        step = steps.get((s >> bit & 1, k >> bit & 1))
        if step:
            result = add(result, step)
    return encode(result) == signature[:32]
