"""What an audit checks, each by itself: accounts, structure, state, receipts, gaps, dates, and one run against another. No I/O."""
