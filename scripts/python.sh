#!/usr/bin/env bash
# Print the path of a Python: `python.sh` any of 3.11 to 3.13, `python.sh 3.13` just that one. Fail with advice.
set -u

wanted=${1:-3.13 3.12 3.11}
works() { "$1" -c "import ensurepip, sys, venv; sys.exit(sys.version_info[:2] != tuple(map(int, '$2'.split('.'))))" 2>/dev/null; }

for version in $wanted; do
  candidates=("python$version" python3 python "/opt/homebrew/bin/python$version" "/usr/local/bin/python$version")
  if command -v pyenv >/dev/null; then
    candidates+=("$(pyenv root)/versions/$version"*/bin/"python$version")
  fi
  if command -v uv >/dev/null; then
    candidates+=("$(uv python find "$version" 2>/dev/null)")
  fi
  for candidate in "${candidates[@]}"; do
    if [ -n "$candidate" ] && works "$candidate" "$version"; then
      "$candidate" -c 'import sys; print(sys.executable)'
      exit 0
    fi
  done
done

echo "No Python ${wanted// /, } with venv was found. Install one (uv python install ${wanted%% *}, pyenv install ${wanted%% *}, or your system's packages) and try again." >&2
exit 1
