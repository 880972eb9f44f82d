#!/usr/bin/env python3
"""Derives runtime/lint/argo_field_table.inc from Argo's own definitions.

    derive_argo_fields.py CRDS_FOLDER SCHEMA            print the table
    derive_argo_fields.py CRDS_FOLDER SCHEMA --check F  exit 1 when F is not what it would print

CRDS_FOLDER holds Argo's full CustomResourceDefinitions as JSON (workflows.json ...): what a Kubernetes API
server checks a file against. SCHEMA is Argo's JSON schema, of which `metadata` is taken (definitions leave it
open). The kinds are those that we emit; `status`, which nobody writes, is left open. Definitions that occur
in many places are one shape. A keyword or rule that this script does not know ends it: a newer Argo is to be
looked at, not passed over.
"""
import json
import os
import sys

KINDS = ("workflows", "workflowtemplates", "cronworkflows")
IGNORED = {"description", "default", "format", "x-kubernetes-list-type", "x-kubernetes-map-type",
           "x-kubernetes-patch-merge-key", "x-kubernetes-patch-strategy", "title", "const"}
# Rules of the definitions (CEL) as "at most one of these fields"; None: checked elsewhere or not of what we emit.
RULES = {
    "at most one artifact location can be specified":
        [["s3", "git", "http", "artifactory", "hdfs", "raw", "oss", "gcs", "azure", "plugin"]],
    "'resourcesDuration.*' metrics cannot be used in real-time gauges": None,
    "only one of count or end can be defined": [["count", "end"]],
    "cannot use both 'depends' and 'dependencies'": [["depends", "dependencies"]],
    "cannot use 'continueOn' when using 'depends'": [["depends", "continueOn"]],
    "task name cannot begin with a digit when using 'depends' or 'dependencies'": None,
    "only one of manifest or manifestFrom can be specified": [["manifest", "manifestFrom"]],
    # These stand at the list of templates, and hold for each.
    "template must have at most one template type":
        [["container", "script", "dag", "steps", "resource", "suspend", "containerSet", "data", "http", "plugin"]],
    "timeout cannot be applied to steps or dag templates": [["timeout", "steps"], ["timeout", "dag"]],
    "activeDeadlineSeconds is only valid for leaf templates":
        [["activeDeadlineSeconds", "steps"], ["activeDeadlineSeconds", "dag"]],
}
NONE = "kNoLimit"


class Table:
    def __init__(self):
        self.shapes = []  # tuples of strings, as they are printed
        self.numbers = {}
        self.fields = []
        self.words = []

    def add(self, kind, first=0, count=0, least=NONE, most=NONE, words=(), pattern="", groups=()):
        key = json.dumps([kind, first, count, least, most, list(words), pattern, list(groups)])
        if key not in self.numbers:
            first_word = len(self.words) if words else 0
            self.words += list(words)
            # Groups of fields of which at most one may be there, each ended by an empty word.
            first_group = len(self.words) if groups else 0
            for group in groups:
                self.words += list(group) + [""]
            self.numbers[key] = len(self.shapes)
            self.shapes.append((kind, first, count, least, most, first_word, len(words), first_group,
                                len(self.words) - first_group if groups else 0, pattern))
        return self.numbers[key]

    def add_object(self, members, required, groups):
        """`members`: name -> shape number."""
        key = json.dumps(["object", sorted(members.items()), sorted(required), groups])
        if key not in self.numbers:
            first = len(self.fields)
            self.fields += [(name, shape, name in required) for name, shape in sorted(members.items())]
            self.numbers[key] = self.add("kObject", first, len(members), groups=groups)
        return self.numbers[key]

    def of(self, node, groups=()):
        """The shape of a definition. `groups`: rules that a list has given to its elements."""
        node = {k: v for k, v in node.items() if k not in IGNORED}
        kind = node.pop("type", None)
        if node.pop("x-kubernetes-int-or-string", False):
            node.pop("anyOf", None)
            pattern = node.pop("pattern", "")
            self.done(node)
            return self.add("kIntOrText", pattern=pattern)
        if node.pop("x-kubernetes-preserve-unknown-fields", False) or kind is None:
            return self.add("kAny")
        if kind == "boolean":
            self.done(node)
            return self.add("kBool")
        if kind in ("integer", "number"):
            least, most = node.pop("minimum", NONE), node.pop("maximum", NONE)
            self.done(node)
            return self.add("kInteger" if kind == "integer" else "kNumber", least=least, most=most)
        if kind == "string":
            words = node.pop("enum", [])
            least, most = node.pop("minLength", NONE), node.pop("maxLength", NONE)
            pattern = node.pop("pattern", "")
            self.done(node)
            return self.add("kText", least=least, most=most, words=words, pattern=pattern)
        if kind == "array":
            below = []
            for rule in node.pop("x-kubernetes-validations", []):
                below += RULES[rule["message"]] or []
            element = self.of(node.pop("items"), below)
            least, most = node.pop("minItems", NONE), node.pop("maxItems", NONE)
            keys = node.pop("x-kubernetes-list-map-keys", [])
            self.done(node)
            return self.add("kList", first=element, least=least, most=most, words=keys)
        if kind == "object":
            rules = list(groups)
            for rule in node.pop("x-kubernetes-validations", []):
                rules += RULES[rule["message"]] or []
            if "properties" in node:
                members = {name: self.of(member) for name, member in node.pop("properties").items()}
                required = node.pop("required", [])
                node.pop("additionalProperties", None)
                self.done(node)
                return self.add_object(members, required, rules)
            element = node.pop("additionalProperties", None)
            self.done(node)
            if not isinstance(element, dict):
                return self.add("kAny")
            return self.add("kMap", first=self.of(element))
        sys.exit(f"a definition has the unknown type '{kind}'")

    @staticmethod
    def done(node):
        if node:
            sys.exit(f"a definition has unknown keywords: {', '.join(sorted(node))}")


