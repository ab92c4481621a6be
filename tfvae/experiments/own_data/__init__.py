"""A user's own tables and photographs."""
