"""`python -m kinestyle`, which is how torchrun starts several processes of it."""

from kinestyle.cli import main

if __name__ == "__main__":
    main()