def resolve(schema, node):
    """A definition of the JSON schema with its references put in."""
    if "$ref" in node:
        return resolve(schema, schema["definitions"][node["$ref"].split("/")[-1]])
    out = {}
    for key, value in node.items():
        if key == "properties":
            out[key] = {name: resolve(schema, member) for name, member in value.items()}
        elif key in ("items", "additionalProperties") and isinstance(value, dict):
            out[key] = resolve(schema, value)
        else:
            out[key] = value
    return out


def text(word):
    # Bytes beyond ASCII are written as they are: the file is UTF-8.
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def derive(crds, schema_file):
    with open(schema_file, encoding="utf-8") as file:
        schema = json.load(file)
    metadata = resolve(schema, schema["definitions"]["io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"])
    table = Table()
    roots = []
    for kind in KINDS:
        with open(os.path.join(crds, kind + ".json"), encoding="utf-8") as file:
            spec = json.load(file)["spec"]
        for version in spec["versions"]:
            root = dict(version["schema"]["openAPIV3Schema"])
            root["properties"] = dict(root["properties"])
            root["properties"]["metadata"] = metadata
            root["properties"].pop("status", None)
            root["properties"]["status"] = {"x-kubernetes-preserve-unknown-fields": True}
            roots.append((f"{spec['group']}/{version['name']}", spec["names"]["kind"], table.of(root)))
    out = ["// Made by tests/lint/derive_argo_fields.py of Argo's definitions (Apache-2.0). Not to be edited.", ""]
    out += [f"constexpr std::array<std::string_view, {len(table.words)}> kWords{{{{"]
    out += [f"    {text(word)}," for word in table.words] + ["}};", ""]
    out += [f"constexpr std::array<Field, {len(table.fields)}> kFields{{{{"]
    out += [f"    {{{text(name)}, {shape}, {'true' if required else 'false'}}}," for name, shape, required in table.fields]
    out += ["}};", ""]
    out += [f"constexpr std::array<Shape, {len(table.shapes)}> kShapes{{{{"]
    for kind, first, count, least, most, word, words, group, groups, pattern in table.shapes:
        out.append(f"    {{Kind::{kind}, {first}, {count}, {least}, {most}, {word}, {words}, {group}, {groups}, {text(pattern)}}},")
    out += ["}};", ""]
    out += [f"constexpr std::array<Document, {len(roots)}> kDocuments{{{{"]
    out += [f"    {{{text(version)}, {text(kind)}, {shape}}}," for version, kind, shape in roots] + ["}};", ""]
    return "\n".join(out)


def main(arguments):
    if len(arguments) not in (2, 4) or (len(arguments) == 4 and arguments[2] != "--check"):
        sys.exit(__doc__)
    made = derive(arguments[0], arguments[1])
    if len(arguments) == 2:
        sys.stdout.write(made)
        return
    with open(arguments[3], encoding="utf-8") as file:
        if file.read() != made:
            sys.exit(f"{arguments[3]} is not what Argo's definitions say: "
                     f"'derive_argo_fields.py {arguments[0]} {arguments[1]} > {arguments[3]}'")


if __name__ == "__main__":
    main(sys.argv[1:])
