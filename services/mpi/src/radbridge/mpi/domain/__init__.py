"""Who is who: pure match rules."""
