"""`python -m seedless`: the command line where its script is not on the path."""

from seedless.cli import main

if __name__ == "__main__":
    main()
