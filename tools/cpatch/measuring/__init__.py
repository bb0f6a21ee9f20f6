"""What all measurements share: the interpreters compared, the machine, results, statistics."""
