"""The words of the language: selectors, layer entries, bases. Each reads its own YAML."""
