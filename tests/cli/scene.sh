# Sourced first by the tests of this folder ("scene.sh"; their first argument is the build folder). The test
# then stands in a folder of its own, $dir, which goes at its end, with empty folders for providers, a bank
# and temporary files; the programs are those of the build; $engine, where it is set, is a process that is
# ended with the test.
set -euo pipefail
build=$(realpath "$1")
here=$(realpath "$(dirname "$0")")
test_name=$(basename "$0" .sh)
dir=$(mktemp -d "${TMPDIR:-/tmp}/holdfast-$test_name.XXXXXX")
engine=""
leave() {
  [ -z "$engine" ] || kill -9 $engine 2>/dev/null || true # it may have ended
  rm -rf "$dir"
}
trap leave EXIT
cd "$dir"
mkdir providers.d bank tmp
export PATH="$build/bin:$PATH" HOLDFAST_PROVIDER_CONFIG_DIR=$dir/providers.d TMPDIR=$dir/tmp

fail() { echo "$test_name: $*" >&2; exit 1; }

# A command's exit code; what it said goes into a file.
code_of() { # FILE COMMAND...
  local code=0
  "${@:2}" >"$1" 2>&1 || code=$?
  echo "$code"
}

# A member of the lines of one type that --json has printed.
field() { python3 -c 'import json, sys
for line in sys.stdin:
    o = json.loads(line)
    if o["message_type"] == sys.argv[1]: print(o.get(sys.argv[2], ""))' "$@"; }

# Waits until a command succeeds, at most $patience seconds; where it does not, says what `seen` prints.
patience=30
seen() { :; }
soon() { # COMMAND...
  for _ in $(seq $((patience * 10))); do "$@" && return; sleep 0.1; done
  fail "not soon: $*: $(seen)"
}

# A provider on the bank: its plugins as arguments, their sections on stdin.
provider_called() { # NAME ID PLUGIN...
  {
    printf '[provider]\nname = %s\nid = %s\nbank = filesystem\n' "$1" "$2"
    printf 'plugin = %s\n' "${@:3}"
    printf '[filesystem]\npath = %s/bank\n' "$dir"
    cat
  } >"providers.d/$1.conf"
}
# The one provider.
provider() { provider_called p 2e0c8826-81d6-44f5-bbe5-8f46a98c5845 "$@"; }

# The provider p with noop alone for disks, and n.graph.yaml, the resource graph of a plan n, with these. $noop:
# more lines of its section.
disks() { # ID...
  printf '[noop]\ntypes = X::Disk\ngraph = %s/n.graph.yaml\n%s\n' "$dir" "${noop:-}" | provider noop
  {
    printf 'format: 1\nresources:\n'
    printf -- "- {type: 'X::Disk', id: %s, name: %s}\n" $(for id in "$@"; do echo $id $id; done)
  } >n.graph.yaml
}
# The same with the disks a and b below a group.
grouped_disks() {
  printf '[noop]\ntypes = X::Disk, X::Group\ngraph = %s/n.graph.yaml\n%s\n' "$dir" "${noop:-}" | provider noop
  cat >n.graph.yaml <<END
format: 1
resources:
- type: 'X::Group'
  id: g
  name: g
  children: [{type: 'X::Disk', id: a}, {type: 'X::Disk', id: b}]
- {type: 'X::Disk', id: a, name: a}
- {type: 'X::Disk', id: b, name: b}
END
}

# Providers p and q of one bank and inventory, with these plugins: a command that does not say which one is none.
two_providers() { # PLUGIN...
  local n=0 name
  for name in p q; do
    n=$((n + 1))
    printf '[local]\ninventory = %s/inventory.yaml\n' "$dir" |
      provider_called $name 0b0f6b1e-53f6-4f5c-9d0e-0f0a6d1d7a0$n "$@"
  done
}

# An application app over the directory data, with these hooks (of a provider p: the caller's), and its plan.
application() { # QUIESCE RESUME
  mkdir data
  echo precious >data/file
  cat >inventory.yaml <<END
applications:
  - id: app
    quiesce: [sh, -c, '$1']
    resume: [sh, -c, '$2']
    directories: [{id: data, path: $dir/data}]
END
  printf 'name: app\nprovider: p\nresources: ["Local::Application#app"]\nparameters: {"Local::Directory": {snapshot: copy}}\n' >app.yaml
}

# Lets a checkpoint have been made at another time: its head and its entries in the indices as they would be.
made_at() { # ID TIME: such as 2024-10-27T01:30:00Z
  python3 - "$dir/bank/t/local" "$1" "$2" <<'END'
import hashlib, os, pathlib, re, sys
bank, id, time = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3].replace("Z", ".000Z")
def rewrite(path):
    object = path.read_bytes()
    body = object[:object.rindex(b',"sha256":"')]
    body, count = re.subn(rb'"created":"[^"]*"', b'"created":"' + time.encode() + b'"', body)
    assert count == 1, object
    os.chmod(path, 0o600)
    path.write_bytes(body + b',"sha256":"' + hashlib.sha256(body).hexdigest().encode() + b'"}')
rewrite(bank / "checkpoints" / id / "plan")
for entry in list((bank / "indices").rglob("*Z-" + id)):
    rewrite(entry)
    entry.rename(entry.with_name(re.sub("[-:]", "", time) + "-" + id))
END
}
