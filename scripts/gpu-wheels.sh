#!/usr/bin/env bash
# Fetch into build/wheels what `make bench-gpu` needs beside torch, torchvision, numpy and scipy, for a machine
# without a package index. PYTHON_VERSION is that of the other machine.
set -euo pipefail
cd "$(dirname "$0")/.."

version=${PYTHON_VERSION:-3.12}
rm -rf build/wheels
platforms=()
for platform in manylinux_2_28_x86_64 manylinux_2_27_x86_64 manylinux_2_17_x86_64 manylinux2014_x86_64; do
    platforms+=(--platform "$platform")
done
"${PYTHON:-python3}" -m pip download --quiet --disable-pip-version-check --only-binary=:all: \
    --python-version "$version" --implementation cp "${platforms[@]}" --dest build/wheels \
    wandb click pyyaml rich requests starlette uvicorn graphql-core httptools itsdangerous google-re2 \
    threadpoolctl
size=$(du -sm build/wheels | cut -f1)
echo "$size MB in build/wheels, for Python $version"
test "$size" -lt 64 || { echo "That is too much: at most 64 MB can be copied." >&2; exit 1; }
