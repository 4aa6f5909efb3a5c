"""Opaque encrypted blobs and quotas. Not built yet; the import contracts already keep it from knowing chats."""
