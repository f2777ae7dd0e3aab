"""How jobs are submitted: script, number and size, the canary before them, and retries."""
