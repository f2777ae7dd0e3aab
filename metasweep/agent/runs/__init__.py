"""One run: its command line, its files, its log, and its records that still have to be sent."""
