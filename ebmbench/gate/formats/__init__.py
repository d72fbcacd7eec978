"""What a judgement is written as: a module a format, all of the same words and numbers."""
