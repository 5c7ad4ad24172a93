"""What an operator or a client may ask of the node: one function for each wish."""
