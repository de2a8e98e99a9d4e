#!/usr/bin/env bash
# Lock every requirements file anew, with hashes and without naming an index. Needs uv; called by `make lock`.
set -euo pipefail
cd "$(dirname "$0")/.."

header="# Locked by 'make lock'; edit the .in file beside it instead."
compile() { # source, target, further options
  local source=$1 target=$2
  shift 2
  { echo "$header"; uv pip compile --quiet --generate-hashes --no-header "$@" "$source"; } >"$target.new"
  mv "$target.new" "$target"
}

# What runs on Lambda. The runtime brings boto3 and what botocore needs.
runtime=(boto3 botocore s3transfer urllib3 python-dateutil six)
lambda=(--python-version 3.13 --python-platform aarch64-manylinux_2_28)
compile layers/rag/requirements.in layers/rag/requirements.txt "${lambda[@]}" "${runtime[@]/#/--no-emit-package=}"

# The other layers lie over the shared one: where both need a package, the shared layer brings it, in its version.
shared=$(sed -n 's/^\([A-Za-z0-9_.-]*\)==.*/--no-emit-package=\1/p' layers/rag/requirements.txt)
for layer in ingest milvus; do
  # shellcheck disable=SC2086 # one option a word
  compile "layers/$layer/requirements.in" "layers/$layer/requirements.txt" "${lambda[@]}" \
    --constraint layers/rag/requirements.txt $shared
done

# The API's authorizer alone verifies tokens, and brings what that takes.
# shellcheck disable=SC2086 # one option a word
compile functions/authorize/requirements.in functions/authorize/requirements.txt "${lambda[@]}" \
  --constraint layers/rag/requirements.txt $shared

# What runs on a laptop: the same versions as on Lambda, for Python 3.11 to 3.13 on any platform.
laptop=(--universal --python-version 3.11 --constraint layers/rag/requirements.txt --constraint layers/ingest/requirements.txt
  --constraint functions/authorize/requirements.txt)
compile requirements/local.in requirements/local.txt "${laptop[@]}"
compile requirements/dev.in requirements/dev.txt "${laptop[@]}" --constraint requirements/local.txt

# The SAM CLI pins libraries that the rest uses in newer versions, so it lives in an environment of its own.
compile requirements/sam.in requirements/sam.txt --universal --python-version 3.11

# checkov pins even more.
compile requirements/rehearse.in requirements/rehearse.txt --universal --python-version 3.11
