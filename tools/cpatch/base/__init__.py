"""The ground: errors, what the driver says, processes, git, where things are, pins, locks."""
