#!/usr/bin/env bash
# Makes d3.js again from the exact versions below; a maintainer runs it, users never do. Needs npm.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

modules=(d3-axis@3.0.1 d3-brush@3.0.1 d3-scale@4.0.3 d3-selection@3.0.1)
cp "$here/entry.js" "$work/"
cd "$work"
npm install --no-save --no-package-lock --no-audit --no-fund --silent "${modules[@]}" esbuild@0.28.2
{
    echo "/* ${modules[*]} and what they import, bundled by build.sh."
    cat node_modules/d3-brush/LICENSE
    echo "*/"
    npx esbuild entry.js --bundle --minify --format=esm --target=es2020 --log-level=warning
} > "$here/d3.js"
