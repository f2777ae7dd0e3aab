"""One run: its command line, its files, its log, and records that are still to be sent."""
