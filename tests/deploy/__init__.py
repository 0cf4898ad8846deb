"""Tests of how Milepost runs elsewhere: the compose file, the image, the scripts of `deploy/`."""
