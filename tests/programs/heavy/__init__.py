"""Programs with the libraries that people bring, each small; what they observe, they leave in the folder $OUT."""
