"""The `cityhub` command. Each module is one command or group; main puts them together and loads them when used."""
