"""Gives ``gc`` the functions of the wheel: what is written for the patched interpreter runs.

Copy it to the environment that has the wheel, or name its folder in PYTHONPATH.
"""

import gc

import immortal_heap

# Chooses for good: afterwards the interpreter looks as if it had the functions itself.
immortal_heap.why_not()
gc.immortalize_heap = immortal_heap.immortalize_heap
gc.is_immortal = immortal_heap.is_immortal
