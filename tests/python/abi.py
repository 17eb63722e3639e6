"""What a header promises to compiled programs: read from the header, measured by a compiler."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RECORDS = ROOT / "tests" / "abi"
HEADER = ROOT / "include" / "candle_ffi.h"
SYMBOLS = RECORDS / "symbols.txt"
SONAME = "libcandle_ffi.so.0"
# The number of the ABI: the one constant that is meant to grow.
VERSION = "CANDLE_FFI_ABI_VERSION"


@dataclass
class Interface:
    """The types of a header, with all blanks made one."""

    structs: dict[str, list[str]] = field(default_factory=dict)
    typedefs: list[str] = field(default_factory=list)


def read(header: Path) -> Interface:
    """Read the types of a header."""
    text = re.sub(r"/\*.*?\*/", " ", header.read_text(encoding="utf-8"), flags=re.DOTALL)
    text = re.sub(r"^\s*#(.*\\\n)*.*$", "", text, flags=re.MULTILINE)
    found = Interface()
    for body, name in re.findall(r"typedef struct \{(.*?)\}\s*(\w+)\s*;", text, re.DOTALL):
        found.structs[name] = [" ".join(part.split()) for part in body.split(";") if part.strip()]
    plain = re.sub(r"typedef struct \{.*?\}\s*\w+\s*;", "", text, flags=re.DOTALL)
    found.typedefs = [" ".join(part.split()) for part in re.findall(r"typedef [^;]*;", plain)]
    return found


def suppressions(old: Interface, new: Interface) -> str:
    """What abidiff is to be silent about: options that have grown at their end.

    Only for those, as it is then silent about their other members too; those are in the layouts.
    """
    grown = [
        name
        for name, members in old.structs.items()
        if members[0] == "size_t struct_size"
        and len(new.structs.get(name, [])) > len(members)
        and new.structs[name][: len(members)] == members
    ]
    rule = "[suppress_type]\nname = {}\nhas_data_member_inserted_at = end\n"
    return "\n".join(["# abidiff", *(rule.format(name) for name in grown)])


def name_of(member: str) -> str:
    """The name in the declaration of a member."""
    callback = re.search(r"\(\*\s*(\w+)\)", member)
    return callback[1] if callback else re.findall(r"\w+", re.sub(r"\[.*", "", member))[-1]


def layouts(header: Path, folder: Path) -> list[str]:
    """Each type of a header in a line of its own, and each member with its place, on this machine.

    A structure that begins with `struct_size` has its least size, any other its size.
    """
    interface = read(header)
    prints = []
    for name, members in sorted(interface.structs.items()):
        grows = members[0] == "size_t struct_size"
        prints.append(f'printf("struct {name} size {">= " if grows else ""}%zu align %zu\\n", '
                      f"sizeof({name}), _Alignof({name}));")  # fmt: skip
        prints += [
            f'printf("member {name}.{name_of(member)} at %zu: {member}\\n", '
            f"offsetof({name}, {name_of(member)}));"
            for member in members
        ]
    source = folder / "layouts.c"
    lines = ["#include <stdio.h>", f'#include "{header}"', "int main(void) {", *prints]
    source.write_text("\n".join([*lines, "return 0; }"]) + "\n")
    run(compiler(), "-std=c11", source, "-o", folder / "layouts")
    measured = run(folder / "layouts").splitlines()
    return [*measured, *sorted(interface.typedefs)]


def lines_of(path: Path) -> list[str]:
    """The lines of a list, without its comment."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def version(symbols: Path) -> int:
    """The number of the ABI in a list of symbols."""
    (line,) = (line for line in lines_of(symbols) if line.startswith(f"{VERSION} "))
    return int(line.split()[1])


def broken(recorded: list[str], present: list[str]) -> list[str]:
    """The recorded lines that do not hold any more."""
    known = set(present)
    sizes = {line.split(" size >= ")[0]: line for line in present if " size >= " in line}
    numbers = {line.split()[0]: line.split()[1] for line in present if len(line.split()) == 2}
    problems = []
    for line in recorded:
        if line in known:
            continue
        if line.startswith(f"{VERSION} "):
            holds = int(numbers.get(VERSION, "0")) > int(line.split()[1])
        elif " size >= " in line and (now := sizes.get(line.split(" size >= ")[0])):
            least, alignment = line.split(" size >= ")[1].split(" align ")
            size, present_alignment = now.split(" size >= ")[1].split(" align ")
            holds = int(size) >= int(least) and alignment == present_alignment
        else:
            holds = False
        if not holds:
            problems.append(line)
    return problems


def described_library(header: Path, symbols: Path, folder: Path) -> Path:
    """A library with a header's functions, empty, and debug information of every type in it.

    What is released has no debug information; abidiff compares the types in this one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(header, folder / "candle_ffi.h")
    bodies = []
    for line in lines_of(symbols):
        if "\t" in line:
            declaration = line.split("\t")[1]
            nothing = re.match(r"void [^*]", declaration) is not None
            bodies.append(f"{declaration} {{ {'' if nothing else 'return 0; '}}}")
    source = folder / "described.c"
    source.write_text("\n".join(['#include "candle_ffi.h"', *bodies]) + "\n")
    library = folder / SONAME
    options = ["-std=c99", "-g", "-w", "-shared", "-fPIC", f"-Wl,-soname,{SONAME}"]
    # No path of this machine in what is recorded.
    options += [f"-ffile-prefix-map={folder}=."]
    run(compiler(), *options, source, "-o", library)
    return library


def compiler() -> str:
    """The C compiler."""
    return shutil.which("cc") or "cc"


def attempt(*command: object) -> tuple[int, str]:
    """The exit status and the output of a command."""
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300)
    return done.returncode, done.stdout + done.stderr


def run(*command: object) -> str:
    """The output of a command that must succeed."""
    status, printed = attempt(*command)
    assert status == 0, f"{' '.join(map(str, command))}\n{printed}"
    return printed
