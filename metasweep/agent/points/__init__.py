"""Points that the agent picks itself: those that are missing, and those that are new."""
