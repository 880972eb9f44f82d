#!/usr/bin/env bash
# The completion scripts know every command, also by its other names, and the options of each.
#   completion.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
holdfast completion bash >bash.sh
holdfast completion zsh >zsh.sh
holdfast completion fish >fish.sh

# completed WORD...: what bash offers for the last one.
completed() {
  bash -c 'source bash.sh; COMP_WORDS=(holdfast "$@"); COMP_CWORD=$#; _holdfast; printf "%s\n" "${COMPREPLY[@]}"' _ "$@"
}
completed checkp | grep -qx checkpoints || fail "a command: $(completed checkp)"
completed checkpoints pr | grep -qx prune || fail "a command of a command"
completed checkpoints prune --keep-y | grep -qx -- --keep-yearly || fail "its option: $(completed checkpoints prune --keep-y)"
completed compile protect --eng | grep -qx -- --engine || fail "an option"
completed can | grep -qx cancel || fail "a command by its other name"
sed '1,2d' zsh.sh | diff - bash.sh || fail "zsh runs another one"

# fish: a line for each, that holds where all of its commands stand before.
has() { grep -qF -- "$1" fish.sh || fail "fish lacks: $1"; }
has "complete -c holdfast -n '__fish_use_subcommand' -a checkpoints "
has "complete -c holdfast -n '__fish_use_subcommand' -a cancel "
has "complete -c holdfast -n '__fish_seen_subcommand_from checkpoints' -a prune "
has "complete -c holdfast -n '__fish_seen_subcommand_from checkpoints; and __fish_seen_subcommand_from prune' -l keep-yearly "
has "complete -c holdfast -n '__fish_seen_subcommand_from compile; and __fish_seen_subcommand_from protect' -l engine "
has "complete -c holdfast -n '__fish_seen_subcommand_from bank; and __fish_seen_subcommand_from key; and __fish_seen_subcommand_from new' "
for option in $(grep -o -- ' --[a-z][a-z-]*' bash.sh | sort -u); do
  grep -q -- " -l ${option#--} " fish.sh || fail "fish does not know $option"
done
! command -v fish >fish.path || fish -n fish.sh || fail "fish does not take it"
