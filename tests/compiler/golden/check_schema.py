#!/usr/bin/env python3
"""Checks workflow files against Argo's own JSON schema: check_schema.py SCHEMA FILE...

Argo publishes a schema that lets unknown keys pass, so every object with properties is closed first.
"""
import json
import sys

try:
    import jsonschema
    import yaml
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)


class StringLoader(yaml.SafeLoader):
    """Dates stay texts, as they do for Argo."""


StringLoader.yaml_implicit_resolvers = {
    key: [(tag, pattern) for tag, pattern in value if tag != "tag:yaml.org,2002:timestamp"]
    for key, value in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def close(node):
    if isinstance(node, dict):
        if "properties" in node and "additionalProperties" not in node:
            node["additionalProperties"] = False
        # IntOrString: the schema says string, Argo takes both.
        if str(node.get("$ref", "")).endswith("util.intstr.IntOrString"):
            node.pop("$ref")
            node["type"] = ["string", "integer"]
        for value in node.values():
            close(value)
    elif isinstance(node, list):
        for value in node:
            close(value)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        schema = json.load(file)
    close(schema)
    faults = 0
    for path in sys.argv[2:]:
        with open(path, encoding="utf-8") as file:
            for document in yaml.load_all(file, Loader=StringLoader):
                kind = "io.argoproj.workflow.v1alpha1." + document["kind"]
                validator = jsonschema.Draft7Validator(
                    {"$ref": "#/definitions/" + kind, "definitions": schema["definitions"]})
                for error in validator.iter_errors(document):
                    faults += 1
                    print("/".join(str(part) for part in error.absolute_path) + ": " + error.message[:300])
    sys.exit(1 if faults else 0)


main()
