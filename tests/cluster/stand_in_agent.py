"""Stands in for agent.py where a test is about the job around it: notes arguments and signals.

Options: --sleep SECONDS, --until FILE (work until it is there), --exit STATUS, --child,
--leave (write what wandb would leave behind), --eat MB (take so much memory and wait).
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

FOLDER = Path("witness")
NAME = f"{os.environ.get('PBS_JOBID', 'none')}.{os.getpid()}"


def note(kind, content):
    FOLDER.mkdir(exist_ok=True)
    part = FOLDER / f".{NAME}.{kind}"
    part.write_text(json.dumps(content))
    part.rename(FOLDER / f"{NAME}.{kind}")


def on_signal(number, _frame):
    signal.signal(number, signal.SIG_IGN)  # as Python forgets its handlers some time before it ends
    note("signal", {"signal": number, "time": time.time()})
    sys.exit(3)


def value(option, default):
    return float(sys.argv[sys.argv.index(option) + 1]) if option in sys.argv else default


signal.signal(signal.SIGTERM, on_signal)
if "--leave" in sys.argv:
    run = Path(os.environ["WANDB_DIR"]) / "wandb" / "run-1"
    run.mkdir(parents=True)
    (run / "run-1.wandb").write_text("records")
if "--child" in sys.argv:
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
Path(os.environ["TMPDIR"], "left behind").write_text("rubbish")
note(
    "start",
    {
        "arguments": sys.argv[1:],
        "environment": dict(os.environ),
        "folder": str(Path.cwd()),
        "session": os.getsid(0),
        "pid": os.getpid(),
    },
)
print("agent says hello", flush=True)
if "--eat" in sys.argv:
    eaten = bytearray(b"x" * (int(value("--eat", 0)) << 20))
    time.sleep(60)
deadline = time.time() + value("--sleep", 0)
until = sys.argv[sys.argv.index("--until") + 1] if "--until" in sys.argv else "."
while time.time() < deadline or not Path(until).exists():
    time.sleep(0.01)
sys.exit(int(value("--exit", 0)))
