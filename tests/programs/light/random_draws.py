"""Every source of randomness and identity that a process draws once; nothing is seeded."""

import json
import os
import random
import secrets
import tempfile
import uuid

import numpy as np
import torch

draws = {
    "random": random.random(),
    "legacy": np.random.rand(),
    "rng": np.random.default_rng().random(),
    "sequence": np.random.SeedSequence().entropy,
    "torch": torch.initial_seed(),
    "order": torch.randperm(30).tolist(),
    "weight": torch.nn.Linear(4, 1).weight.sum().item(),
    "uuid1": str(uuid.uuid1()),
    "uuid4": str(uuid.uuid4()),
    "name": tempfile.mktemp(),
    "token": secrets.token_hex(),
    "state": random.getstate()[1][:3],
}
open(os.environ["OUT"] + "/random.json", "w").write(json.dumps(draws))
