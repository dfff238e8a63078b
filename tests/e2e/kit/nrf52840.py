"""The nRF52840 development kit, as far as its image touches it: an emulated processor (Unicorn) and
models of the peripherals, from the nRF52840 Product Specification.

It serves the serial line on a unix socket, says `listening on PATH` once the image has opened it,
and ends with a message as soon as the image does what the chip would not bear: a store to flash
that is not enabled, sets bits, is the third to its word, or is forbidden (ACL); a read of what
the ACL hides; a watchdog that is not fed; memory that is not there.

Time is the real-time counter, which moves on when it is read and when the processor sleeps, so a
run depends on nothing but the bytes it gets. The button is pressed for as long as `--press` says
whenever the LED was lit within the last second, and from power-on for as long as `--held` says.
"""

import argparse
import os
import random
import select
import socket
import struct

from unicorn import UC_ARCH_ARM, UC_HOOK_MEM_INVALID, UC_HOOK_MEM_READ, UC_HOOK_MEM_WRITE
from unicorn import UC_MODE_MCLASS, UC_MODE_THUMB, Uc
from unicorn.arm_const import UC_ARM_REG_LR, UC_ARM_REG_PC, UC_ARM_REG_PRIMASK, UC_ARM_REG_SP
from unicorn.arm_const import UC_CPU_ARM_CORTEX_M4

FLASH_LEN, PAGE = 0x100000, 4096
INFO, INFO_LEN = 0x10000000, 0x2000  # FICR and UICR
UICR = 0x10001000
RAM, RAM_LEN = 0x20000000, 0x40000
RETURN = 0x30000000  # Where interrupt handlers return to.
CLOCK, UARTE, GPIO = 0x40000000, 0x40002000, 0x50000000
TIMER, RNG, WDT, RTC = 0x40009000, 0x4000D000, 0x40010000, 0x40011000
NVMC, PPI, SCS = 0x4001E000, 0x4001F000, 0xE000E000
READY = (CLOCK + 0x100, CLOCK + 0x104, RNG + 0x100, NVMC + 0x400)  # Oscillators, byte, flash.
TICKS_PER_S = 32768
WFI = b"\x30\xbf"
UARTE_IRQ = 2
UARTE_EVENTS = {"rxdrdy": 0x108, "endrx": 0x110, "endtx": 0x120, "rxstarted": 0x14C}


class Broken(Exception):
    """The image has done what the chip does not bear."""


