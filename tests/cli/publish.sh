#!/usr/bin/env bash
# A workflow that another engine starts: its bundle gets into the bank by 'holdfast publish', without which `begin`
# refuses, and 'gc' leaves it there until it is withdrawn.
#   publish.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
mkdir data
echo precious >data/file
printf 'directories: [{id: data, path: %s/data}]\n' "$dir" >inventory.yaml
printf '[local]\ninventory = %s/inventory.yaml\n' "$dir" | provider local-directory
printf 'name: data\nprovider: p\nresources: ["Local::Directory#data"]\n' >data.yaml
holdfast -q plan discover data.yaml
holdfast -q compile protect data.yaml -o protect.yaml
begin=$(holdfast step show protect.yaml begin --run-id first 2>/dev/null)
[ "$(code_of said sh -c "$begin")" = 10 ] || fail "a bundle that is not in the bank: $(cat said)"
grep -q "'holdfast publish FILE'" said || fail "$(cat said)"

holdfast publish protect.yaml >said 2>&1 || fail "$(cat said)"
grep -q '^published the bundle of protect.yaml ([0-9a-f]\{12\})$' said || fail "$(cat said)"
holdfast -q publish protect.yaml || fail "a second time"
sha256=$(holdfast --json publish protect.yaml | python3 -c 'import json, sys; d = json.loads(sys.stdin.readline()); assert d["published"]; print(d["sha256"])')
grep -q "$sha256" protect.yaml || fail "another bundle than the file's: $sha256"
sh -c "$begin" >said 2>&1 || fail "$(cat said)"
find "$dir" -path "*$sha256/published" | grep -q . || fail "nothing keeps gc from removing it"

holdfast publish --withdraw protect.yaml >said 2>&1 || fail "$(cat said)"
find "$dir" -path "*$sha256/published" | grep -q . && fail "it is still published"
holdfast -q publish --withdraw protect.yaml || fail "withdrawn twice"
sed 's/[0-9a-f]\{64\}/'"$(printf '%064d' 0)"'/' protect.yaml >other.yaml
[ "$(code_of said holdfast publish other.yaml --bundle protect.bundle)" = 3 ] || fail "$(cat said)"

# A schedule becomes a CronWorkflow beside the template; what comes next is said.
cat >>data.yaml <<'END'
schedule: {cron: "30 4 * * 7", timezone: Europe/Berlin, starting_deadline: 1h}
END
holdfast compile protect data.yaml --kind template -o nightly.yaml >said 2>&1 || fail "$(cat said)"
grep -q '^kind: CronWorkflow$' nightly.schedule.yaml || fail "$(cat nightly.schedule.yaml)"
grep -qF -- '- "30 4 * * 0"' nightly.schedule.yaml || fail "$(cat nightly.schedule.yaml)"
holdfast verify-workflow nightly.yaml >verified 2>&1 || fail "$(cat verified)"
grep -q '^nightly.schedule.yaml: starts it when its plan says$' verified || fail "$(cat verified)"
sed 's/Forbid/Allow/' nightly.schedule.yaml >edited.yaml
[ "$(code_of verified holdfast verify-workflow nightly.yaml --schedule edited.yaml)" = 3 ] || fail "an edited schedule is taken"
grep -qF "edited.yaml:14: 'concurrencyPolicy' is \"Allow\", and \"Forbid\" by its plan" verified || fail "$(cat verified)"
# It starts the template of its name, and no Workflow.
sed 's/^  name: data-protect$/  name: zz-protect/' nightly.yaml >renamed.yaml
[ "$(code_of verified holdfast verify-workflow renamed.yaml --bundle nightly.bundle --schedule nightly.schedule.yaml)" = 3 ] || fail "another name is taken: $(cat verified)"
grep -q "renamed.yaml:[0-9]*: 'name' is \"zz-protect\", and \"data-protect\" by its plan" verified || fail "$(cat verified)"
holdfast -q compile protect data.yaml -o by-hand.yaml || fail "compile"
holdfast verify-workflow by-hand.yaml >verified 2>&1 || fail "$(cat verified)"
[ "$(code_of verified holdfast verify-workflow by-hand.yaml --schedule nightly.schedule.yaml)" = 3 ] || fail "the schedule of a template is taken: $(cat verified)"
grep -q 'nightly.schedule.yaml starts a WorkflowTemplate, and by-hand.yaml is a Workflow' verified || fail "$(cat verified)"
if [ -f /usr/share/zoneinfo/Europe/Berlin ]; then
  expected=$(for week in 0 1 2 3 4; do date -d "$(TZ=Europe/Berlin date +%F) + $(((7 - $(TZ=Europe/Berlin date +%u)) % 7 + 7 * week)) days" '+%F 04:30'; done | paste -sd, | sed 's/,/, /g')
  # On a Sunday after half past four the first of them is over.
  grep -qF "next runs (Europe/Berlin) $expected" said || [ "$(TZ=Europe/Berlin date +%u)" = 7 ] || fail "expected $expected: $(cat said)"
  grep -q warning said && fail "$(cat said)"
