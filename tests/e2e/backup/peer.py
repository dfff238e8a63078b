"""shamir-mnemonic, asked one thing in JSON on standard input."""

import json
import sys

import shamir_mnemonic

request = json.loads(sys.stdin.readline())
if request["op"] == "split":
    groups = shamir_mnemonic.generate_mnemonics(
        group_threshold=1,
        groups=[(request["threshold"], request["count"])],
        master_secret=bytes.fromhex(request["secret"]),
        iteration_exponent=request["exponent"],
    )
    answer = groups[0]
else:
    answer = shamir_mnemonic.combine_mnemonics(request["shares"]).hex()
json.dump(answer, sys.stdout)
