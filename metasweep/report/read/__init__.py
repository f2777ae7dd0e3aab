"""From the API to the typed `Study`."""
