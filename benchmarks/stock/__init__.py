"""The study's training as it is usually written: the peer that the benches compare with."""
