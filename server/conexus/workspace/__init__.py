"""Which files belong to an index, and what they say."""
