"""The `cityhub` command. A room holds the commands of one concern; main puts them together and loads each when it is used."""
