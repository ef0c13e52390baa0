"""What becomes of dead letters 死信: what they hold, grouped, mended, sent again or closed. Pure but for what it is given."""
