"""The tables on a real PostgreSQL, asked as the application's own role."""