else
  grep -q 'does not know the time zone Europe/Berlin' said || fail "$(cat said)"
fi
grep -q "holdfast publish nightly.yaml" said || fail "$(cat said)"
if [ -f /usr/share/zoneinfo/Europe/Berlin ]; then
  # Hours that the clocks leave out in spring and show twice in autumn.
  sed 's/"30 4 /"30 2 /' data.yaml >odd.yaml
  cp data.graph.yaml odd.graph.yaml
  holdfast -q compile protect odd.yaml --kind template -o odd-nightly.yaml >said 2>&1 || fail "$(cat said)"
  for words in 'no run at 20..-03-.. 02:30' 'two runs at 20..-10-.. 02:30'; do
    grep -q "^warning: odd.yaml:4:18: .*$words.*: the clocks of Europe/Berlin are changed then \[each run of '30 3 \* \* 7' comes once\]$" said || fail "no '$words': $(cat said)"
  done
  holdfast --json compile protect odd.yaml --kind template -o odd-nightly.yaml >said 2>/dev/null || fail "$(cat said)"
  grep -q 'the clocks of Europe/Berlin are changed then.*"message_type":"warning"' said || fail "$(cat said)"
  # The last Sunday of March of next year: nobody runs then.
  never=$(python3 -c 'import datetime; d = datetime.date(datetime.date.today().year + 1, 3, 31); print(d - datetime.timedelta((d.weekday() + 1) % 7))')
  sed "s/30 4 \* \* 7/30 2 ${never##*-} 3 */" data.yaml >odd.yaml
  holdfast compile protect odd.yaml --kind template -o odd-nightly.yaml >said 2>&1 || fail "$(cat said)"
  grep -q "next runs (Europe/Berlin) .*-03-${never##*-} 02:30" said || fail "$(cat said)"
  grep 'next runs' said | grep -qF "$never" && fail "a run at a time that does not exist, $never: $(cat said)"
fi
# A zone that does not exist would never run. Without the database of zones nobody can tell.
mkdir -p zones/Europe zones/right/Europe zones/posix/Europe none
for zone in UTC Europe/Berlin right/Europe/Berlin posix/Europe/Berlin localtime posixrules Factory; do printf TZif >zones/$zone; done
printf '# no zone' >zones/leapseconds
only_here="right/Europe/Berlin posix/Europe/Berlin localtime posixrules Factory Local"
for wrong in Mars/X europe/berlin Europe leapseconds $only_here; do
  sed "s,Europe/Berlin,$wrong," data.yaml >wrong.yaml
  cp data.graph.yaml wrong.graph.yaml
  [ "$(code_of said env TZDIR="$dir/zones" holdfast compile protect wrong.yaml --kind template -o wrong-nightly.yaml)" = 3 ] || fail "$wrong: $(cat said)"
  grep -qF "wrong.yaml:4:42: there is no time zone '$wrong'" said || fail "$(cat said)"
  [ ! -e wrong-nightly.yaml ] || fail "something was written"
  case " $only_here " in *" $wrong "*)
    [ "$(code_of said env TZDIR="$dir/none" holdfast compile protect wrong.yaml --kind template)" = 3 ] || fail "$wrong without a database: $(cat said)"
    continue ;;
  esac
  TZDIR=$dir/none holdfast compile protect wrong.yaml --kind template -o unknown.yaml >said 2>&1 || fail "$wrong: $(cat said)"
  grep -qF "this machine does not know the time zone $wrong" said || fail "$(cat said)"
done
sed 's,Europe/Berlin,europe/berlin,' data.yaml >wrong.yaml
[ "$(code_of said env TZDIR="$dir/zones" holdfast compile protect wrong.yaml --kind template)" = 3 ] || fail "$(cat said)"
grep -qF "did you mean 'Europe/Berlin'?" said || fail "$(cat said)"
for right in Europe/Berlin UTC Etc/UTC; do
  sed "s,Europe/Berlin,$right," data.yaml >wrong.yaml
  TZDIR=$dir/zones holdfast -q compile protect wrong.yaml --kind template -o right.yaml || fail "$right"
done
holdfast compile protect data.yaml -o once.yaml >said 2>&1
[ ! -e once.schedule.yaml ] && grep -q -- '--kind template writes it' said || fail "$(cat said)"
sed -i '$d' data.yaml
holdfast compile protect data.yaml --kind template -o nightly.yaml >said 2>&1
grep -q 'nightly.schedule.yaml is of an earlier compile' said || fail "$(cat said)"
