"""What every room of the report uses: words, tables, errors."""
