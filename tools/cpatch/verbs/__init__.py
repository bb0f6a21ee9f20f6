"""One door per verb: its options, what it calls, what it says. Only here is click imported."""
