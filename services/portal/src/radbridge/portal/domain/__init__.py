"""What people may see and how it is told: pure rules of journeys and of patients' links."""
