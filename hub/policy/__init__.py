"""A city's rules as data: models, loader and checks of a policy folder."""

from hub.policy.city import City
from hub.policy.loader import load_city
from hub.policy.problems import PolicyError

__all__ = ["City", "PolicyError", "load_city"]
