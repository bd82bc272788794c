"""What stands in a `.keras` archive beside the config and the weights."""

METADATA = "metadata.json"
SAVED = "1980-01-01@00:00:00"  # the first date that a zip archive knows: the same spec makes the same bytes
