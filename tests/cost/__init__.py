"""What an order costs, counted exactly."""
