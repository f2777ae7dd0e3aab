"""Jobs of agents on a batch system: MetaCentrum (OpenPBS) or a Slurm cluster."""
