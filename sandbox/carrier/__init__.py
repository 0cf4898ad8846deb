"""A stand-in for a carrier: sells labels, moves parcels by itself, posts signed scans."""
