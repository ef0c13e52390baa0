"""The board: pages for the wall, the desk, a department's phone and the operator, which read the ledger and follow it live."""
