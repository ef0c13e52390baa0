"""What commands share: options, words and bars for people, and a few records sent by hand."""
