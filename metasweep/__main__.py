"""`python -m metasweep`: the command `metasweep`."""

from metasweep.cli import main

if __name__ == "__main__":
    main(prog_name="metasweep")
