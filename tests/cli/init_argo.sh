#!/usr/bin/env bash
# What a site keeps for a cluster: 'init argo' fills it in, shows what changes, and overwrites nothing that was
# edited. A resource on a volume gets the leaf template that mounts it; on this machine the same file runs.
#   init_argo.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
mkdir -p data/shop data/logs
echo precious >data/shop/file
echo line >data/logs/log
cat >inventory.yaml <<END
applications:
- id: shop
  volume: {claim: shop-data, path: $dir/data/shop}
  directories: [{id: files, path: $dir/data/shop}]
directories:
- {id: logs, path: $dir/data/logs, volume: {hostPath: /var/log/app, path: $dir/data/logs}}
postgresql:
- {id: db, host: db.example.org, database: shop, password_file: /etc/holdfast/secrets/db, volume: {claim: shop-data, path: $dir/data/shop}}
- {id: other, host: db.example.org, database: other, password_env: OTHER_PASSWORD}
END
printf '[local]\ninventory = %s/inventory.yaml\n' "$dir" | provider local-application local-directory local-postgresql

# A bank that is a folder needs a volume; nothing is written before that is known.
[ "$(code_of said holdfast init argo site)" = 3 ] || fail "$(cat said)"
grep -q -- '--bank claim:NAME' said || fail "$(cat said)"
[ ! -e site ] || fail "something was written"
# A dump of PostgreSQL is staged by one pod and taken by the next.
[ "$(code_of said holdfast init argo site --bank claim:bank)" = 3 ] || fail "$(cat said)"
grep -q 'what local-postgresql stages in /var/tmp would be gone in the pod of the next step' said || fail "$(cat said)"
[ ! -e site ] || fail "something was written"
for wrong in claim 'claim:Not_A_Name' 'hostPath:relative' 'nfs:x'; do
  [ "$(code_of said holdfast init argo site --bank "$wrong")" = 2 ] || fail "$wrong: $(cat said)"
done
for wrong in 0 root 1000:0 x:1; do
  [ "$(code_of said holdfast init argo site --bank claim:bank --run-as "$wrong")" = 2 ] || fail "$wrong: $(cat said)"
done
# What Kubernetes would refuse, or YAML read as something else, is no namespace and no image.
for wrong in 'x: y' 'a # b' 'A B' A -a a/b "$(printf '%064d' 0)"; do
  [ "$(code_of said holdfast init argo site --bank claim:bank --namespace="$wrong")" = 2 ] || fail "$wrong: $(cat said)"
  grep -qF -- "--namespace: '$wrong' is no name of a namespace" said || fail "$(cat said)"
done
for wrong in 'a b' 'a #b' 'a: b' "'a'" '"a"' registry.example.org/Holdfast holdfast@sha256:abc 'x/{{workflow.name}}'; do
  [ "$(code_of said holdfast init argo site --bank claim:bank --image "$wrong")" = 2 ] || fail "$wrong: $(cat said)"
  grep -qF -- "--image: '$wrong' is no name of an image" said || fail "$(cat said)"
