"""Which configuration to take: the table, the decision, and the sweeps that confirm it."""
