"""The firmware image on an emulated Cortex-M4 whose instructions can be left out, one at a time.

One JSON request a line, one JSON answer a line; before its answer, which is about the whole run, a
campaign prints a line for each instruction it has left out, and `null`. The board is modelled as far as the image uses it: three UARTs as
queues of bytes, the tick timer, flash and RAM as plain memory. Time passes when it is asked for,
and in leaps while the button is awaited, so that a time-out costs nothing.
"""

import json
import os
import random
import struct
import sys

from unicorn import UC_ARCH_ARM, UC_HOOK_CODE, UC_MODE_MCLASS, UC_MODE_THUMB, Uc, UcError
from unicorn import UC_PROT_EXEC, UC_PROT_READ, UC_PROT_WRITE
from unicorn.arm_const import UC_ARM_REG_LR, UC_ARM_REG_PC, UC_ARM_REG_SP, UC_CPU_ARM_CORTEX_M4

CODE = (0x0000_0000, 0x0040_0000)
RAM = (0x2000_0000, 0x0002_0000)
STRAP = (0x203F_F000, 0x0000_1000)
NOR = (0x2100_0000, 1028 * 1024)
UARTS = (0x4000_4000, 0x3000)
SYSTEM = (0xE000_E000, 0x1000)

SERIAL, ENTROPY, PANEL = range(3)
DATA, STATE = 0, 4
RX_FULL = 2

TIMER_VALUE, RESET_CONTROL = 0x018, 0xD0C
TICKS_PER_MS = 25_000
PERIOD = 500 * TICKS_PER_MS
# What one look at the clock takes, and one look at a button that nobody presses.
LOOK_MS, LEAP_MS = 2, 2_000

WIDE = (0b11101, 0b11110, 0b11111)
NOP = {2: bytes.fromhex("00bf"), 4: bytes.fromhex("aff30080")}
# Time after which a run counts as one that never ends, in microseconds; the longest that does end
# takes a hundredth of it.
LIMIT_US = 30_000_000


