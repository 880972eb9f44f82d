#!/usr/bin/env bash
# What cluster.sh starts, built from the modules of Kubernetes and of Argo Workflows, once: half an hour of two cores that do
# other things as well, 7 GB in Go's caches. Kept in ${XDG_CACHE_HOME:-~/.cache}/holdfast-tests/bin; interrupted, it goes on where it was.
#   build.sh            builds what is not there yet, with the processor time that nobody else wants
#   build.sh missing    says what is missing, and fails; nothing when all is there
# kubernetes: the API server, the controller manager, the scheduler, the kubelet and kubectl in one program, so that what they share is
# compiled and linked once. argo-controller and argoexec are Argo's own commands. pause holds a pod together.
set -euo pipefail
cache=${XDG_CACHE_HOME:-$HOME/.cache}/holdfast-tests
bin=$cache/bin
kubernetes=v1.34.4
# Holdfast is written for 4.1.2. Where Go's module proxy has it, this may say so; built already, remove argo* in the folder of programs first.
argo=${HOLDFAST_TEST_ARGO_VERSION:-v4.0.5}

missing() {
  local program what=""
  for program in kubernetes argo-controller argoexec pause; do
    [ -x "$bin/$program" ] || what="${what:+$what, }$program"
  done
  [ -d "$cache/argo-definitions" ] || what="${what:+$what, }Argo's definitions"
  [ -z "$what" ] || { echo "missing: $what ('tests/engines/cluster/build.sh' builds them)"; return 1; }
}

idle() { chrt -i 0 nice -n 19 "$@"; }

# A module of our own that has the module as a dependency: what its go.mod replaces would else be left out, or keep it from being installed.
new_module() { # FOLDER MODULE VERSION
  mkdir -p "$1"
  cd "$1"
  rm -f go.mod go.sum
  go mod init holdfast.test/cluster 2>/dev/null
  go mod edit -require "$2@$3"
}

build_kubernetes() {
  local staged dir
  new_module "$cache/source/kubernetes" k8s.io/kubernetes $kubernetes
  dir=$(go mod download -json k8s.io/kubernetes@$kubernetes | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
  # Its libraries are folders of its repository there, and modules of their own here: v1.34.4 has v0.34.4 of each.
  sed -n 's,^\t\(k8s.io/[a-z-]*\) => ./staging/.*,\1,p' "$dir/go.mod" | while read -r staged; do
    go mod edit -replace "$staged=$staged@v0${kubernetes#v1}"
  done
  cat >main.go <<'END'
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	kubectl "k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

func main() {
	var command *cobra.Command
	if len(os.Args) < 2 {
		os.Args = append(os.Args, "")
	}
	switch os.Args[1] {
	case "apiserver":
		command = apiserver.NewAPIServerCommand()
	case "controllers":
		command = controllers.NewControllerManagerCommand()
	case "scheduler":
		command = scheduler.NewSchedulerCommand()
	case "kubelet":
		command = kubelet.NewKubeletCommand(context.Background())
	case "kubectl":
		os.Args = os.Args[1:]
		command = kubectl.NewDefaultKubectlCommand()
		if err := cli.RunNoErrOutput(command); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	default:
		fmt.Fprintln(os.Stderr, "kubernetes apiserver|controllers|scheduler|kubelet|kubectl ...")
		os.Exit(2)
	}
	os.Args = append([]string{os.Args[1]}, os.Args[2:]...)
	os.Exit(cli.Run(command))
}
END
  go mod tidy >/dev/null 2>&1 || go mod tidy
  # Without a version it takes itself for one of long ago, and refuses half of its own objects.
  CGO_ENABLED=0 idle go build -p 2 -trimpath -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=$kubernetes
    -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=34" -o "$bin/kubernetes.new" .
  mv "$bin/kubernetes.new" "$bin/kubernetes"
}

# Where the module of Argo is.
argo_folder() { go mod download -json "github.com/argoproj/argo-workflows/v4@$argo" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p'; }

build_argo() {
  local program from module=$cache/source/argo-$argo dir
  # A copy: a link of its repository, which archives of modules do not have, is missing in it.
  if ! [ -d "$module" ]; then
    dir=$(argo_folder)
    rm -rf "$module.new"
    cp -r "$dir" "$module.new"
    chmod -R u+w "$module.new"
    cd "$module.new/workflow/executor/osspecific"
    [ -e signal_linux.go ] || cp signal_darwin.go signal_linux.go
    mv "$module.new" "$module"
  fi
  new_module "$cache/source/argo" github.com/argoproj/argo-workflows/v4 "$argo"
  go mod edit -replace "github.com/argoproj/argo-workflows/v4=$module"
  for program in argo-controller argoexec; do
    from=$program
    [ $program = argoexec ] || from=workflow-controller
    [ -x "$bin/$program" ] || CGO_ENABLED=0 idle go build -mod=mod -p 2 -trimpath \
      -ldflags "-s -w -X github.com/argoproj/argo-workflows/v4.version=$argo" \
      -o "$bin/$program" "github.com/argoproj/argo-workflows/v4/cmd/$from"
  done
}

# Its definitions, as they are in the module.
copy_definitions() {
  local dir
  dir=$(argo_folder)
  rm -rf "$cache/argo-definitions"
  mkdir "$cache/argo-definitions"
  cp "$dir"/manifests/base/crds/full/argoproj.io_*.yaml "$cache/argo-definitions/"
  chmod -R u+w "$cache/argo-definitions"
}

build_pause() {
  mkdir -p "$cache/source/pause"
  cd "$cache/source/pause"
  cat >pause.c <<'END'
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void end(int signal) { _exit(0 * signal); }
static void reap(int signal) { while (waitpid(-1 + 0 * signal, 0, WNOHANG) > 0) {} }

int main(void) {
  signal(SIGTERM, end);
  signal(SIGINT, end);
  signal(SIGCHLD, reap);
  for (;;) pause();
}
END
  cc -static -Os -s -o "$bin/pause" pause.c
}

case ${1:-} in
  missing) missing ;;
  "")
    command -v go >/dev/null || { echo "build.sh: building a cluster needs a Go toolchain, 1.25.7 or newer" >&2; exit 77; }
    mkdir -p "$bin"
    [ -x "$bin/pause" ] || (build_pause)
    [ -x "$bin/kubernetes" ] || (build_kubernetes)
    [ -d "$cache/argo-definitions" ] || (copy_definitions)
    if ! [ -x "$bin/argo-controller" ] || ! [ -x "$bin/argoexec" ]; then (build_argo); fi
    ;;
  *) sed -n '2,7p' "$0" >&2; exit 2 ;;
esac
