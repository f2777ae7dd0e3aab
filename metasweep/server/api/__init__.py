"""The GraphQL side: an engine over the schema, and resolvers by theme."""
