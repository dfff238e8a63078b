"""A person at a terminal: runs a command on a pseudo-terminal and answers what it asks.

Arguments: the command. Standard input: JSON, a list of [question, answer]; each time one of the
questions is the last thing on the screen, its next answer is typed. Standard output: JSON with the
exit code and everything that was on the screen.
"""

import json
import os
import pty
import sys

answers = [(question, answer) for question, answer in json.load(sys.stdin)]
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])

screen, answered = b"", 0
while True:
    try:
        seen = os.read(terminal, 4096)
    except OSError:  # the command has ended
        break
    if not seen:
        break
    screen += seen
    waiting = screen[answered:].decode(errors="replace").rstrip("\r\n ")
    for place, (question, answer) in enumerate(answers):
        if waiting.endswith(question):
            del answers[place]
            answered = len(screen)
            os.write(terminal, (answer + "\n").encode())
            break

_, status = os.waitpid(pid, 0)
code = os.waitstatus_to_exitcode(status)
json.dump({"code": code, "screen": screen.decode(), "unasked": len(answers)}, sys.stdout)