class Image:
    """What is loaded of an ELF file, and where its functions are."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.elf = file.read()
        programs, sections = struct.unpack_from("<II", self.elf, 28)
        program_count, _, section_count = struct.unpack_from("<HHH", self.elf, 44)
        self.segments = []
        for at in range(programs, programs + 32 * program_count, 32):
            kind, offset, _, address, length = struct.unpack_from("<5I", self.elf, at)
            if kind == 1 and length:
                self.segments.append((address, self.elf[offset : offset + length]))
        headers = range(sections, sections + 40 * section_count, 40)
        headers = [struct.unpack_from("<10I", self.elf, at) for at in headers]
        self.functions, self.variables = [], {}
        for header in headers:
            if header[1] == 2:
                self._symbols(header[4], header[5], headers[header[6]][4])
        self.functions.sort()

    def _symbols(self, offset, length, names):
        for at in range(offset, offset + length, 16):
            name, value, size, info = struct.unpack_from("<IIIB", self.elf, at)
            name = self.elf[names + name : self.elf.index(b"\0", names + name)].decode()
            if info & 15 == 2 and size:
                self.functions.append((value & ~1, size, name))
            elif info & 15 == 1:
                self.variables[name] = value

    def place(self, address):
        """The function with this address, and how far into it that is."""
        for start, size, name in self.functions:
            if start <= address < start + size:
                return [name, address - start]
        return ["?", address]


class Machine:
    """The board with an image in it."""

    def __init__(self, image):
        self.image = image
        self.cpu = Uc(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS)
        self.cpu.ctl_set_cpu_model(UC_CPU_ARM_CORTEX_M4)
        self.cpu.mem_map(*CODE, UC_PROT_READ | UC_PROT_EXEC)
        for base, length in (RAM, STRAP, NOR):
            self.cpu.mem_map(base, length, UC_PROT_READ | UC_PROT_WRITE)
        self.cpu.mmio_map(*UARTS, self._uart_read, None, self._uart_write, None)
        self.cpu.mmio_map(*SYSTEM, self._system_read, None, self._system_write, None)
        for address, data in image.segments:
            self.cpu.mem_write(address, data)
        (self.periods,) = (at for name, at in image.variables.items() if "clock7PERIODS" in name)
        sleep = (function for function in image.functions if "Uart5sleep" in function[2])
        ((at, size, _),) = sleep
        self.sleep = range(at, at + size)
        self.entropy = random.Random(1).randbytes(1 << 16)
        self.reset(bytes(NOR[1]))

    def reset(self, flash):
        """The moment before the first instruction, with this flash."""
        self.cpu.mem_write(RAM[0], bytes(RAM[1]))
        self.cpu.mem_write(STRAP[0], bytes(STRAP[1]))
        self.cpu.mem_write(NOR[0], flash)
        self.input, self.output, self.answer = b"", bytearray(), None
        self.line, self.asked = bytearray(), False
        self.drawn, self.ticks = 0, 0
        stack, self.pc = struct.unpack("<II", self.cpu.mem_read(0, 8))
        self.cpu.reg_write(UC_ARM_REG_SP, stack)

    def flash(self):
        return bytes(self.cpu.mem_read(*NOR))

    def hear(self, data, answer):
        """Puts bytes on the line, and a person at the button."""
        self.input, self.output, self.answer = data, bytearray(), answer

    def run(self, count=0):
        """Runs until the line is waited for (`idle`), or tells how it has ended otherwise."""
        self.ended = None
        try:
            self.cpu.emu_start(self.pc | 1, 0xFFFF_FFFE, timeout=LIMIT_US, count=count)
            self.pc = self.cpu.reg_read(UC_ARM_REG_PC) & ~1
        except UcError as error:
            self.ended = self.ended or str(error)
        if self.ended is None:
            self.ended = "idle" if self.pc in self.sleep and not self.input else "endless"

    def state(self):
        """All of the board that a run can change."""
        memory = (bytes(self.cpu.mem_read(*RAM)), self.flash())
        line = (self.pc, self.input, bytes(self.output), self.answer, bytes(self.line))
        return (self.cpu.context_save(), memory, line, (self.asked, self.drawn, self.ticks))

    def resume(self, state):
        """Goes back to a state, perhaps of another machine with the same image."""
        context, (ram, flash), line, (self.asked, self.drawn, self.ticks) = state
        self.cpu.context_restore(context)
        self.cpu.mem_write(RAM[0], ram)
        self.cpu.mem_write(STRAP[0], bytes(STRAP[1]))
        self.cpu.mem_write(NOR[0], flash)
        self.pc, self.input, output, self.answer, shown = line
        self.output, self.line = bytearray(output), bytearray(shown)

    def _uart_read(self, cpu, offset, size, _):
        uart, register = offset >> 12, offset & 0xFFF
        if register == STATE:
            return RX_FULL if self._has_byte(uart) else 0
        return self._take(uart) if register == DATA else 0

    def _has_byte(self, uart):
        if uart == SERIAL:
            return bool(self.input)
        if uart == ENTROPY:
            return True
        pressed = self.asked and self.answer is not None
        if not pressed:
            self._pass(LEAP_MS)
        return pressed

    def _take(self, uart):
        if uart == SERIAL:
            byte, self.input = self.input[:1], self.input[1:]
            return byte[0] if byte else 0
        if uart == PANEL:
            self.asked = False
            return self.answer or 0
        self.drawn += 1
        return self.entropy[self.drawn % len(self.entropy)]

    def _uart_write(self, cpu, offset, size, value, _):
        uart, register = offset >> 12, offset & 0xFFF
        if register == DATA and uart == SERIAL:
            self.output.append(value & 255)
        elif register == DATA and uart == PANEL and value & 255 != 10:
            self.line.append(value & 255)
        elif register == DATA and uart == PANEL:
            # The person answers when a line with a question has ended.
            self.asked, self.line = self.line.startswith(b"?"), bytearray()

    def _system_read(self, cpu, offset, size, _):
        if offset != TIMER_VALUE:
            return 0
        self._pass(LOOK_MS)
        return PERIOD - 1 - self.ticks % PERIOD

    def _system_write(self, cpu, offset, size, value, _):
        if offset == RESET_CONTROL:
            self.ended = "reset"
            cpu.emu_stop()

    def _pass(self, ms):
        self.ticks += ms * TICKS_PER_MS
        self.cpu.mem_write(self.periods, struct.pack("<I", self.ticks // PERIOD))


class Walk:
    """A run that stops before chosen instructions in the scope: counted from 0, those with the
    numbers `first`, `first + step`, … An instruction that is executed again and again, as in a wait,
    counts only the first, second, fourth, eighth, … time.

    In the scope are the functions whose names have a part in `in` and none in `out`, and those
    with a part in `called` while a function in the scope has called them."""

    def __init__(self, machine, scope, first, step):
        self.machine, self.next, self.step = machine, first, step
        self.count, self.here, self.inner, self.going_on = 0, None, (), None
        self.known, self.inside, self.called, self.is_called = {}, set(), set(), False
        self.hooks, self.times = [], {}
        for at, size, name in machine.image.functions:
            parts = {key: any(part in name for part in scope[key]) for key in scope}
            if parts["in"] and not parts["out"]:
                self.inside.update(range(at, at + size, 2))
            elif parts["called"]:
                self.called.add(at)
            else:
                continue
            hook = machine.cpu.hook_add(UC_HOOK_CODE, self._look, begin=at, end=at + size - 1)
            self.hooks.append(hook)
        # What was translated before has no hooks.
        machine.cpu.ctl_flush_tb()

    def stops(self):
        """At each stop, the instructions there of which one is to be left out, each as the list of
        its own address and those of the instructions it makes conditional, and its place there."""
        while True:
            self.here = None
            self.machine.run()
            if self.here is None:
                break
            self.going_on = self.here[0]
            first = self.count - len(self.here)
            while self.next < self.count:
                yield self.here, self.next - first
                self.next += self.step
        for hook in self.hooks:
            self.machine.cpu.hook_del(hook)
        self.machine.cpu.ctl_flush_tb()

    def _look(self, cpu, address, size, _):
        if address in self.inner:
            return
        if self.going_on == address:
            self.going_on = None
            return
        if address in self.called:
            self.is_called = cpu.reg_read(UC_ARM_REG_LR) & ~1 in self.inside
        if not self.is_called and address not in self.inside:
            return
        here = self.known.get(address)
        if here is None:
            here = self.known[address] = self._decode(address)
        self.inner = here[1:]
        times = self.times[address] = self.times.get(address, 0) + 1
        if times & (times - 1):
            return
        self.count += len(here)
        if self.count > self.next:
            self.here = here
            cpu.emu_stop()

    def _decode(self, address):
        here = [address]
        (code,) = struct.unpack("<H", self.machine.cpu.mem_read(address, 2))
        if code >> 8 == 0xBF and code & 15:
            lowest = (code & 15) & -(code & 15)
            for _ in range(5 - lowest.bit_length()):
                here.append(here[-1] + length(self.machine.cpu, here[-1]))
        return here


def length(cpu, address):
    """Of an instruction, in bytes."""
    (code,) = struct.unpack("<H", cpu.mem_read(address, 2))
    return 4 if code >> 11 in WIDE else 2


def leave_out(machine, here, index):
    """Passes over one instruction: the first `here`, or one that the first makes conditional."""
    address = here[index]
    size = length(machine.cpu, address)
    if index == 0:
        machine.pc = address + size
        return
    code = bytes(machine.cpu.mem_read(address, size))
    swap(machine, address, NOP[size])
    # A conditional block is one step of the emulator.
    machine.run(count=1)
    swap(machine, address, code)


def swap(machine, address, code):
    machine.cpu.mem_write(address, code)
    machine.cpu.ctl_remove_cache(address, address + len(code))


class Watch:
    """Counts how often a function is entered."""

    def __init__(self, machine, name):
        self.machine, self.times = machine, 0
        places = [at for at, _, its_name in machine.image.functions if name in its_name]
        assert len(places) == 1, f"{name}: {places}"
        self.hook = machine.cpu.hook_add(UC_HOOK_CODE, self._count, begin=places[0], end=places[0])
        machine.cpu.ctl_flush_tb()

    def _count(self, cpu, address, size, _):
        self.times += 1


class Session:
    """The board, and a second one on which it is tried what a fault would lead to."""

    def __init__(self, path):
        image = Image(path)
        self.machine, self.other = Machine(image), Machine(image)
        self.machine.run()

    def power_on(self):
        self.machine.reset(self.machine.flash())
        self.machine.run()
        return self.machine.ended

    def talk(self, data, answer):
        self.machine.hear(bytes.fromhex(data), answer)
        self.machine.run()
        return {"ended": self.machine.ended, "bytes": self.machine.output.hex()}

    def campaign(self, data, answer, restart, scope, watch, first, step, then):
        """Leaves out instructions of the run that answers `data`, and prints where each leads."""
        before = self.machine.state()
        if restart:
            self.machine.reset(self.machine.flash())
        self.machine.hear(bytes.fromhex(data), answer)
        self.watches = [Watch(machine, watch) for machine in (self.machine, self.other)]
        walk = Walk(self.machine, scope, first, step)
        for here, index in walk.stops():
            self.resume_other()
            self.other.pc = here[0]
            leave_out(self.other, here, index)
            self.other.run()
            outcome = self.outcome(before, then)
            outcome["place"] = self.machine.image.place(here[index])
            print(json.dumps(outcome), file=answers)
        print("null", file=answers)
        self.resume_other()
        self.other.ended = self.machine.ended
        whole = self.outcome(before, then)
        whole["place"] = ["", walk.count]
        for watch in self.watches:
            watch.machine.cpu.hook_del(watch.hook)
        self.machine.resume(before)
        return whole

    def resume_other(self):
        self.other.resume(self.machine.state())
        walked, tried = self.watches
        tried.times = walked.times

    def outcome(self, before, then):
        """How the other board has ended, and what it does next."""
        other = self.other
        changed = other.flash() != before[1][1]
        outcome = {"ended": other.ended, "bytes": other.output.hex(), "changed": changed, "then": []}
        for step in then:
            if step["if_changed"] and not changed:
                continue
            if step["restart"]:
                other.reset(other.flash())
                other.run()
            other.output = bytearray()
            if other.ended == "idle":
                other.hear(bytes.fromhex(step["data"]), None)
                other.run()
            outcome["then"].append(other.output.hex())
        outcome["watched"] = self.watches[1].times
        return outcome


if __name__ == "__main__":
    # Only answers belong on standard output.
    answers, sys.stdout = sys.stdout, sys.stderr
    session = Session(sys.argv[1])
    for line in sys.stdin:
        request = json.loads(line)
        answer = getattr(session, request.pop("op"))(**request)
        print(json.dumps(answer), file=answers, flush=True)
    # Without the emulator's own end, which does not always go well.
    os._exit(0)
