#!/usr/bin/env bash
# Skipped (77) where Argo's definitions are not at hand: HOLDFAST_ARGO_SCHEMA names its JSON schema, and its
# CustomResourceDefinitions lie in the folder crds beside that.
set -euo pipefail
cd "$(dirname "$0")/../.."
[ -n "${HOLDFAST_ARGO_SCHEMA:-}" ] || { echo "HOLDFAST_ARGO_SCHEMA does not name Argo's JSON schema"; exit 77; }
tests/lint/derive_argo_fields.py "$(dirname "$HOLDFAST_ARGO_SCHEMA")/crds" "$HOLDFAST_ARGO_SCHEMA" \
  --check runtime/lint/argo_field_table.inc
