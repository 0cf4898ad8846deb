"""`POST /graphql`: the same rules as the routes beside it, asked for in one question."""
