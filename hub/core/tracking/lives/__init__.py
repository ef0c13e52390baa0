"""The life of one case, told anew from all that is known of it: what happened, what was refused and why, which clocks ran."""
