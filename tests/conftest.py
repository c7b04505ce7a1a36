"""What every test shares: silent runtimes, and the option that rewrites generated documentation."""

from overt.inference.silence import silence_runtimes

# Before a test can import a runtime by itself.
silence_runtimes()


def pytest_addoption(parser):
    parser.addoption(
        "--update-docs",
        action="store_true",
        help="rewrite the generated parts of the documentation instead of comparing them",
    )
