# shellcheck shell=bash disable=SC2034,SC2154
# Sourced by ../dev, which sets `root` and `logs`.

python=/usr/bin/python3 # the distribution's: what the packages of need_packages install
if [[ ! -x $python ]]; then python=python3; fi

bold='' plain=''
if [[ -t 1 && -z ${NO_COLOR:-} ]]; then
  bold=$'\e[1m' plain=$'\e[0m'
fi

die() {
  printf 'dev: %s\n' "$*" >&2
  exit 1
}

# step TEXT LOG COMMAND...: one line on the screen, everything else in a log that is shown on failure.
step() {
  local text=$1 log=$logs/$2.log start=$SECONDS
  shift 2
  mkdir -p "$logs"
  printf '== %s ... ' "$text"
  if "$@" >"$log" 2>&1 </dev/null; then
    printf 'done (%d s)\n' $((SECONDS - start))
    return 0
  fi
  printf 'FAILED (%d s)\n' $((SECONDS - start))
  if (($(wc -l <"$log") > 150)); then
    echo "---- the first errors in $log"
    grep -m 12 -iE '^FAILED|error[: ]' "$log" || true
  fi
  echo "---- the last lines of $log"
  tail -n 150 "$log"
  echo "---- $log"
  return 1
}

# As many jobs as processors, but one for each GiB of memory at most.
job_count() {
  if [[ -n ${TENSORFERRY_JOBS:-} ]]; then
    echo "$TENSORFERRY_JOBS"
    return
  fi
  local jobs memory
  jobs=$(nproc 2>/dev/null || echo 2)
  memory=$(awk '/^MemTotal:/ { print int($2 / 1048576) }' /proc/meminfo 2>/dev/null || true)
  if [[ -n $memory ]] && ((memory < jobs)); then jobs=$((memory > 1 ? memory : 1)); fi
  echo "$jobs"
}
