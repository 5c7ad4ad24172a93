"""The OpenAPI document, made from the table of routes, and the page on which people read it."""
