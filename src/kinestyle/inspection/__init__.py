"""Reports on clips, for people and programs."""
