"""Questions to ranked hits."""
