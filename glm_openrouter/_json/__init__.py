"""JSON: written and read strictly, read leniently, read while it comes, and its schemas."""
