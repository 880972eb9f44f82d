#!/usr/bin/env python3
"""Every #include "..." of compiler/, runtime/ and plugins/ goes along the table of layers.

check_includes.py LAYERS SOURCES: LAYERS is what the configure step writes from the table in the root
CMakeLists.txt (layers.txt). A header may link nothing and still pull one layer into another, which the
check of the links does not see. Prints each wrong line as FILE:LINE: ...; exit code 1 then.
"""
import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"')


def read_layers(path):
    may, folders = {}, {}
    for line in path.read_text().splitlines():
        kind, name, *rest = line.split()
        if kind == "may":
            may[name] = set(rest)
        else:
            folders.setdefault(name, set()).update(rest)
    return may, folders


def folder_of(path, folders):
    """The nearest folder that has a target."""
    return next((str(up) for up in path.parents if str(up) in folders), None)


def faults(may, folders, root):
    for top in ("compiler", "runtime", "plugins"):
        for path in sorted((root / top).rglob("*")):
            if path.suffix not in (".cc", ".h"):
                continue
            name = path.relative_to(root)
            here = folder_of(name, folders)
            for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
                found = INCLUDE.match(line)
                if not found:
                    continue
                place, other = f"{name}:{number}", pathlib.PurePath(found[1])
                if other.suffix == ".inc":  # generated
                    continue
                if not (root / other).is_file():
                    yield f"{place}: \"{other}\" is no path from the root of the sources"
                    continue
                there = folder_of(other, folders)
                if here is None or there is None:
                    yield f"{place}: {name if here is None else other} is in the folder of no target"
                elif here != there:
                    for layer in sorted(folders[here]):
                        for used in sorted(folders[there] - may[layer]):
                            yield f"{place}: {here} ({layer}) may not include {other} ({used})"


def main():
    may, folders = read_layers(pathlib.Path(sys.argv[1]))
    wrong = list(faults(may, folders, pathlib.Path(sys.argv[2])))
    print("\n".join(wrong) if wrong else f"{len(folders)} folders include only what they may")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
