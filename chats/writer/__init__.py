"""The way of accepted messages into the database, and of acknowledged ones out of it. One module a database."""
