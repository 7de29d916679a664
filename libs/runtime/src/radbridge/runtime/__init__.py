"""What every service needs and no service should write again."""
