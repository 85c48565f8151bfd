# Shared by tests/bench/compare and tests/bench/scale: what both need before they measure. Sourced,
# not run.
# shellcheck shell=bash

# shellcheck source=deploy/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../deploy/common.sh"

# set_up_bench: packages, a release build and Python's packages; sets $python.
set_up_bench() {
  install_packages build run bench
  make_venv venv || die "the packages of tests/interop/requirements.txt do not install: see $(log_file venv)"
  python=$top/build/venv/bin/python
  export PYTHONPATH=$top/tests/bench:$top/tests/interop
  # Where tests/run has configured this folder already, its choice to build the tests is left alone.
  local configure=()
  [[ -e $top/build/release/build.ninja ]] || configure=(-DZEROGATE_TESTS=OFF)
  build release "${configure[@]}" -- zerogate yardsticks
}

# install_for_plot: what draws the plot, into the same folder of packages.
install_for_plot() {
  timeout 300 "$python" -m pip install --disable-pip-version-check --no-input -q \
    -r "$top/tests/bench/requirements.txt" >"$(log_file venv-bench)" 2>&1 ||
    die "the packages of tests/bench/requirements.txt do not install: see $(log_file venv-bench)"
}
