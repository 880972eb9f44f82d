# Holdfast: `make demo` shows the main job, `make test` builds and tests. Both install what they need.
BUILD ?= build
JOBS ?= 2
CTEST ?= ctest --test-dir $(BUILD) --output-on-failure -j $(JOBS)

.PHONY: all demo test bench soak install uninstall clean packages-build packages-test packages-soak
.DEFAULT_GOAL := all

# The programs, without the tests: build/bin/holdfast, build/bin/holdfast-step, build/lib/holdfast.
all: packages-build
	@cmake -S . -B $(BUILD) -G Ninja --log-level=WARNING $(if $(wildcard $(BUILD)/CMakeCache.txt),,-DHOLDFAST_TESTS=OFF)
	@ninja -C $(BUILD) -j $(JOBS) programs

demo: all
	@tests/demo/demo.sh

test: packages-test
	@cmake -S . -B $(BUILD) -G Ninja --log-level=WARNING -DHOLDFAST_TESTS=ON
	@ninja -C $(BUILD) -j $(JOBS)
	@$(CTEST) -LE 'soak|bench'

# Of a release build: what is installed for use.
bench: packages-soak
	@cmake --preset release --log-level=WARNING
	@cmake --build --preset release -j $(JOBS)
	@BUILD=build-release tests/bench/bench.sh

soak: packages-soak
	@tests/soak.sh

# DESTDIR and PREFIX as usual.
PREFIX ?= /usr/local
install: all
	@DESTDIR="$(DESTDIR)" cmake --install $(BUILD) --prefix "$(PREFIX)"

clean:
	@rm -rf $(BUILD) build-*

packages-build packages-test packages-soak:
	@tests/setup/install_packages.sh $(@:packages-%=%)
