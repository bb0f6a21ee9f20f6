"""How programs end: made from a seed (fuzz), or using real packages (battery)."""
