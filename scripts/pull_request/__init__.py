"""What the action in `action.yml` does in a pull request; only Python's own library is needed beside the program."""
