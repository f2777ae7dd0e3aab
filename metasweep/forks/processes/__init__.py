"""What a program sees of its process: its main module, command line, end and session."""
