"""cpatch: builds a pinned CPython with an overlay of new files and a series of patches."""
