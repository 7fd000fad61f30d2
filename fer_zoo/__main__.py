"""`python -m fer_zoo`, the same as `fer-zoo`."""

from fer_zoo.cli.main import main

if __name__ == "__main__":
    main()
