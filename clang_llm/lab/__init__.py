"""How what is shipped is made and measured. No other room but the commands imports it; no compile runs it."""
