"""What people look at: the console, an exam's journey, the patient's page and the viewer."""
