"""LightPHE at the other end of a pipe: one JSON request a line, one JSON answer a line.

Numbers travel as decimal strings, as their JSON is not everybody's.
"""

import json
import os
import sys

# LightPHE logs to standard output, where only answers belong.
answers = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)
os.environ["LIGHTPHE_LOG_LEVEL"] = "50"

from lightphe import LightPHE  # noqa: E402

ALGORITHM = "Exponential-ElGamal"
cs = None


def use(made):
    """Goes on with this key pair."""
    global cs
    cs = made
    return {"p_bits": cs.cs.keys["public_key"]["p"].bit_length()}


def make(p, x, key_file):
    """A key of its own on this prime with g = 2, exported."""
    p, x = int(p), int(x)
    keys = {"public_key": {"p": p, "g": 2, "y": pow(2, x, p)}, "private_key": {"x": x}}
    made = LightPHE(algorithm_name=ALGORITHM, keys=keys)
    made.export_keys(key_file)
    return use(made)


def generate(key_size, key_file):
    """A key as it makes them, exported."""
    made = LightPHE(algorithm_name=ALGORITHM, key_size=key_size)
    made.export_keys(key_file)
    return use(made)


def load(key_file):
    """A key file, of either half."""
    return use(LightPHE(algorithm_name=ALGORITHM, key_file=key_file))


def dump(ciphertext):
    c1, c2 = ciphertext.value
    return {"c1": str(c1), "c2": str(c2)}


def parse(row):
    return cs.create_ciphertext_obj((int(row["c1"]), int(row["c2"])))


OPERATIONS = {
    "make": make,
    "generate": generate,
    "load": load,
    "encrypt": lambda m: dump(cs.encrypt(m)),
    "add": lambda a, b: dump(parse(a) + parse(b)),
    "scale": lambda a, k: dump(parse(a) * k),
    "regenerate": lambda a: dump(cs.regenerate_ciphertext(parse(a))),
    "decrypt": lambda a: cs.decrypt(parse(a)),
}

for line in sys.stdin:
    request = json.loads(line)
    try:
        answer = {"ok": OPERATIONS[request.pop("op")](**request)}
    except Exception as error:  # whatever it is, the test wants to know
        answer = {"error": repr(error)}
    print(json.dumps(answer), file=answers)
