"""What the end-to-end tests are written with: see the modules; tests/README.md has the overview."""
