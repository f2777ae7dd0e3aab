"""Which configuration to take: the table, the decision, and the sweep that confirms it."""
