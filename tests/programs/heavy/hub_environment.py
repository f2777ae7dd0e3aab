"""Variables that huggingface_hub reads when it is imported."""

import os

os.environ["HF_HOME"] = "/tmp/scratch-hf"
import huggingface_hub.constants as hub

with open(os.environ["OUT"] + "/read", "w") as file:
    file.write(hub.HF_HOME)
