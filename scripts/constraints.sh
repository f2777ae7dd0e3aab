#!/usr/bin/env bash
# Resolve constraints.txt again from the ranges in setup.cfg, for every Python from 3.10 on.
# Needs uv. Torch and torchvision are a matching pair and stay as they are: change them by hand.
set -euo pipefail
cd "$(dirname "$0")/.."

pair=$(grep -E '^(torch|torchvision)==' constraints.txt)
resolved=$(uv pip compile --quiet --universal --python-version 3.10 --extra study --extra dev --extra bench \
    --constraint <(printf '%s\n' "$pair") --no-annotate --no-header setup.cfg)
{
    echo '# Exact versions that make installs, for Python 3.10 and newer; ranges are in setup.cfg.'
    echo '# Made by make constraints. Torch pins its own CUDA packages, so they are left out here.'
    grep -vE '^(nvidia-|cuda-|setuptools==|pip==)' <<<"$resolved"
} >constraints.txt
