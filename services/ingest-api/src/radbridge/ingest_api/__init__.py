"""What hospitals push: institutions and their credentials, orders, exams, reports as received."""
