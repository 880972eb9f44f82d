#!/usr/bin/env python3
"""Derives runtime/lint/mistral_character_table.inc from the Python and the Jinja that Mistral runs with.

    derive_mistral_characters.py              print the table
    derive_mistral_characters.py --check F    exit 1 when F is not what it would print

Said of a character (mistral_characters.h): 1: \\w, 2: \\d, 4: it can begin an identifier, 8: it can stand in one, 16: Jinja takes it for a
part of a name, 32: \\s. A row is the first of the characters that have these.
"""
import re
import sys

from jinja2._identifier import pattern as name_of_jinja

TESTS = (re.compile(r"\w").match, re.compile(r"\d").match, str.isidentifier, lambda c: ("a" + c).isidentifier(), name_of_jinja.match, re.compile(r"\s").match)


def classes(number):
    if 0xD800 <= number <= 0xDFFF:
        return 0
    return sum(1 << bit for bit, test in enumerate(TESTS) if test(chr(number)))


def table():
    rows = [(number, classes(number)) for number in range(0x110000)]
    rows = [row for before, row in zip([(0, None)] + rows, rows) if row[1] != before[1]]
    out = ["// Made by tests/lint/derive_mistral_characters.py of Python 3.11 and Jinja. Not to be edited.", "", f"constexpr std::array<CharacterRow, {len(rows)}> kRows{{{{"]
    for begin in range(0, len(rows), 8):
        out.append("    " + " ".join(f"{{0x{number:X}, {said}}}," for number, said in rows[begin:begin + 8]))
    return "\n".join(out + ["}};", ""])


if sys.argv[1:2] == ["--check"]:
    with open(sys.argv[2], encoding="ascii") as file:
        if file.read() != table():
            sys.exit(f"{sys.argv[2]} is not what this Python and Jinja say: {sys.argv[0]} >{sys.argv[2]}")
else:
    sys.stdout.write(table())
