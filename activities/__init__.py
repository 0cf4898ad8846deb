"""Side effects, one file a resource: a database activity is one transaction, a call to an outsider is one call."""
