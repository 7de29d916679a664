"""Objects by name: files on a disk or an S3 bucket."""
