#!/usr/bin/env python3
"""Verifies release statements with nothing but the standard library: verify_statement.py FILE...

Written from core-nostd/STATEMENT.md and the RFCs it names, as a second opinion on `tally verify`: it shares no
arithmetic, no hash to scalar and no parser with it. It prints a line for each file, the amount or what is wrong with it,
and exits with 1 if anything is.
"""
import base64
import functools
import hashlib
import json
import sys

SUITES = {"ristretto255": 1, "ffdhe2048": 2, "ffdhe3072": 3}
KINDS = {"authenticated": 1, "open": 2}


class Refused(Exception):
    pass


def require(condition, why):
    if not condition:
        raise Refused(why)


class Ffdhe:
    """The squares modulo the safe prime of RFC 7919 with `bits` bits; 2 generates them."""

    def __init__(self, bits, x):
        # p = 2^b − 2^(b−64) + (floor(2^(b−130)·e) + X)·2^64 − 1
        e, term, k = 0, 1 << bits, 0
        while term:  # e = Σ 1/k!, with far more bits than are needed
            e, k = e + term, k + 1
            term //= k
        self.p = (1 << bits) - (1 << (bits - 64)) + (((e >> 130) + x) << 64) - 1
        self.q = (self.p - 1) // 2
        self.size, self.wide, self.order = bits // 8, bits // 8 + 16, "big"
        self.generator = 2

    def decode(self, data):
        require(len(data) == self.size, "an element has the wrong length")
        value = int.from_bytes(data, "big")
        require(0 < value < self.p and pow(value, self.q, self.p) == 1, "not an element of the group")
        return value

    def encode(self, a):
        return a.to_bytes(self.size, "big")

    def add(self, a, b):
        return a * b % self.p

    def mul(self, k, a):
        return pow(a, k % self.q, self.p)


