"""One thin module per command: read the options, call the story, print the result."""
