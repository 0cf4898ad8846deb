"""The clients of outside systems, against their stand-ins over HTTP."""
