"""SQLAlchemy tables, one file an aggregate, with the queries that belong to it."""
