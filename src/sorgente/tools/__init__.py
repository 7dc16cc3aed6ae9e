"""Programs around the origin: they talk to it over HTTP, like anybody else."""
