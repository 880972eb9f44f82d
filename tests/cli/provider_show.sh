#!/usr/bin/env bash
# `holdfast providers show NAME` says everything of one provider: where it stands, its bank and where that is,
# its plugins, and each setting in effect with where it is from; of a secret only where it stands.
#   provider_show.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
rmdir bank
cat >providers.d/p.conf <<END
[provider]
name = p
id = 0b0f6b1e-53f6-4f5c-9d0e-0f0a6d1d7a04
description = Of the shop
bank = filesystem
plugin = local-directory
plugin = local-postgresql
plugin = karbor-server-protection-plugin
enabled = false
[filesystem]
path = $dir/bank
segment_size = 4 MiB
[local]
inventory = $dir/inventory.yaml
[local_postgresql]
password_file = $dir/secret
END
holdfast providers show p >show.out 2>show.err || fail "a provider that is disabled cannot be looked at: $(cat show.err)"
says() { grep -qF -- "$1" show.out || fail "it does not say '$1': $(cat show.out)"; }
says "p (0b0f6b1e-53f6-4f5c-9d0e-0f0a6d1d7a04)"
says "  Of the shop"
says "  file: $dir/providers.d/p.conf"
says "  enabled: no"
says "  bank: filesystem, "
says "the bank at '$dir/bank' is not there yet"
says "      path = $dir/bank ($dir/providers.d/p.conf:11): "
says "      segment_size = 4 MiB ($dir/providers.d/p.conf:12): "
says "      parallel = 4 (default): "
says "  local-directory: "
says "    protects Local::Directory"
says "    versions: settings 1, saved info 1"
says "      inventory = $dir/inventory.yaml ($dir/providers.d/p.conf:14): "
says "      activity_timeout = 1d (default): "
says "    parameters of restore"
grep -q "^warning: .*:8: plugin 'karbor-server-protection-plugin' is known, but not built in" show.err || fail "$(cat show.err)"
[ ! -e bank ] || fail "looking made the bank"
says "      password = file $dir/secret ($dir/providers.d/p.conf:16): "
mkdir bank
holdfast providers show p 2>/dev/null >show.out
says "filesystem bank at $dir/bank"

# A secret in clear is never shown.
sed -i "s#^password_file = .*#password = hunter2#" providers.d/p.conf
holdfast providers show p >show.out 2>show.err || cat show.err >>show.out
holdfast --json providers show p >show.json 2>>show.err || true # refused or not: it must not be there
! grep -q hunter2 show.out show.err show.json || fail "a secret is shown"

sed -i '/^.local_postgresql.$/,$d; /^plugin = local-postgresql/d' providers.d/p.conf
holdfast --json providers show p >show.json
python3 - "$dir" <<'END'
import json, sys
dir = sys.argv[1]
data = [json.loads(line) for line in open("show.json")]
provider, = [d for d in data if d["message_type"] == "provider"]
assert provider["name"] == "p" and provider["description"] == "Of the shop" and provider["enabled"] is False, provider
assert any("not built in" in w for w in provider["warnings"]), provider["warnings"]
bank = provider["bank"]
assert bank["name"] == "filesystem" and bank["there"] is True and bank["location"].endswith(dir + "/bank"), bank
settings = {s["name"]: s for s in bank["settings_in_effect"]}
assert settings["path"] == {"name": "path", "section": "filesystem", "value": dir + "/bank", "source": "file",
                            "file": dir + "/providers.d/p.conf", "line": 10}, settings["path"]
assert settings["parallel"] == {"name": "parallel", "section": "filesystem", "value": "4", "source": "default"}
plugin, = [d for d in data if d["message_type"] == "plugin"]
assert plugin["name"] == "local-directory" and plugin["types"] == ["Local::Directory"], plugin
assert any(s["name"] == "activity_timeout" and s["source"] == "default" for s in plugin["settings_in_effect"])
assert plugin["schemas"]["settings"]["x-version"] == 1 and plugin["schemas"]["saved_info"]["x-version"] == 1
found, = [d for d in data if d["message_type"] == "protectable"]
assert found["type"] == "Local::Directory" and found["settings_in_effect"][0]["line"] == 13, found
END
