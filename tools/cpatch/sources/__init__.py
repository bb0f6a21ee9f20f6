"""What comes from outside: archives, the store of pristine trees, source trees on disk."""
