"""What clients ask for and this server does not support on purpose, each with a sentence."""

# Part of a word in the document, in lower case -> its subject.
SUBJECTS = {
    "registr": "registries",
    "trigger": "automations",
    "automation": "automations",
    "integration": "integrations with other services",
    "runqueue": "launch queues",
    "resourceconfig": "launch queues",
    "jobartifact": "launch queues",
    "launch": "launch queues",
    "customchart": "definitions of custom charts: the presets of wandb.plot are kept with their run",
    "invite": "other users: give people keys with metasweep server key",
    "team": "other users: give people keys with metasweep server key",
    "serviceaccount": "other users: give people keys with metasweep server key",
    "fromadmin": "other users: give people keys with metasweep server key",
    "apikey": "keys made by clients: make them with metasweep server key",
    "eval": "evaluation tables",
    "view": "reports written in the cloud",
    "organization": "organizations",
}


def explain(document: str) -> str | None:
    """Return the sentence for a document that does not fit the schema; None if its subject is unknown."""
    text = document.lower().replace("viewer", "")  # `viewer` is the user who asks, not a view
    return next((f"this server has no {what}" for part, what in SUBJECTS.items() if part in text), None)
