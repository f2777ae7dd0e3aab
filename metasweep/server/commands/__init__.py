"""The commands of `metasweep server`."""