class Kit:
    def __init__(self, arguments):
        self.press_ticks = arguments.press * TICKS_PER_S // 1000
        self.held_ticks = arguments.held * TICKS_PER_S // 1000
        self.state = arguments.state
        self.random = random.Random(arguments.seed)
        self.cpu = cpu = Uc(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS)
        cpu.ctl_set_cpu_model(UC_CPU_ARM_CORTEX_M4)
        for start, length in [(0, FLASH_LEN), (INFO, INFO_LEN), (RAM, RAM_LEN), (RETURN, PAGE)]:
            cpu.mem_map(start, length)
        cpu.mem_write(0, b"\xff" * FLASH_LEN)
        cpu.mem_write(INFO, b"\xff" * INFO_LEN)
        if os.path.exists(self.state):
            with open(self.state, "rb") as file:
                cpu.mem_write(UICR, file.read(PAGE))
                cpu.mem_write(0, file.read())
        cpu.mem_write(0x10000104, b"0FAA")  # FICR.INFO.VARIANT: AAF0, with the improved APPROTECT.
        self.load(arguments.image)
        self.map(0x40000000, 0x30000, self.read, self.write)
        self.map(GPIO, 0x2000, self.read, self.write)
        self.map(SCS, 0x1000, lambda address: 0, self.write_system)
        cpu.hook_add(UC_HOOK_MEM_WRITE, self.check_flash, None, 0, FLASH_LEN - 1)
        cpu.hook_add(UC_HOOK_MEM_WRITE, self.check_flash, None, INFO, INFO + INFO_LEN - 1)
        cpu.hook_add(UC_HOOK_MEM_INVALID, self.no_memory)
        self.broken = None
        self.programmed = {}  # Stores to each word of flash since its page was erased.
        self.sent = bytearray()
        self.ticks = 0
        self.reset(reasons=0)

    def load(self, path):
        with open(path, "rb") as file:
            elf = file.read()
        (table,) = struct.unpack_from("<I", elf, 0x1C)
        (count,) = struct.unpack_from("<H", elf, 0x2C)
        for index in range(count):
            header = struct.unpack_from("<8I", elf, table + 32 * index)
            kind, offset, _, address, length = header[:5]
            if kind == 1 and length:
                self.cpu.mem_write(address, elf[offset : offset + length])

    def map(self, base, length, read, write):
        self.cpu.mmio_map(
            base,
            length,
            lambda _cpu, offset, _size, _data: read(base + offset),
            None,
            lambda _cpu, offset, _size, value, _data: self.guard(write, base + offset, value),
            None,
        )

    def guard(self, work, *arguments):
        """An exception must not pass through the emulator: it is raised when that has stopped."""
        try:
            work(*arguments)
        except Broken as broken:
            self.broken = self.broken or broken
            self.cpu.emu_stop()

    def reset(self, reasons):
        self.registers = {CLOCK + 0x400: reasons}
        self.enabled, self.pending, self.sealed = set(), set(), []
        self.receiving = None  # Address and length of the DMA, and how much of it is filled.
        self.counted = self.connected = 0  # TIMER1's count of bytes, PPI's channels.
        self.rtc_start = self.fed = self.ticks
        self.lit = None  # When the LED was lit last.
        self.is_lit = False
        self.restart = False
        stack, self.pc = struct.unpack("<II", self.cpu.mem_read(0, 8))
        self.cpu.reg_write(UC_ARM_REG_SP, stack)
        self.cpu.reg_write(UC_ARM_REG_PRIMASK, 0)

    # What the image reads and writes.

    def read(self, address):
        if address == RTC + 0x504:
            counter = (self.ticks - self.rtc_start) & 0xFFFFFF
            self.ticks += 1
            self.watch()
            return counter
        if address == RNG + 0x508:
            return self.random.getrandbits(8)
        if address == GPIO + 0x510:
            return 0xFFFFFFFF ^ (self.is_pressed() << 11)
        if address in (UARTE + 0x304, UARTE + 0x308):
            return self.registers.get(UARTE + 0x300, 0)
        if address in READY:
            return 1
        return self.registers.get(address, 0)

    def write(self, address, value):
        self.registers[address] = value
        if address == UARTE + 0x304:
            self.registers[UARTE + 0x300] = self.registers.get(UARTE + 0x300, 0) | value
        elif address == UARTE + 0x308:
            self.registers[UARTE + 0x300] = self.registers.get(UARTE + 0x300, 0) & ~value
        elif address == UARTE:
            self.start_receiving()
        elif address == UARTE + 0x008:
            start, length = (self.registers[UARTE + offset] for offset in (0x544, 0x548))
            self.sent += self.cpu.mem_read(start, length)
            self.event("endtx")
        elif address == TIMER + 0x00C:
            self.counted = 0
        elif address == TIMER + 0x040:
            self.registers[TIMER + 0x540] = self.counted
        elif address in (PPI + 0x500, PPI + 0x504, PPI + 0x508):
            self.connect(address, value)
        elif address == NVMC + 0x508:
            self.erase(value)
        elif address in range(NVMC + 0x808, NVMC + 0x888, 16):
            start, length = (self.registers[address - back] for back in (8, 4))
            self.seal(start, length, value)
        elif address == WDT + 0x600:
            self.fed = self.ticks
        elif address in (GPIO + 0x508, GPIO + 0x50C) and value >> 13 & 1:
            self.watch()
            self.is_lit = address == GPIO + 0x50C
            self.watch()
        elif address == RTC:
            self.rtc_start = self.ticks

    def connect(self, address, channels):
        """Sets, adds or takes away channels; all three registers show those there are."""
        changed = {0x500: channels, 0x504: self.connected | channels}
        self.connected = changed.get(address - PPI, self.connected & ~channels)
        for register in (0x500, 0x504, 0x508):
            self.registers[PPI + register] = self.connected

    def write_system(self, address, value):
        offset = address - SCS
        numbers = {offset % 32 * 8 + bit for bit in range(32) if value >> bit & 1}
        if offset & ~31 == 0x100:
            self.enabled |= numbers
        elif offset & ~31 == 0x180:
            self.enabled -= numbers
        elif offset & ~31 == 0x200:
            self.pending |= numbers
        elif offset & ~31 == 0x280:
            self.pending -= numbers
        elif offset == 0xD0C:
            self.restart = True
            self.cpu.emu_stop()

    # Flash.

    def erase(self, page):
        if self.registers.get(NVMC + 0x504) != 2:
            raise Broken(f"erasing {page:#x} is not enabled")
        self.check_seals(page)
        self.cpu.mem_write(page, b"\xff" * PAGE)
        for word in range(page, page + PAGE, 4):
            self.programmed.pop(word, None)

    def check_flash(self, _cpu, _access, address, size, value, _data):
        self.guard(self.check_store, address, size, value)

    def check_store(self, address, size, value):
        if self.registers.get(NVMC + 0x504) != 1:
            raise Broken(f"writing {address:#x} is not enabled")
        if size != 4 or address % 4:
            raise Broken(f"{size} bytes written to {address:#x}")
        self.check_seals(address)
        (before,) = struct.unpack("<I", self.cpu.mem_read(address, 4))
        value &= 0xFFFFFFFF
        if before & value != value:
            raise Broken(f"writing {value:#x} over {before:#x} at {address:#x}")
        self.programmed[address] = self.programmed.get(address, 0) + 1
        if self.programmed[address] > 2:
            raise Broken(f"the word at {address:#x} is written a third time")

    def seal(self, start, length, rights):
        self.sealed.append(range(start, start + length))
        if rights & 4:
            end = start + length - 1
            self.cpu.hook_add(UC_HOOK_MEM_READ, self.check_load, None, start, end)

    def check_load(self, _cpu, _access, address, _size, _value, _data):
        # The hook stays when a restart opens the region again.
        if any(address in sealed for sealed in self.sealed) and not self.broken:
            self.broken = Broken(f"{address:#x} is read, which is forbidden")
            self.cpu.emu_stop()

    def check_seals(self, address):
        if any(address in sealed for sealed in self.sealed):
            raise Broken(f"{address:#x} is written, which is forbidden")

    def no_memory(self, _cpu, _access, address, _size, _value, _data):
        where = self.cpu.reg_read(UC_ARM_REG_PC)
        self.broken = self.broken or Broken(f"no memory at {address:#x}, wanted at {where:#x}")
        return False

    # Serial line.

    def event(self, name):
        self.registers[UARTE + UARTE_EVENTS[name]] = 1

    def start_receiving(self):
        start, length = (self.registers[UARTE + offset] for offset in (0x534, 0x538))
        self.receiving = [start, length, 0]
        self.event("rxstarted")

    def receive(self, byte):
        if self.receiving is None:
            raise Broken("a byte came and there is no room for it")
        start, length, filled = self.receiving
        self.cpu.mem_write(start + filled, bytes([byte]))
        self.receiving[2] += 1
        self.event("rxdrdy")
        self.counted += 1
        if self.counted == self.registers.get(TIMER + 0x544):
            self.counted = 0
        if filled + 1 == length:
            self.receiving = None
            self.event("endrx")
            # Channel 1 starts the next reception, and takes itself out of its group.
            if self.connected & 2:
                self.write(PPI + 0x508, 2)
                self.start_receiving()

    def interrupt(self):
        """Runs the handlers of what is pending, as soon as the image lets them."""
        while True:
            mask = self.registers.get(UARTE + 0x300, 0)
            events = UARTE_EVENTS.values()
            happened = [at for at in events if self.registers.get(UARTE + at)]
            if any(mask >> (at - 0x100) // 4 & 1 for at in happened):
                self.pending.add(UARTE_IRQ)
            due = self.pending & self.enabled
            if not due:
                return
            while self.cpu.reg_read(UC_ARM_REG_PRIMASK) & 1:
                self.run(1)
            number = min(due)
            self.pending.discard(number)
            before = self.cpu.context_save()
            (handler,) = struct.unpack("<I", self.cpu.mem_read((16 + number) * 4, 4))
            # The frame that the processor would push, and the room below the stack it may use.
            stack = (self.cpu.reg_read(UC_ARM_REG_SP) - 0x80) & ~7
            self.cpu.reg_write(UC_ARM_REG_SP, stack)
            self.cpu.reg_write(UC_ARM_REG_LR, RETURN | 1)
            self.cpu.emu_start(handler | 1, RETURN)
            self.cpu.context_restore(before)
            self.pc = self.cpu.reg_read(UC_ARM_REG_PC)
            self.fail()

    # Button, LED, watchdog.

    def watch(self):
        if self.is_lit:
            self.lit = self.ticks
        period = self.registers.get(WDT + 0x504, 0)
        if self.registers.get(WDT) and self.ticks - self.fed > period and not self.broken:
            self.broken = Broken("the watchdog was not fed")

    def is_pressed(self):
        if self.ticks < self.held_ticks:
            return True
        was_lit = self.lit is not None and self.ticks - self.lit < TICKS_PER_S
        return was_lit and self.ticks % (self.press_ticks + TICKS_PER_S) < self.press_ticks

    # The life of it.

    def run(self, count):
        self.cpu.emu_start(self.pc | 1, RETURN, count=count)
        self.pc = self.cpu.reg_read(UC_ARM_REG_PC)
        self.fail()

    def fail(self):
        if self.broken:
            raise self.broken

    def sleeps(self):
        return self.cpu.mem_read(self.pc - 2, 2) == WFI

    def save(self):
        with open(self.state + ".new", "wb") as file:
            file.write(self.cpu.mem_read(UICR, PAGE) + self.cpu.mem_read(0, FLASH_LEN))
        os.replace(self.state + ".new", self.state)

    def serve(self, listener):
        client, incoming, said = None, bytearray(), False
        while True:
            self.run(200_000)
            if self.restart:
                self.save()
                self.reset(reasons=4)
                continue
            asleep = self.sleeps()
            if asleep:
                # Time passes, but not for the watchdog.
                self.ticks += TICKS_PER_S // 1000
                self.fed += TICKS_PER_S // 1000
            for byte in incoming[:256]:
                self.receive(byte)
            del incoming[:256]
            self.interrupt()
            if self.receiving and not said:
                said = True
                print(f"listening on {listener.getsockname()}", flush=True)
            if self.sent:
                # What was answered is in flash.
                self.save()
                if client:
                    client.sendall(self.sent)
                self.sent.clear()
            ready, _, _ = select.select([client or listener], [], [], 0.05 if asleep else 0)
            if ready and client is None:
                client, _ = listener.accept()
            elif ready:
                received = client.recv(4096)
                client = client if received else None
                incoming += received


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("image", help="the ELF file")
    parser.add_argument("--socket", required=True, help="path of the serial line")
    parser.add_argument("--state", required=True, help="file that keeps flash and UICR")
    parser.add_argument("--press", type=int, default=300, help="how long a press lasts, in ms")
    parser.add_argument("--held", type=int, default=0, help="how long after power-on, in ms")
    parser.add_argument("--seed", type=int, default=1, help="of the random number generator")
    arguments = parser.parse_args()
    kit = Kit(arguments)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(arguments.socket)
        listener.listen(1)
        kit.serve(listener)


main()
