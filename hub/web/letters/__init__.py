"""Dead letters 死信 with a life, for an operator at the board: grouped, shown, mended, sent again, closed."""
