"""What happens when somebody does an action: one file a stage, functions that take the desk. No Qt."""
