"""Who may ask: keys, sessions, signed URLs, proxies."""
