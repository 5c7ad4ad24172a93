"""A run from created to finished."""
