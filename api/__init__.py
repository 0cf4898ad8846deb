"""The HTTP face: validate, authorize, start or update a workflow or read a table, shape the answer."""
