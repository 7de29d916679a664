"""What `make` runs: installing tools and test servers, building pages, reporting. Not part of the product."""
