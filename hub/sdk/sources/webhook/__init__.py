"""Sources of calls: systems that tell by themselves, over HTTP."""
