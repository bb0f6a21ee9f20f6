"""What real pre-fork servers cost in memory and in time."""
