"""Which exams need not be repeated: pure rules."""
