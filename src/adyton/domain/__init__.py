"""Pure values and rules: nothing here awaits, reads a clock, draws random numbers or opens anything."""
