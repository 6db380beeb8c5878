"""Every WebSocket door of the portal, in one list."""
