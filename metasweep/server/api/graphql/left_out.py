"""What clients ask for and this server does not have, on purpose: said in one sentence."""

# Part of a word of the document, in small letters -> what it is about.
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
    """The sentence for a document that does not fit the schema; None when it is about nothing known."""
    text = document.lower().replace("viewer", "")  # who asks, which is no view
    return next((f"this server has no {what}" for part, what in SUBJECTS.items() if part in text), None)
