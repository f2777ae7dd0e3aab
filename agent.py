"""The sweep agent from a clone: `python agent.py SWEEP`."""

from metasweep.agent.cli import main

if __name__ == "__main__":
    main()
