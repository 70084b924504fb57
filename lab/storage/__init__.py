"""Keep runs on disk: the folder, its records, media, and what may be deleted."""
