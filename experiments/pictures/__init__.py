"""Pictures of a case: bodies rendered off-screen, curves over time, in one style."""
