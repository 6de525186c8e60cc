# Everything a person types; `make` alone lists it. The build itself is CMake's and Ninja's (CMakePresets.json).

HTTP_PORT ?= 8080
SSH_PORT ?= 2222
NINJA ?= ninja

.PHONY: help run test test-all arm64 bench lint fuzz deps build clean

help:
	@echo 'make run       build Kiln, assemble examples/arm64.yml and boot it in QEMU'
	@echo 'make test      everything: lint, unit tests, a short fuzzing run, boots of arm64 and amd64'
	@echo 'make test-all  that, and the tests that take too long for every change'
	@echo 'make arm64     Kiln itself for arm64: build/arm64/bin/kiln, and its tests under emulation'
	@echo 'make build     build Kiln alone: build/release/bin/kiln'
	@echo 'make bench     the benchmarks of bench/RESULTS.md'
	@echo 'make lint      formatting and static analysis'
	@echo 'make fuzz      a short run of every fuzz target'
	@echo 'make deps      install what building, running and testing need (Debian packages)'
	@echo 'make clean     remove build/'

deps:
	@scripts/install-deps test

build:
	@scripts/install-deps run
	@scripts/configure release
	@$(NINJA) -C build/release --quiet

run: build
	@mkdir -p build/run
	@build/release/bin/kiln build --arch arm64 --name arm64 --dir build/run examples/arm64.yml
	@echo
	@echo '  Booting. The console below is the machine'"'"'s: log in as root, no password is asked for.'
	@echo '  Its web server:  curl http://127.0.0.1:$(HTTP_PORT)/   (from another terminal)'
	@echo '  To switch off:   type poweroff, or press Ctrl-A and then X to pull the plug.'
	@echo
	@build/release/bin/kiln run --publish $(HTTP_PORT):80 --publish $(SSH_PORT):22 build/run/arm64

# ctest comes last, so that the closing lines say how the tests went.
test: deps
	@scripts/configure dev
	@$(NINJA) -C build/dev --quiet
	@scripts/lint build/dev
	@$(MAKE) --no-print-directory fuzz
	@ctest --test-dir build/dev --output-on-failure -j2 -LE nightly

test-all: test
	@ctest --test-dir build/dev --output-on-failure -j2 -L nightly
	@$(MAKE) --no-print-directory arm64

# What user-mode emulation does not do: tell that a spawned program is missing, or a path's MTU, give processes their own
# names, be quick enough to have written something when it is killed, preload a library into the host's shell.
EMULATION := Run.MissingProgramIsNamed|CredentialHelper.Failures|TellsWhoHasThePort|TftpServer.(SendsWindowsOfLargeBlocks|OffersNoBlockThatWouldBeFragmented)|Store.KilledWritersLeaveItGood|Zygote

arm64:
	@scripts/install-deps arm64
	@scripts/configure dev
	@$(NINJA) -C build/dev --quiet kiln
	@scripts/arm64-sysroot build/arm64-sysroot
	@scripts/configure arm64
	@$(NINJA) -C build/arm64 --quiet
	@ctest --test-dir build/arm64 --output-on-failure -j2 -E '$(EMULATION)'

lint: deps
	@scripts/configure dev
	@scripts/lint build/dev

fuzz:
	@scripts/configure fuzz
	@$(NINJA) -C build/fuzz --quiet
	@ctest --test-dir build/fuzz --output-on-failure -j2

bench: deps build
	@bench/run build/release/bin/kiln

clean:
	rm -rf build
