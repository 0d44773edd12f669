"""The pages: what changed, an entity, a request, a person, dead letters. Rendered on the server; they read without a
script."""
