# Shared by deploy/run, the examples, tests/run and tests/bench/compare: messages, packages and builds.
# Sourced, not run.
# shellcheck shell=bash

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '==> %s\n' "$*"; }

die() {
  printf '%s: %s\n' "$0" "$*" >&2
  exit 1
}

# need_build_folder: all that follows writes there. Root's earlier run may have left files of its own.
need_build_folder() {
  local locked=""
  mkdir -p "$top/build/logs" 2>/dev/null || locked=$top/build
  locked=${locked:-$(find "$top/build" -maxdepth 2 ! -type l ! -writable -print -quit)}
  [[ -z $locked ]] ||
    die "cannot write to $locked; make it yours (chown -R), or use a copy of the project that is"
}

# missing_packages USE...: those of deploy/packages.txt for these uses that are not installed yet.
missing_packages() {
  local use package
  while read -r use package; do
    [[ " $* " == *" $use "* ]] || continue
    dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
      printf '%s\n' "$package"
  done <"$top/deploy/packages.txt"
}

# install_packages USE...: installs what is missing, and touches apt only then.
install_packages() {
  command -v dpkg-query >/dev/null ||
    die "this is not Debian; install what deploy/packages.txt names by hand, then use cmake --preset release"
  local missing as_root=()
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]})) || return 0
  if ((EUID != 0)); then
    command -v sudo >/dev/null ||
      die "these packages are missing: ${missing[*]}; run this as root, or as root: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  say "installing ${#missing[@]} packages: ${missing[*]}"
  # The script runs as root. policy-rc.d keeps Debian from starting the services that come with
  # some packages (redis-server, prometheus): only what we start ourselves may run, and listen.
  # An update may fail for a source that is none of our business: the install decides.
  # shellcheck disable=SC2016  # the inner shell expands it
  "${as_root[@]}" bash -euc '
    export DEBIAN_FRONTEND=noninteractive
    policy=/usr/sbin/policy-rc.d
    if [[ ! -e $policy ]]; then
      trap "rm -f $policy" EXIT
      printf "#!/bin/sh\nexit 101\n" >$policy
      chmod +x $policy
    fi
    options=(-qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300)
    apt-get "${options[@]}" update || true
    apt-get "${options[@]}" install --no-install-recommends -y "$@"' \
    install_packages "${missing[@]}" </dev/null >"$(log_file packages)" 2>&1 || {
    tail -n 20 "$(log_file packages)" >&2
    die "apt-get could not install ${missing[*]} (its last lines are above); Debian 12 has them all in main"
  }
}

# log_file NAME: where the output of a step goes; shown when the step fails.
log_file() {
  mkdir -p "$top/build/logs"
  printf '%s/build/logs/%s.log' "$top" "$1"
}

# has_docker: whether a Docker engine runs that we may use.
has_docker() { command -v docker >/dev/null && timeout 10 docker info >/dev/null 2>&1; }

# build PRESET [CMAKE_OPTION...] -- TARGET...: configures and builds; quiet unless it fails.
build() {
  local preset=$1 options=() log
  shift
  while [[ $1 != -- ]]; do
    options+=("$1")
    shift
  done
  shift
  log=$(log_file "build-$preset")
  mkdir -p "$top/build/$preset"
  # The lock keeps two scripts from building in one folder at a time.
  (
    flock 9
    cmake -S "$top" --preset "$preset" "${options[@]}" && cmake --build "$top/build/$preset" --target "$@"
  ) 9>"$top/build/$preset/.lock" >"$log" 2>&1 </dev/null && return
  grep -E -A 5 'FAILED|error|CMake Error' "$log" | head -n 60 >&2 || tail -n 30 "$log" >&2
  printf '%s: the build of preset %s failed; all of its output is in %s\n' "$0" "$preset" "$log" >&2
  return 1
}

# within SECONDS COMMAND...: as timeout, and says so when they were not enough. What does not end when
# it is told to is killed.
within() {
  local status=0
  timeout -k 10 "$@" || status=$?
  if ((status == 124)); then
    printf '%s took more than %s s: is the machine busy, or the network slow?\n' "$2" "$1"
  fi
  return "$status"
}

# make_venv NAME [LIST]: build/NAME, with the packages of PyPI of the list (that of the tests), made
# again only when the list or Python changes. Quiet; $(log_file NAME) has the output.
make_venv() {
  local stamp name=$1 list=${2:-$top/tests/interop/requirements.txt} venv
  venv=$top/build/$name
  stamp=$(python3 --version; sha256sum <"$list")
  mkdir -p "$top/build"
  (
    flock 9  # two scripts at a time would take it from under each other
    if [[ $(cat "$venv/.stamp" 2>/dev/null) != "$stamp" ]]; then
      rm -rf "$venv" && python3 -m venv "$venv" &&
        within 900 "$venv/bin/pip" install --disable-pip-version-check --no-input -q -r "$list" &&
        printf '%s\n' "$stamp" >"$venv/.stamp"
    fi
  ) 9>"$top/build/.$name.lock" >"$(log_file "$name")" 2>&1 </dev/null
}
