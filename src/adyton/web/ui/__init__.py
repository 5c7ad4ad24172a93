"""The operator's pages, made on the server from the API's own answers."""
