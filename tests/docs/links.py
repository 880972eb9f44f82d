#!/usr/bin/env python3
"""Every link of a page to a file of ours leads to one, and to a heading that is there."""
import re
import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]


def anchors(page):
    """Of the headings, as forges make them."""
    lines = re.sub(r"```.*?```", "", page.read_text(), flags=re.S).splitlines()
    return {re.sub(r"[^\w\- ]", "", line.lstrip("#").strip().lower()).replace(" ", "-") for line in lines if line.startswith("#")}


def main():
    pages = [*SOURCE.glob("*.md"), *SOURCE.glob("docs/**/*.md"), *SOURCE.glob("tests/**/README.md")]
    links = broken = 0
    for page in pages:
        for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```", "", page.read_text(), flags=re.S)):
            if "://" in target:
                continue
            links += 1
            path, _, anchor = target.partition("#")
            file = (page.parent / path).resolve() if path else page
            if not file.exists() or (anchor and anchor not in anchors(file)):
                print(f"{page.relative_to(SOURCE)}: {target} leads nowhere", file=sys.stderr)
                broken += 1
    if not broken:
        print(f"{links} links on {len(pages)} pages")
    return broken != 0


sys.exit(main())
