# shellcheck shell=bash disable=SC2034,SC2154
# Sourced by ../dev. The package names are the same in Debian 12 and Ubuntu 24.04.

build_packages=(g++ cmake ninja-build ccache pkg-config libprotobuf-dev protobuf-compiler libonnx-dev libhdf5-dev
  libcxxopts-dev doctest-dev libsnappy-dev nlohmann-json3-dev libssl-dev zlib1g-dev libdeflate-dev)
test_packages=(python3 python3-venv ca-certificates strace time zsh fish mandoc groff-base)
format_packages=(clang-format git)
lint_packages=("${format_packages[@]}" clang-tidy shellcheck python3)
cross_packages=(g++-aarch64-linux-gnu qemu-user)
bench_packages=(python3 python3-venv ca-certificates time hdf5-tools)

# The program that a package is wanted for, where any version of it serves.
package_command() {
  case $1 in
    g++ | cmake | ccache | strace | clang-format | clang-tidy | shellcheck | git | zsh | fish | mandoc) echo "$1" ;;
    ninja-build) echo ninja ;;
    python3) echo /usr/bin/python3 ;;
    time) echo /usr/bin/time ;;
    groff-base) echo groff ;;
    *) return 1 ;;
  esac
}

# Prints those of the packages named that are not there.
missing_packages() {
  local package wanted installed
  # shellcheck disable=SC2016  # dpkg-query's variables
  installed=$'\n'$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' "$@" 2>/dev/null || true)$'\n'
  for package in "$@"; do
    if [[ $installed == *$'\n'"$package installed"$'\n'* ]]; then continue; fi
    if wanted=$(package_command "$package") && command -v "$wanted" >/dev/null; then continue; fi
    echo "$package"
  done
}

as_root() {
  if ((EUID == 0)); then
    env DEBIAN_FRONTEND=noninteractive "$@"
  else
    sudo --preserve-env=http_proxy,https_proxy,no_proxy env DEBIAN_FRONTEND=noninteractive "$@"
  fi
}

apt_install() {
  local options=(-q -y -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3)
  # One broken source of many should not stop us: the installation below says what matters.
  as_root apt-get "${options[@]}" update || echo "apt-get update failed: trying with the lists that are there"
  as_root apt-get "${options[@]}" install --no-install-recommends "$@"
}

# need_packages NAME...: installs what is missing; with nothing missing it needs neither network nor root.
need_packages() {
  local missing
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    if [[ -z ${told_no_dpkg:-} ]]; then
      echo "== This is neither Debian nor Ubuntu. Going on; what must be installed goes by these names there:"
      echo "   $*"
    fi
    told_no_dpkg=yes
    return 0
  fi
  mapfile -t missing <<<"$(missing_packages "$@")"
  if [[ -z ${missing[*]} ]]; then return 0; fi
  if ((EUID != 0)); then
    if ! command -v sudo >/dev/null || ! { sudo -n true 2>/dev/null || { [[ -t 0 ]] && sudo -v; }; }; then
      die "these packages are missing, and installing them needs root or sudo. As root, run:
  apt-get update && apt-get install --no-install-recommends ${missing[*]}"
    fi
  fi
  echo "== Packages that are missing: ${missing[*]}"
  step "Installing them" packages apt_install "${missing[@]}" ||
    die "the packages could not be installed: is the network there? See $logs/packages.log"
}
