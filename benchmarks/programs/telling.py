"""The probe as a program that is not forked, since its use of `hash` would reveal a fork."""

from benchmarks.programs.probe import main

if __name__ == "__main__" and hash("a"):
    main()
