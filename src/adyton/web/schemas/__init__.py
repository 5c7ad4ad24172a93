"""JSON Schemas of what operators write: jobs and bridges. For editors, and for the OpenAPI document."""
