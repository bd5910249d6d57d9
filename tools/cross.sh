# shellcheck shell=bash disable=SC2034,SC2154
# Sourced by ../dev: the build for 64-bit ARM.

sysroot=build/aarch64-sysroot
# Their headers and static libraries are unpacked; nothing of another processor is installed.
sysroot_packages=(libprotobuf-dev libonnx-dev libhdf5-dev libaec-dev libcxxopts-dev doctest-dev libsnappy-dev
  nlohmann-json3-dev libssl-dev zlib1g-dev libdeflate-dev)

# cross CTEST-ARGUMENTS...
cross() {
  source tools/test.sh
  need_packages "${build_packages[@]}" "${cross_packages[@]}"
  mkdir -p "$results"
  local stamp=$sysroot/.packages
  if [[ ! -f $stamp || $(<"$stamp") != "${sysroot_packages[*]}" ]]; then
    step "Fetching libraries for ARM" sysroot fetch_sysroot
    echo "${sysroot_packages[*]}" >"$stamp"
  fi
  build aarch64
  unit_tests aarch64 "C++ tests for ARM, under qemu" -L unit "$@"
  ((failed == 0))
}

# By an apt of its own, which knows the other processor only, and needs no root.
fetch_sysroot() {
  local apt=$root/build/aarch64-apt file archives
  rm -rf "$apt" "$sysroot"
  mkdir -p "$apt"/{lists/partial,cache/archives/partial,sources,packages} "$sysroot"
  cp /etc/apt/sources.list.d/* "$apt/sources/" || true
  if [[ -f /etc/apt/sources.list ]]; then cp /etc/apt/sources.list "$apt/sources/system.list"; fi
  # Ubuntu keeps the packages of other processors elsewhere.
  sed -i -E 's#https?://[a-z.]*(archive|security)\.ubuntu\.com/ubuntu/?#http://ports.ubuntu.com/ubuntu-ports/#' "$apt"/sources/*
  cat >"$apt/apt.conf" <<CONFIGURATION
APT::Architecture "arm64";
APT::Architectures { "arm64"; };
APT::Sandbox::User "root";
Acquire::Retries "3";
Dir::State::lists "$apt/lists";
Dir::State::status "/dev/null";
Dir::Cache "$apt/cache";
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "$apt/sources";
CONFIGURATION
  local -x APT_CONFIG=$apt/apt.conf
  apt-get update || echo "apt-get update failed: trying with the lists that are there"
  (cd "$apt/packages" && apt-get download "${sysroot_packages[@]}") || return 1
  for file in "$apt"/packages/*.deb; do dpkg-deb -x "$file" "$sysroot" || return 1; done
  rm -rf "$apt"
}
