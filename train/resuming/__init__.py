"""A run that is stopped and continued later: checkpoints and SIGTERM."""
