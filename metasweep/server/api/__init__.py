"""The GraphQL API: an engine for the schema, and resolvers by subject."""
