"""`python -m metacentrum`."""

from metasweep.cluster.cli import main

if __name__ == "__main__":
    main()
