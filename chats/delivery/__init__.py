"""Delivery: connections, what is pushed to them, and what they acknowledge. Knows no transport and no SQL."""
