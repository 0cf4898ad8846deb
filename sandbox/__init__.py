"""Stand-ins for what a machine without accounts lacks; production code never imports this room."""
