"""Texts become vectors, and documents an order: what is asked, and how the answers are checked and read.

Everything here is plain functions and data. A long list goes in parts (`parts.py`), each part is one request, and
`_client` sends them on the path of all other requests.
"""
