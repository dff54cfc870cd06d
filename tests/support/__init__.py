"""What tests share: one builder of responses, one way to ask each class, the servers that they ask."""
