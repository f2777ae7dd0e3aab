"""Who may use the server: keys, sessions, signed URLs, proxies."""
