"""What kinds of sources and sinks share to reach a system: certificates, paths, signatures, addresses of databases."""
