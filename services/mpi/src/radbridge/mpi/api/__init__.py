"""HTTP edge of ``mpi``."""
