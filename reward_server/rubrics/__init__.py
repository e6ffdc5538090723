"""The rubrics that come with the server, one YAML file each, and ``loading``, which reads them."""