class Ristretto255:
    """RFC 9496, on affine points of edwards25519."""

    def __init__(self):
        self.p = p = 2**255 - 19
        self.q = 2**252 + 27742317777372353535851937790883648493
        self.d = -121665 * pow(121666, -1, p) % p
        self.i = pow(2, (p - 1) // 4, p)
        self.size, self.wide, self.order = 32, 64, "little"
        # INVSQRT_A_MINUS_D with a = −1 (section 4.1), taken non-negative.
        self.invsqrt_a_minus_d = self.sqrt_ratio(1, -1 - self.d)[1]
        # The base point (section 4): y = 4/5, x non-negative.
        y = 4 * pow(5, -1, p) % p
        self.generator = (self.sqrt_ratio(y * y - 1, self.d * y * y + 1)[1], y)

    def is_negative(self, a):
        return a % self.p % 2 == 1

    def sqrt_ratio(self, u, v):
        """SQRT_RATIO_M1 (section 4.2): whether u/v is a square, and a non-negative root of it or of i·u/v."""
        p, i = self.p, self.i
        u, v = u % p, v % p
        r = u * pow(v, 3, p) * pow(u * pow(v, 7, p), (p - 5) // 8, p) % p
        check = v * r * r % p
        if check in (-u % p, -u * i % p):
            r = r * i % p
        return check in (u, -u % p), (-r % p if self.is_negative(r) else r)

    def decode(self, data):
        """Section 4.3.1."""
        p, d = self.p, self.d
        s = int.from_bytes(data, "little")
        require(len(data) == 32 and s < p and not self.is_negative(s), "not a canonical encoding")
        ss = s * s % p
        u1, u2 = (1 - ss) % p, (1 + ss) % p
        v = (-d * u1 * u1 - u2 * u2) % p
        square, inverse = self.sqrt_ratio(1, v * u2 * u2)
        den_x = inverse * u2 % p
        den_y = inverse * den_x * v % p
        x = 2 * s * den_x % p
        x = -x % p if self.is_negative(x) else x
        y = u1 * den_y % p
        require(square and not self.is_negative(x * y) and y != 0, "not an element of the group")
        return x, y

    def encode(self, point):
        """Section 4.3.2, with Z = 1 and T = XY."""
        p = self.p
        x, y = point
        u1, u2 = (1 + y) * (1 - y) % p, x * y % p
        _, inverse = self.sqrt_ratio(1, u1 * u2 * u2)
        den1, den2 = inverse * u1 % p, inverse * u2 % p
        z_inv = den1 * den2 * u2 % p
        if self.is_negative(u2 * z_inv):
            x, y, den = y * self.i % p, x * self.i % p, den1 * self.invsqrt_a_minus_d % p
        else:
            den = den2
        if self.is_negative(x * z_inv):
            y = -y % p
        s = den * (1 - y) % p
        return (-s % p if self.is_negative(s) else s).to_bytes(32, "little")

    def add(self, a, b):
        """The complete law of −x² + y² = 1 + dx²y²."""
        p = self.p
        (x1, y1), (x2, y2) = a, b
        t = self.d * x1 * x2 * y1 * y2 % p
        return (
            (x1 * y2 + y1 * x2) * pow(1 + t, -1, p) % p,
            (y1 * y2 + x1 * x2) * pow(1 - t, -1, p) % p,
        )

    def mul(self, k, a):
        k, result = k % self.q, (0, 1)
        while k:
            if k & 1:
                result = self.add(result, a)
            a, k = self.add(a, a), k >> 1
        return result


GROUPS = {
    "ristretto255": Ristretto255,
    "ffdhe2048": lambda: Ffdhe(2048, 560316),
    "ffdhe3072": lambda: Ffdhe(3072, 2625351),
}


@functools.cache
def group_of(suite):
    return GROUPS[suite]()


def fields(*parts):
    """The encoding of a list of fields: none, integers, byte strings."""
    out = b""
    for part in parts:
        if part is None:
            out += b"\x00"
        elif isinstance(part, int):
            out += b"\x01" + part.to_bytes(8, "big")
        else:
            out += b"\x02" + len(part).to_bytes(4, "big") + part
    return out


def expand_message_xmd(msg, dst, length):
    """RFC 9380 section 5.3.1 with SHA-512; section 5.3.3 does not apply, as every tag here is short."""
    require(len(dst) <= 255, "the domain-separation tag is too long")
    dst += bytes([len(dst)])
    b0 = hashlib.sha512(bytes(128) + msg + length.to_bytes(2, "big") + b"\0" + dst).digest()
    block, out = bytes(64), b""
    for i in range(1, -(-length // 64) + 1):
        block = hashlib.sha512(bytes(x ^ y for x, y in zip(b0, block)) + bytes([i]) + dst).digest()
        out += block
    return out[:length]


def verify_dleq(group, a, b, c, d, proof, context):
    """VerifyProof of RFC 9497 section 2.2.2 for one pair."""
    sized = lambda data: len(data).to_bytes(2, "big") + data
    to_scalar = lambda msg: (
        int.from_bytes(expand_message_xmd(msg, b"HashToScalar-" + context, group.wide), group.order) % group.q
    )
    seed = hashlib.sha512(sized(group.encode(b)) + sized(b"Seed-" + context)).digest()
    pair = sized(group.encode(c)) + sized(group.encode(d))
    weight = to_scalar(sized(seed) + (0).to_bytes(2, "big") + pair + b"Composite")
    m, z = group.mul(weight, c), group.mul(weight, d)
    challenge, response = proof
    t2 = group.add(group.mul(response, a), group.mul(challenge, b))
    t3 = group.add(group.mul(response, m), group.mul(challenge, z))
    transcript = b"".join(sized(group.encode(e)) for e in (b, m, z, t2, t3))
    return to_scalar(transcript + b"Challenge") == challenge


def data(text):
    require(len(text) % 4 != 1 and "=" not in text, "not base64url without padding")
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def header(statement, book, c1, c2, d):
    parts = [
        b"TALLYSTICK-v1-statement",
        SUITES[book["suite"]],
        statement["number"],
        bytes.fromhex(book["book"]),
        data(book["public_key"]),
        statement["count"],
    ]
    scope = statement["scope"]
    require((scope == "open") == (book["kind"] == "open"), "the scope is not one of this kind of book")
    if scope == "open":
        return hashlib.sha512(fields(*parts, 3, c1, c2, d)).digest()
    if "total" in scope:
        items = [(item["writer"], item["from"], item["to"]) for item in scope["total"]["ranges"]]
        parts += [1, len(items)]
        require(all(start <= end for _, start, end in items), "a range runs backwards")
        count = sum(end - start for _, start, end in items)
        require(count == statement["count"] > 0, "the count is not that of the ranges")
    else:
        items = [(item["writer"], item["seq"]) for item in scope["balance"]["last"]]
        parts += [2, bytes.fromhex(scope["balance"]["account"]), len(items)]
    writers = [bytes.fromhex(writer) for writer, *_ in items]
    require(all(one < next for one, next in zip(writers, writers[1:])), "the writers are not in order")
    for writer, (_, *positions) in zip(writers, items):
        parts += [writer, *positions]
    return hashlib.sha512(fields(*parts, c1, c2, d)).digest()


def verify(statement):
    require(statement["format"] == "tallystick-statement-v1", "not a statement of this version")
    book = statement["book"]
    rules = fields(
        b"TALLYSTICK-v1-book",
        SUITES[book["suite"]],
        KINDS[book["kind"]],
        book["currency"].encode(),
        book["scale"],
        book["cap"],
        book["min_entries"],
        book["name"].encode(),
    )
    require(hashlib.sha512(rules).hexdigest()[:64] == book["book"], "the book's id is not that of its rules")

    group = group_of(book["suite"])
    identity = group.encode(group.mul(0, group.generator))
    c1, c2, d = (data(statement[name]) for name in ("c1", "c2", "d"))
    y = group.decode(data(book["public_key"]))
    require(identity not in (c1, group.encode(y)), "the identity where it must not be")
    m = int(statement["minor"])
    require(group.encode(group.decode(d)) == d == group.encode(group.mul(m, group.generator)), "D is not m·G")

    proof = [int.from_bytes(data(statement[name]), group.order) for name in ("proof_c", "proof_s")]
    require(all(scalar < group.q for scalar in proof), "a scalar is out of range")
    context = b"TALLYSTICK-v1-" + header(statement, book, c1, c2, d)
    opened = group.add(group.decode(c2), group.mul(group.q - 1, group.decode(d)))
    sound = verify_dleq(group, group.generator, y, group.decode(c1), opened, proof, context)
    require(sound, "the proof does not hold")

    sign, digits = "-" * (m < 0), str(abs(m)).rjust(book["scale"] + 1, "0")
    point = len(digits) - book["scale"]
    amount = sign + digits[:point] + ("." + digits[point:] if book["scale"] else "")
    require(amount == statement["amount"], "the two spellings of the amount differ")
    return f"{book['currency']} {amount}"


def main():
    code = 0
    for path in sys.argv[1:]:
        try:
            with open(path, encoding="utf-8") as file:
                print(verify(json.load(file)))
        except (Refused, KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            print(f"refused: {error!r}")
            code = 1
    return code


if __name__ == "__main__":
    sys.exit(main())
