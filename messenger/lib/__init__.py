"""Leaves that every app may use. Nothing here imports an app of ours."""
