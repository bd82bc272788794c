"""From a text to plain data that knows where everything stands: YAML, variables, overrides."""
