"""How Alembic reaches the database: the transaction that :func:`byline.history.migrate.upgrade` has begun."""

from alembic import context

from byline.history.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
