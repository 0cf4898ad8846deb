"""A mail server that delivers nothing: it keeps every e-mail to be read, and refuses, hangs or drops when told."""
