"""What a method, a dataset and a surface are; the records that every floor shares."""
