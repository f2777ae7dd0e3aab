"""Not Python."""
def f(:
