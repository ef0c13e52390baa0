"""`cityhub bulletin`: the daily bulletin 每日通报 and the figures of a month 月报, as pages to read and print, and as CSV."""
