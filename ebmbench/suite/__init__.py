"""What a suite says: its schema, and errors at its lines."""
