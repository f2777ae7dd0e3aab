"""The schema, and what queries have in common: what they may cost, lists in pages, what is left out."""
