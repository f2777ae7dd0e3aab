"""The embedded server: speaks the W&B protocol, keeps its state in one directory."""
