"""Reading and checking sweep configs."""
