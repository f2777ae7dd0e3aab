"""What all parts of the report share: words, tables, errors."""
