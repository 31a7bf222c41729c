"""Files and clips: one package or module for each format, and the table of all of them."""
