"""Text and YAML files that people write, read strictly."""
