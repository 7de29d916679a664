"""The commands. Every module here has ``add_to(app)``, which adds its commands; what is slow to import is imported
inside the commands, so that each starts fast."""
