"""How to speak to a W&B server: the account, GraphQL with its retries, a sweep by name or file."""
