# shellcheck shell=bash disable=SC2034,SC2154
# Sourced by ../dev.

# build PRESET: configures and builds build/PRESET.
build() {
  local preset=$1 options=()
  case $preset in
    release | debug | asan | tsan | aarch64) ;;
    *) die "unknown preset: $preset (release, debug, asan, tsan)" ;;
  esac
  if command -v ccache >/dev/null; then
    options+=(-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
    # Without these ccache does not keep what uses precompiled headers.
    export CCACHE_SLOPPINESS=${CCACHE_SLOPPINESS:-pch_defines,time_macros}
    if [[ -z ${CCACHE_DIR:-} && ! -w ${HOME:-} ]]; then export CCACHE_DIR=$root/build/ccache; fi
  else
    options+=(-UCMAKE_C_COMPILER_LAUNCHER -UCMAKE_CXX_COMPILER_LAUNCHER)
  fi
  if [[ -n ${CI:-} ]]; then options+=(-DTENSORFERRY_WARNINGS_AS_ERRORS=ON); fi
  if moved "build/$preset"; then rm -rf "build/$preset"; fi
  step "Configuring ($preset)" "configure-$preset" cmake --preset "$preset" "${options[@]}" &&
    step "Building ($preset)" "build-$preset" cmake --build "build/$preset" -j "$(job_count)"
}

# CMake and Ninja keep absolute paths: a build folder is of no use once the source has moved.
moved() {
  local cache=$1/CMakeCache.txt
  [[ -f $cache ]] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$cache"
}
