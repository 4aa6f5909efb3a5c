"""Tests of the protocol core. `cast` holds the people; nothing here is a mock."""
