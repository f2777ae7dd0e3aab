"""From the W&B API to figures, tables and a report: `metasweep report`."""
