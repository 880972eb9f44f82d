#!/usr/bin/env python3
"""Every field and parameter that the compiler writes into files of Argo, and that templates/argo has, is named in
docs/reference/argo-constructs.md.

  argo_constructs.py [FILE...]

With FILEs, those that 'init argo' has written, theirs, too; and then each field that a row of the page is about has to be written.
"""
import glob
import re
import sys
from pathlib import Path

import yaml

SOURCE = Path(__file__).resolve().parents[2]
PAGE = SOURCE / "docs/reference/argo-constructs.md"


def collect(value, fields, parameters):
    if isinstance(value, list):
        for item in value:
            collect(item, fields, parameters)
        return
    if not isinstance(value, dict):
        return
    for key, inner in value.items():
        fields.add(key)
        if key == "parameters":
            parameters.update(parameter["name"] for parameter in inner)
        if key == "manifest":  # of a child Workflow: its parameters in braces are numbers
            inner = yaml.safe_load(re.sub(r": {{[^}]*}}", ": 1", inner))
        if key != "data":  # of a ConfigMap: the site's
            collect(inner, fields, parameters)


def main():
    fields, parameters, names = set(), set(), sys.argv[1:]
    for pattern in ("tests/golden/*/expected.argo*.yaml", "tests/golden/*/expected.argo.children/*.yaml", "templates/argo/*.yaml"):
        names += glob.glob(str(SOURCE / pattern))
    for name in names:
        with open(name) as file:
            for document in yaml.safe_load_all(file):
                collect(document, fields, parameters)
    # What no golden file has, such as `suspend`.
    for source in (SOURCE / "compiler/emit/argo").glob("*.cc"):
        for keys in re.findall(r'Key\("(\w+)"\)|Member\(\w+, "(\w+)"', source.read_text()):
            fields.update(filter(None, keys))
    text = PAGE.read_text()
    spans = re.findall(r"`([^`\n]+)`", text)
    named = set(spans) | {word for span in spans for word in re.findall(r"[A-Za-z0-9./-]*[A-Za-z0-9]", span)}
    named |= {part for word in named for part in word.split(".")}
    code = 0
    for what, found in (("field", fields), ("parameter", parameters)):
        for name in sorted(found - named):
            print(f"{PAGE.name} does not name the {what} `{name}`", file=sys.stderr)
            code = 1
    # The first cell of a row: a field of ours, but where the page says what is not written.
    for line in text[:text.index("## What is not written")].splitlines():
        if not sys.argv[1:] or not line.startswith("| `"):
            continue
        for span in re.findall(r"`([^`]+)`", line.split(" | ")[0]):
            field = span.split(":")[0].split(".")[-1]
            if re.fullmatch(r"[a-z]+[A-Z][A-Za-z]*", field) and field not in fields:
                print(f"{PAGE.name} has a row about `{span}`, which nothing writes", file=sys.stderr)
                code = 1
    if code == 0:
        print(f"{len(fields)} fields and {len(parameters)} parameters of {len(names)} files, each in {PAGE.name}")
    return code


sys.exit(main())
