"""What bench measured, as tables and plots."""
