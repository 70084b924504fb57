"""Follow a run: trackers, each on a thread of its own, and the terminal."""
