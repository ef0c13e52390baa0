"""What a guarded broker needs: certificates, passwords, and files that hold secrets."""
