"""Other people's packages: unmodified wheels, and what their own tests say on each interpreter."""
