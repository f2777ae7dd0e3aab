"""Processes that the program starts: what they print, what they return, what they inherit."""

import os
import subprocess
import sys

done = subprocess.run(
    ["sh", "-c", "echo said; ls /proc/self/fd | wc -l; exit 3"], capture_output=True, text=True
)
subprocess.run([sys.executable, "-c", "print('from a child')"], check=True)
os.system("echo from a shell")
open(os.environ["OUT"] + "/said", "w").write(f"{done.stdout}{done.returncode}")
