"""The batch system's side: jobs of agents on MetaCentrum (OpenPBS) or a Slurm cluster."""
