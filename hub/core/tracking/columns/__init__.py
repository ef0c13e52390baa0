"""Changes and updates as `track` reads them: from columns of records to what the core works on."""
