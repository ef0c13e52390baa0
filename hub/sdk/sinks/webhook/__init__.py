"""Orders and receipts as signed calls to a department's own address: CloudEvents, signed as Standard Webhooks has it."""
