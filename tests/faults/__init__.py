"""Every operation under every fault, and random lives of many orders: what Stripe has afterwards is what it should."""
