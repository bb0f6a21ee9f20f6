"""A shop without an ORM: a catalogue in memory, behind Flask, a pool of processes, or Celery."""
