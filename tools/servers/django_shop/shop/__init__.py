"""A shop: Django, an ORM on SQLite, templates, sessions, a catalogue in memory."""
