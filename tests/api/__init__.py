"""What the API's own parts do by themselves, without a server."""
