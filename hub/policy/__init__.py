"""A city's rules as data: models, loader and checks of a policy folder."""

from hub.policy.city import City
from hub.policy.loader import load_city

__all__ = ["City", "load_city"]