done
[ ! -e site ] || fail "something was written"
image=registry.example.com/holdfast@sha256:$(printf '%064d' 7)
holdfast init argo site --bank claim:bank --staging hostPath:/srv/staging --image "$image" --run-as 1000:2000 --namespace backup >said 2>&1 || fail "$(cat said)"
grep -q '^wrote site/holdfast-steps.yaml$' said || fail "$(cat said)"
grep -qF 'create secret generic holdfast-secrets --from-file=/etc/holdfast/secrets/db --from-literal=OTHER_PASSWORD="$OTHER_PASSWORD"' said || fail "$(cat said)"
holdfast -q lint site/*.yaml || fail "lint"
"$here/../docs/argo_constructs.py" site/*.yaml >/dev/null || fail "docs/reference/argo-constructs.md"
cp -r site written

# One leaf template a volume, with that volume, and with no group that Kubernetes would give its files to.
python3 - site/holdfast-steps.yaml "$image" "$dir" <<'END'
import sys, yaml
document = yaml.safe_load(open(sys.argv[1]))
image, folder = sys.argv[2:]
templates = {t["name"]: t for t in document["spec"]["templates"]}
steps = sorted(n for n in templates if n.startswith("step-"))
assert len(steps) == 2 and steps[0].startswith("step-shop-data-") and steps[1].startswith("step-var-log-app-"), steps
def mounts(t): return {m["mountPath"]: m for m in t["container"]["volumeMounts"]}
def volumes(t): return {v["name"]: v for v in t["volumes"]}
# What starts a child Workflow is a pod of Argo's own, with an account that may.
child = templates.pop("child")
assert child["serviceAccountName"] == "holdfast-parent" and child["securityContext"]["runAsUser"] == 1000 and "resource" in child
for name, t in templates.items():
    c = t["container"]
    assert c["image"] == image and c["command"]
    s = c["securityContext"]
    assert s["readOnlyRootFilesystem"] and s["capabilities"]["drop"] == ["ALL"] and not s["allowPrivilegeEscalation"]
    p = t["securityContext"]
    assert p["runAsNonRoot"] and p["runAsUser"] == 1000 and p["runAsGroup"] == 2000 and p["seccompProfile"]["type"] == "RuntimeDefault"
    if name == "end-with-children":
        assert t["automountServiceAccountToken"] is True and t["serviceAccountName"] == "holdfast-parent"
    else:
        assert t["automountServiceAccountToken"] is False and t["serviceAccountName"] == "holdfast-step"
        assert t["executor"]["serviceAccountName"] == "holdfast-executor"
    assert {m["name"] for m in c["volumeMounts"]} == set(volumes(t)), name
    assert mounts(t)[folder + "/bank"]["name"] == "bank" and volumes(t)["bank"]["persistentVolumeClaim"] == {"claimName": "bank"}
    assert mounts(t)["/var/tmp"]["name"] == "staging" and volumes(t)["staging"]["hostPath"]["path"] == "/srv/staging"
    assert mounts(t)["/etc/holdfast/secrets/db"]["subPath"] == "db"
    assert any(e["name"] == "OTHER_PASSWORD" and e["valueFrom"]["secretKeyRef"]["name"] == "holdfast-secrets" for e in c["env"])
    # Logs would fill the status of a Workflow of many steps.
    assert c["terminationMessagePolicy"] == ("FallbackToLogsOnError" if name == "gc" else "File"), name
    assert ({"name": "HOLDFAST_TERMINATION_LOG", "value": "/dev/termination-log"} in c["env"]) == (name != "gc"), name
    assert "init:" not in str(t)
    on_volume = name.startswith("step-")
    sees_data = on_volume or name in ("end", "end-with-children", "gc")
    assert ("fsGroup" in p) != sees_data and ("fsGroupChangePolicy" in p) != sees_data, name
    sees = {folder + "/data/shop", folder + "/data/logs"} & set(mounts(t))
    assert len(sees) == (1 if on_volume else 2 if name in ("end", "end-with-children", "gc") else 0), (name, sees)
claim = templates[steps[0]]
assert volumes(claim)[steps[0][5:]]["persistentVolumeClaim"] == {"claimName": "shop-data"}
assert volumes(templates[steps[1]])[steps[1][5:]]["hostPath"] == {"path": "/var/log/app", "type": "Directory"}
config = {d["metadata"]["name"]: d["data"] for d in yaml.safe_load_all(open("site/config.yaml"))}
assert config["holdfast-providers"]["p.conf"] == open("providers.d/p.conf").read()
assert config["holdfast-inventory"]["inventory.yaml"] == open("inventory.yaml").read()
kustomization = yaml.safe_load(open("site/kustomization.yaml"))
import os
assert sorted(kustomization["resources"] + ["kustomization.yaml"]) == sorted(f for f in os.listdir("site") if f.endswith(".yaml"))
assert kustomization["namespace"] == "backup"
END
# What its gc runs every quarter of an hour, word by word, with the value that gc.yaml passes on.
python3 - site >gc.words <<'END'
import sys, yaml
task = yaml.safe_load(open(sys.argv[1] + "/gc.yaml"))["spec"]["workflowSpec"]["templates"][0]["dag"]["tasks"][0]
values = {p["name"]: p["value"] for p in task["arguments"]["parameters"]}
steps = yaml.safe_load(open(sys.argv[1] + "/holdfast-steps.yaml"))["spec"]["templates"]
gc = next(t for t in steps if t["name"] == task["templateRef"]["template"])["container"]
for word in gc["command"][1:] + gc["args"]:
    for name, value in values.items():
        word = word.replace("{{inputs.parameters.%s}}" % name, value)
    print(word)
END
mapfile -t words <gc.words
[ ${#words[@]} = 3 ] && holdfast "${words[@]}" >said 2>&1 || fail "'holdfast ${words[*]}' of its gc: $(cat said)"

# Again, with nothing said: the answers are remembered. What was edited stays, and what would change is shown.
holdfast init argo site >said 2>&1 || fail "$(cat said)"
[ "$(grep -c '^unchanged ' said)" = 6 ] || fail "$(cat said)"
sed -i 's/cpu: 50m/cpu: 70m/' site/holdfast-steps.yaml
cp site/holdfast-steps.yaml edited
holdfast init argo site --namespace other --dry-run >said 2>&1 || fail "$(cat said)"
grep -q '^namespace: backup$' site/kustomization.yaml || fail "a dry run wrote"
grep -q '^would update site/kustomization.yaml$' said || fail "$(cat said)"
holdfast init argo site --namespace other >said 2>&1 || fail "$(cat said)"
cmp -s site/holdfast-steps.yaml edited || fail "it was edited, and is another now"
grep -q '^left alone site/holdfast-steps.yaml: it was edited; what would change:$' said || fail "$(cat said)"
grep -qF -- '-        requests: {cpu: 70m, memory: 64Mi}' said || fail "$(cat said)"
grep -q '^updated site/kustomization.yaml$' said && grep -q '^namespace: other$' site/kustomization.yaml || fail "$(cat said)"
# As it was written, by hand: ours again.
cp written/holdfast-steps.yaml site/
holdfast init argo site --image other/image:1 >said 2>&1 || fail "$(cat said)"
grep -q '^updated site/holdfast-steps.yaml$' said && grep -q 'image: other/image:1$' site/holdfast-steps.yaml || fail "$(cat said)"
grep -q 'the image has no digest' said || fail "$(cat said)"
# Files that no record knows are somebody's.
rm site/.holdfast-init.json
sed -i '1d' site/gc.yaml
staging='--staging hostPath:/srv/staging'
holdfast init argo site --bank claim:bank $staging >said 2>&1 || fail "$(cat said)"
grep -q '^left alone site/gc.yaml' said || fail "$(cat said)"
holdfast --json init argo site | python3 -c '
import json, sys
outcomes = {d["file"]: d["outcome"] for d in map(json.loads, sys.stdin)}
assert outcomes["site/gc.yaml"] == "left alone" and outcomes["site/access.yaml"] == "unchanged", outcomes'
echo '{"format": 9}' >site/.holdfast-init.json
[ "$(code_of said holdfast init argo site)" = 3 ] || fail "$(cat said)"

# Two providers: gc of both. Two things in one place, and what Argo would interpret, are refused.
printf '[local]\ninventory = %s/inventory.yaml\n' "$dir" | provider_called q 0b0f6b1e-53f6-4f5c-9d0e-0f0a6d1d7a01 local-directory
holdfast -q init argo both --bank claim:bank $staging >/dev/null || fail "two providers"
holdfast -q lint both/*.yaml || fail "lint of two"
[ "$(grep -c 'template: gc}' both/gc.yaml)" = 2 ] || fail "$(cat both/gc.yaml)"
holdfast -q init argo one --bank claim:bank -p q >/dev/null || fail "one of two"
grep -q 'p.conf' one/config.yaml && fail "another provider's file"
rm providers.d/q.conf
cp inventory.yaml inventory.good
echo "sqlite: [{path: $dir/bank/x.db, volume: {claim: x, path: $dir/bank}}]" >>inventory.yaml
[ "$(code_of said holdfast init argo clash --bank claim:bank $staging)" = 3 ] || fail "$(cat said)"
grep -q 'where something else is' said || fail "$(cat said)"
cp inventory.good inventory.yaml
[ ! -e clash ] || fail "something was written"
sed "s,hostPath: /var/log/app,hostPath: '/var/{{workflow.name}}'," inventory.good >inventory.yaml
[ "$(code_of said holdfast init argo braces --bank claim:bank $staging)" = 3 ] || fail "$(cat said)"
grep -q 'cannot stand in a template of Argo' said || fail "$(cat said)"
cp inventory.good inventory.yaml
[ ! -e braces ] || fail "something was written"

# A namespace that YAML reads as a number is a text.
holdfast -q init argo number --bank claim:bank $staging --namespace 123 --image 456 >/dev/null || fail "a number"
grep -q '^namespace: "123"$' number/kustomization.yaml && grep -q 'image: "456"$' number/holdfast-steps.yaml || fail "unquoted"

# Names of files become keys: one that Kubernetes does not take is refused, with the file. A folder may have any.
unkeyed() { # FILE OBJECT
  [ "$(code_of said holdfast init argo keys --bank claim:bank $staging)" = 3 ] || fail "$1: $(cat said)"
  grep -qF "$1: '$(basename "$1")' cannot be a key of the $2" said || fail "$1: $(cat said)"
  [ ! -e keys ] || fail "something was written"
}
mv providers.d/p.conf 'providers.d/p q.conf'
unkeyed "$dir/providers.d/p q.conf" 'ConfigMap holdfast-providers'
mv 'providers.d/p q.conf' providers.d/p.conf
cp providers.d/p.conf p.good
mv inventory.yaml 'my inventory.yaml'
sed -i 's,/inventory.yaml,/my inventory.yaml,' providers.d/p.conf
unkeyed "$dir/my inventory.yaml" 'ConfigMap holdfast-inventory'
mv 'my inventory.yaml' inventory.yaml
cp p.good providers.d/p.conf
sed -i 's,/etc/holdfast/secrets/db,/etc/my secrets/db+1,' inventory.yaml
unkeyed '/etc/my secrets/db+1' 'Secret holdfast-secrets'
sed -i 's,db+1,db,; s,OTHER_PASSWORD,$(id),' inventory.yaml
[ "$(code_of said holdfast init argo keys --bank claim:bank $staging)" = 3 ] || fail "$(cat said)"
grep -qF "the variable '\$(id)' cannot be a key of the Secret holdfast-secrets" said || fail "$(cat said)"
sed -i 's,$(id),OTHER_PASSWORD,' inventory.yaml
holdfast init argo 'a site' --bank claim:bank $staging >said 2>&1 || fail "$(cat said)"
grep -qF "holdfast-secrets '--from-file=/etc/my secrets/db' --from-literal=" said || fail "$(cat said)"
grep -qF "kubectl apply -k 'a site'" said || fail "$(cat said)"
cp inventory.good inventory.yaml

# The compiled file names the volumes' templates. On this machine it runs with the templates of any machine, and
# with the site's.
printf 'name: all\nprovider: p\nresources: ["Local::Application#shop", "Local::Directory#logs"]\n' >all.yaml
sed -i '/^postgresql:/,$d' inventory.yaml
holdfast -q plan discover all.yaml
holdfast -q compile protect all.yaml -o all-protect.yaml || fail "compile"
grep -q 'template: step-shop-data-[0-9a-f]*}' all-protect.yaml && grep -q 'template: step-var-log-app-[0-9a-f]*}' all-protect.yaml || fail "$(cat all-protect.yaml)"
holdfast -q lint all-protect.yaml || fail "lint of the file"
holdfast -q lint all-protect.yaml written/holdfast-steps.yaml || fail "lint with the site's templates"
holdfast -q run all-protect.yaml >run.out 2>&1 || fail "run"
holdfast -q run all-protect.yaml --templates written >run.out 2>&1 || fail "run with the site's templates"
# A volume that the site has no template for: said before anything starts.
sed '/name: step-var-log/,/cap: "5m"/d' written/holdfast-steps.yaml >less.yaml
[ "$(code_of said holdfast lint all-protect.yaml less.yaml)" = 3 ] || fail "$(cat said)"
grep -q "there is no template 'step-var-log-app-" said || fail "$(cat said)"
