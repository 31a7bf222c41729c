"""What a clip is, and what looks wrong in it, said to a person or a program."""
