"""The ledger 台账: one SQL read model of all cases for people, projected from the topics exactly once and rebuilt from them at any
time. Lists, board, bulletins and figures read it; agents never do. It has no personal data: no text of who reported."""
