#!/usr/bin/env bash
# The whole way in one go, without an account: 400 runs on digits, charts and table in report/.
set -euo pipefail
cd "$(dirname "$0")/.."

sweep=$(python agent.py sweeps/digits.yaml --local)
python -m analysis report "$sweep" --local --output report
python -m analysis table "$sweep" --local
python -m metasweep server stop
echo
echo "The report is in $PWD/report: open index.html, or README.md."
echo "The runs are kept in .metasweep: \`metasweep server\` serves them and their pages again."
