"""Runs that are kept in the repository: how they come there, and what is said of them."""
