# shellcheck shell=bash disable=SC2034,SC2154
# Sourced by ../dev.

# Debian 12's. Other versions lay out some lines differently, so they only advise.
clang_format_version=14

# Files that git tracks or would track: project_files PATTERN...
project_files() {
  git -c safe.directory="$root" ls-files --cached --others --exclude-standard -- "$@" | sort -u |
    while IFS= read -r file; do if [[ -f $file ]]; then printf '%s\n' "$file"; fi; done
}

cpp_files() {
  project_files '*.h' '*.cpp' | grep -E '^(include|src|converters|tests|samples)/' || true
}

format() {
  need_packages "${format_packages[@]}"
  if [[ ${1:-} == --check ]]; then
    cpp_files | xargs -r -d "\n" clang-format --dry-run -Werror
  else
    cpp_files | xargs -r -d "\n" clang-format -i
  fi
}

# lint [--tests]: with clang-tidy on the tests too.
lint() {
  local lint_failed=0
  need_packages "${build_packages[@]}" "${lint_packages[@]}"
  lint_step "Format (mend it with ./dev format)" format check_format
  lint_step "Shell scripts" shellcheck check_shell
  lint_step "Python files" python check_python
  lint_step "Rules of the repository" rules "$python" tools/check_rules.py
  # The compiler's warnings and the generated headers, which clang-tidy needs.
  if build release; then
    lint_step "clang-tidy" clang-tidy "$python" tools/run_clang_tidy.py --build build/release --jobs "$(job_count)" "$@"
  else
    lint_failed=1
  fi
  if ((lint_failed != 0)); then
    echo "== Lint: FAILED"
    return 1
  fi
  echo "== Lint: clean"
}

lint_step() {
  step "$@" || lint_failed=1
}

check_format() {
  if format --check; then return 0; fi
  if clang-format --version | grep -q "version $clang_format_version\."; then return 1; fi
  echo "Not clang-format $clang_format_version: differences are allowed."
}

check_shell() {
  project_files dev .ci/run '*.sh' | xargs -r -d "\n" shellcheck -x
}

check_python() {
  project_files '*.py' | xargs -r -d "\n" "$python" -c '
import ast, sys
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        ast.parse(file.read(), path)
'
}
