# shellcheck shell=bash disable=SC2034,SC2154
# Sourced by ../dev.

results=build/test-results
venv=build/venv
passed=0
failed=${TENSORFERRY_ALSO_FAILED:-0} # .ci/run: checks that failed before the tests
closed=''

run_tests() {
  local unit=yes judges=yes full=no filter=no ctest_arguments=() pytest_arguments=()
  while (($# > 0)); do
    case $1 in
      --unit) judges=no ;;
      --judges) unit=no ;;
      --full) full=yes ;;
      -R)
        (($# > 1)) || die "-R needs an expression"
        ctest_arguments+=(-R "$2")
        filter=yes
        shift
        ;;
      *) pytest_arguments+=("$1") ;;
    esac
    shift
  done
  # A filter for one kind of test means that kind only.
  if [[ $filter == yes && ${#pytest_arguments[@]} == 0 ]]; then judges=no; fi
  if [[ $filter == no && ${#pytest_arguments[@]} != 0 ]]; then unit=no; fi
  if [[ $full == yes ]]; then export TENSORFERRY_FULL=1; fi
  export TENSORFERRY=$root/$program

  # Whatever happens, the last line says how it went.
  trap '[[ -n $closed ]] || echo "$passed passed, $((failed + 1)) failed"' EXIT
  rm -rf "$results"
  mkdir -p "$results"
  need_packages "${build_packages[@]}" "${test_packages[@]}"
  if build release; then
    if [[ $unit == yes ]]; then
      unit_tests release "C++ tests" "${ctest_arguments[@]}"
      sanitizer_tests asan "The same under address and undefined behaviour sanitizers" "${ctest_arguments[@]}"
      if [[ $full == yes ]]; then
        sanitizer_tests tsan "The same under the thread sanitizer" "${ctest_arguments[@]}"
      fi
    fi
    if [[ $judges == yes ]]; then judge_tests "${pytest_arguments[@]}"; fi
  else
    failed=$((failed + 1))
  fi
  if ((passed + failed == 0)); then
    echo "No test ran."
    failed=1
  fi
  closed=yes
  echo "$passed passed, $failed failed"
  ((failed == 0))
}

# tally JUNIT COMMAND_STATUS: says and sets count_passed and count_failed, and adds the failures.
tally() {
  local skipped
  read -r count_passed count_failed skipped <<<"$("$python" tools/count_results.py "$1" || echo 0 1 0)"
  if (($2 != 0 && count_failed == 0)); then count_failed=1; fi
  failed=$((failed + count_failed))
  echo "   $count_passed passed, $count_failed failed, $skipped skipped"
}

# unit_tests PRESET TITLE CTEST-ARGUMENTS...
unit_tests() {
  local preset=$1 title=$2 status=0 junit=$root/$results/unit-$1.xml
  shift 2
  step "$title" "test-$preset" ctest --test-dir "build/$preset" --output-on-failure -j "$(job_count)" \
    --test-output-size-passed 1048576 --test-output-size-failed 1048576 --output-junit "$junit" "$@" || status=1
  tally "$junit" "$status"
  # The sanitizers run the same tests again: they count when they fail.
  if [[ $preset == release ]]; then passed=$((passed + count_passed)); fi
}

sanitizer_tests() {
  local preset=$1 title=$2
  shift 2
  if ! build "$preset"; then
    failed=$((failed + 1))
    return 0
  fi
  local leaks=1
  if [[ ! -d /proc/self/task ]]; then
    echo "   (/proc is not mounted: without the search for leaks)"
    leaks=0
  fi
  # A damaged HDF5 file makes its library ask for more memory than there is, and it takes a refusal well.
  ASAN_OPTIONS=${ASAN_OPTIONS:-strict_string_checks=1:detect_stack_use_after_return=1:allocator_may_return_null=1:detect_leaks=$leaks} \
    LSAN_OPTIONS=${LSAN_OPTIONS:-suppressions=$root/tests/leaks.supp:print_suppressions=0} \
    UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1} \
    TSAN_OPTIONS=${TSAN_OPTIONS:-halt_on_error=1:allocator_may_return_null=1} \
    TENSORFERRY=$root/build/$preset/bin/tensorferry \
    unit_tests "$preset" "$title" -L unit "$@"
}

# The environment of the judges: exactly tests/interop/requirements.txt, installed again only when that changes.
prepare_judges() {
  local requirements=tests/interop/requirements.txt stamp=$venv/.requirements wanted
  wanted="$("$python" -V) $(sha256sum <"$requirements")"
  if [[ -f $stamp && $(<"$stamp") == "$wanted" ]]; then return 0; fi
  if [[ ! -x $venv/bin/python || $("$venv/bin/python" -V) != "$("$python" -V)" ]]; then
    step "Making the judges' Python environment" venv "$python" -m venv --clear "$venv" || return 1
  fi
  rm -f "$stamp"
  step "Fetching the judges: TensorFlow, ONNX Runtime, h5py and others (about 350 MB)" pip \
    "$venv/bin/python" -m pip install --disable-pip-version-check --no-deps --only-binary :all: -r "$requirements" ||
    return 1
  echo "$wanted" >"$stamp"
}

judge_tests() {
  local status=0 junit=$root/$results/judges.xml
  if ! prepare_judges; then
    failed=$((failed + 1))
    return 0
  fi
  # Quiet, on the processor, and the same on every one of them.
  export CUDA_VISIBLE_DEVICES='' TF_CPP_MIN_LOG_LEVEL=2 TF_ENABLE_ONEDNN_OPTS=0 PYTHONDONTWRITEBYTECODE=1
  step "The judges" judges "$venv/bin/python" -m pytest tests/interop -q -ra -p no:cacheprovider \
    --junitxml="$junit" "$@" || status=1
  tally "$junit" "$status"
  passed=$((passed + count_passed))
}
