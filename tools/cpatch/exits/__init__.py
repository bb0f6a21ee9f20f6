"""How programs end: those made from a seed (fuzz), those that use real packages (battery)."""
