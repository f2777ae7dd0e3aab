"""Work at regular intervals: leases, early stopping, old artifacts."""
