"""Domain values in the forms that the API shows."""
