"""The schema, and what all queries share: their budget, pages of lists, and what is not supported."""
