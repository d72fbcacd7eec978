"""The built-in methods, one folder for each strategy: plugins like anybody else's."""
