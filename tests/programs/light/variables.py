"""The environment."""

import json
import os

OURS = ("OUT", "WANDB_RUN_ID", "_", "SHLVL", "WANDB_X_SAVE_REQUIREMENTS")
open(os.environ["OUT"] + "/environ.json", "w").write(
    json.dumps({k: v for k, v in sorted(os.environ.items()) if k not in OURS}, indent=1)
)
