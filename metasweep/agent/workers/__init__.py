"""The workers of an agent: each runs one run after the other; and what they share."""
