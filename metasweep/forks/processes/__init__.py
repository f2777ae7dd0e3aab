"""A process as programs see it: its main module, its command line, its end, its session."""
