# Holdfast: `make demo` shows the main job, `make test` builds and tests. Both install what they need.
BUILD ?= build
JOBS ?= 2
CTEST ?= ctest --test-dir $(BUILD) --output-on-failure -j $(JOBS)

.PHONY: all demo demo-can test bench soak install image uninstall clean packages-build packages-test packages-soak packages-image packages-mistral packages-swift
.DEFAULT_GOAL := all

# What a build folder was made with stays; a new one gets failpoints, so that `make test` builds on what `make` built.
new = $(if $(wildcard $(BUILD)/CMakeCache.txt),,-DHOLDFAST_FAILPOINTS=ON -DHOLDFAST_PCH=ON $(1))

# The programs, without the tests: build/bin/holdfast, build/bin/holdfast-step, build/lib/holdfast.
all: packages-build
	@cmake -S . -B $(BUILD) -G Ninja --log-level=WARNING $(call new,-DHOLDFAST_TESTS=OFF)
	@ninja -C $(BUILD) -j $(JOBS) programs

# ENGINE=argo: on a cluster with Argo, with the image of a release build unless another one is named. ENGINE=mistral: on
# a Mistral of its own, which is installed for it and not started as a service.
# BANK=swift or s3: into a Swift of its own, installed likewise.
ENGINE ?= local
BANK ?= filesystem
demo: $(if $(filter mistral,$(ENGINE)),packages-mistral) $(if $(filter swift s3,$(BANK)),packages-swift) demo-can all $(if $(filter argo,$(ENGINE)),$(if $(HOLDFAST_TEST_IMAGE),,image))
	@ENGINE="$(ENGINE)" BANK="$(BANK)" BUILD="$(BUILD)" tests/demo/demo.sh
# What is missing is said before anything is built.
demo-can:
	@ENGINE="$(ENGINE)" BANK="$(BANK)" tests/demo/demo.sh missing

test: packages-test
	@cmake -S . -B $(BUILD) -G Ninja --log-level=WARNING $(call new) -DHOLDFAST_TESTS=ON
	@ninja -C $(BUILD) -j $(JOBS)
	@$(CTEST) -LE 'soak|bench|engines|cluster'

# Of a release build: what is installed for use.
bench: packages-soak
	@cmake --preset release --log-level=WARNING
	@cmake --build --preset release -j $(JOBS)
	@BUILD=build-release tests/bench/bench.sh

soak: packages-soak
	@tests/soak.sh

# A release build of its own: what is installed is optimised and has no failpoints. DESTDIR and PREFIX as
# usual.
PREFIX ?= /usr/local
install: packages-build
	@cmake --preset release --log-level=WARNING
	@ninja -C build-release -j $(JOBS) programs
	@DESTDIR="$(DESTDIR)" cmake --install build-release --prefix "$(PREFIX)"

# The OCI image in which steps run, of the same build; no registry, no daemon. IMAGE=NAME:TAG is what it is called.
IMAGE ?=
image: packages-image
	@cmake --preset release --log-level=WARNING
	@ninja -C build-release -j $(JOBS) programs
	@templates/image/build.sh build-release $(if $(IMAGE),"$(IMAGE)")

clean:
	@rm -rf $(BUILD) build-*

packages-build packages-test packages-soak packages-image packages-mistral packages-swift:
	@tests/setup/install_packages.sh $(@:packages-%=%)
