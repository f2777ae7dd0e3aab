"""The probe as a program that is not forked: `hash` tells forks of one process from new processes."""

from benchmarks.programs.probe import main

if __name__ == "__main__" and hash("a"):
    main()
